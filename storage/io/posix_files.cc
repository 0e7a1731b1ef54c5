#include "storage/io/posix_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "storage/base/log.h"

namespace taicang::posix_files {

void descriptor::close() noexcept {
    // What was written is the business of flush(); an error of close() has nothing to add.
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

error posix_error(int number, std::string_view doing) {
    std::string sentence = std::string(doing) + ": " + std::system_category().message(number);
    switch (number) {
        case ENOSPC:
        case EDQUOT:
            return error(errc::no_space, sentence + "; free some space or add a device");
        case ENOENT:
            return error(errc::not_found, sentence);
        case EEXIST:
            return error(errc::already_exists, sentence);
        case EACCES:
        case EPERM:
        case EROFS:
            return error(errc::permission_denied,
                         sentence + "; check the owner and mode of the path and the mount");
        default:
            return error(errc::io_failed, sentence);
    }
}

namespace {

/// "process 4711 (taicang)", from the kernel's list of locks; "another process" when it does not
/// show the holder.
std::string lock_holder(const struct stat& file) {
    char wanted[64];
    std::snprintf(wanted, sizeof(wanted), "%02x:%02x:%llu", major(file.st_dev), minor(file.st_dev),
                  static_cast<unsigned long long>(file.st_ino));
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        std::istringstream fields(line);
        std::string number, kind, how, access, place;
        long process = 0;
        if (!(fields >> number >> kind >> how >> access >> process >> place)) continue;
        if (kind != "FLOCK" || place != wanted || process <= 0) continue;
        std::string name;
        std::ifstream comm("/proc/" + std::to_string(process) + "/comm");
        std::getline(comm, name);
        const std::string self = process == getpid() ? ", this very process" : "";
        return "process " + std::to_string(process) + " (" + (name.empty() ? "?" : name) + ")" +
               self;
    }
    return "another process";
}

result<void> lock(const opened_file& opened, const struct stat& status, const std::string& path) {
    if (flock(opened.fd.get(), LOCK_EX | LOCK_NB) == 0) return ok();
    if (errno != EWOULDBLOCK) return posix_error(errno, "locking " + path);
    return error(errc::busy, "opening " + path + ": " + lock_holder(status) +
                                 " has it locked; stop it first, a device has one user");
}

int flags_of(open_mode mode) noexcept {
    switch (mode) {
        case open_mode::existing:
            return O_RDWR;
        case open_mode::existing_read:
            return O_RDONLY;
        case open_mode::create_exclusive:
            return O_RDWR | O_CREAT | O_EXCL;
    }
    return O_RDONLY;
}

/// Block devices are claimed exclusively, so that a mounted disk is refused.
int claim_flags(const std::string& path, open_mode mode) noexcept {
    struct stat status {};
    const bool block = ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
    return block && mode == open_mode::existing ? O_EXCL : 0;
}

}  // namespace

result<opened_file> open(const std::string& path, open_mode mode) {
    const int flags = flags_of(mode) | O_CLOEXEC | O_NOCTTY | claim_flags(path, mode);
    opened_file opened;
    opened.fd = descriptor(::open(path.c_str(), flags | O_DIRECT, 0600));
    opened.direct = opened.fd.valid();
    if (!opened.direct && errno == EINVAL) {
        // Before 6.6 a refused O_DIRECT may have created the file already.
        const int again = flags & ~O_EXCL;
        opened.fd = descriptor(::open(path.c_str(), again, 0600));
        log_event(log_level::warn, "direct_io_unavailable")
            .with("path", path)
            .with("effect", "reads and writes go through the page cache");
    }
    const std::string doing =
        (mode == open_mode::create_exclusive ? "creating " : "opening ") + path;
    if (!opened.fd.valid()) {
        if (errno == EBUSY) {
            return error(errc::busy,
                         doing + ": the block device is mounted or in use; unmount it first");
        }
        return posix_error(errno, doing);
    }
    struct stat status {};
    if (fstat(opened.fd.get(), &status) != 0) return posix_error(errno, doing);
    opened.block_device = S_ISBLK(status.st_mode);
    if (!opened.block_device && !S_ISREG(status.st_mode)) {
        return error(errc::invalid_argument, doing + ": neither a file nor a block device");
    }
    if (mode != open_mode::existing_read) TC_TRY(lock(opened, status, path));
    opened.size = static_cast<std::uint64_t>(status.st_size);
    if (opened.block_device && ioctl(opened.fd.get(), BLKGETSIZE64, &opened.size) != 0) {
        return posix_error(errno, "asking the size of " + path);
    }
    return opened;
}

result<std::vector<std::string>> list(const std::string& directory) {
    std::error_code failure;
    std::filesystem::directory_iterator at(directory, failure);
    std::vector<std::string> found;
    for (; !failure && at != std::filesystem::directory_iterator(); at.increment(failure)) {
        std::error_code unknown;
        if (!at->is_directory(unknown)) found.push_back(at->path().filename().string());
    }
    if (failure) return posix_error(failure.value(), "listing " + directory);
    std::sort(found.begin(), found.end());
    return found;
}

namespace {

std::string parent_of(const std::string& path) {
    const std::string parent = std::filesystem::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

}  // namespace

result<void> make_directory(const std::string& directory) {
    // Each new level is made durable in its parent: a device file must not vanish with its
    // directory.
    std::vector<std::filesystem::path> missing;
    std::filesystem::path at = std::filesystem::path(directory).lexically_normal();
    if (!at.has_filename()) at = at.parent_path();
    std::error_code failure;
    while (!at.empty() && !std::filesystem::exists(at, failure) && !failure) {
        missing.push_back(at);
        at = at.parent_path();
    }
    if (failure) return posix_error(failure.value(), "making directory " + directory);
    if (missing.empty() && !at.empty() && !std::filesystem::is_directory(at, failure)) {
        return error(errc::already_exists,
                     "making directory " + directory + ": a file has that name");
    }
    for (auto level = missing.rbegin(); level != missing.rend(); ++level) {
        if (::mkdir(level->c_str(), 0700) != 0 && errno != EEXIST) {
            return posix_error(errno, "making directory " + level->string());
        }
        TC_TRY(sync_directory(parent_of(level->string())));
    }
    return ok();
}

result<void> remove(const std::string& path) {
    if (::unlink(path.c_str()) != 0) return posix_error(errno, "removing " + path);
    return sync_directory(parent_of(path));
}

result<void> sync_directory(const std::string& directory) {
    const descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.valid()) return posix_error(errno, "opening directory " + directory);
    if (fsync(opened.get()) != 0) {
        // Some FUSE filesystems have no fsync for directories: names are durable there by other
        // means or not at all.
        if (errno == EINVAL || errno == ENOSYS) return ok();
        return posix_error(errno, "syncing directory " + directory);
    }
    return ok();
}

result<disk_space> space(const std::string& directory) {
    struct statvfs room {};
    struct stat status {};
    if (statvfs(directory.c_str(), &room) != 0 || stat(directory.c_str(), &status) != 0) {
        return posix_error(errno, "asking the space of " + directory);
    }
    disk_space found;
    found.capacity_bytes = std::uint64_t{room.f_blocks} * room.f_frsize;
    found.free_bytes = std::uint64_t{room.f_bavail} * room.f_frsize;
    found.filesystem_id = status.st_dev;
    return found;
}

}  // namespace taicang::posix_files
