#include "tests/process/fuse_disk/disk_state.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace taicang::fuse_disk {

disk_state::disk_state(std::string backing_directory, bool hold_writes)
    : backing_(std::move(backing_directory)), hold_(hold_writes) {}

bool disk_state::alive(const open_file& handle) const {
    return powered_.load() && handle.power_epoch == power_epoch_.load();
}

int disk_state::open(const std::string& path, int flags, mode_t mode,
                     std::unique_ptr<open_file>& into) {
    const std::shared_lock power(power_lock_);
    if (!powered_) return -EIO;
    const std::string real = backing_path(path);
    // Partial blocks are read back before they are patched, so the backing file is always opened
    // for both; O_DIRECT and O_SYNC are what this disk itself imitates.
    const int creating = flags & (O_CREAT | O_EXCL);
    const bool existed = ::access(real.c_str(), F_OK) == 0;
    const int descriptor = ::open(real.c_str(), O_RDWR | O_CLOEXEC | creating, mode);
    if (descriptor < 0) return -errno;
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) {
        const int error = errno;
        ::close(descriptor);
        return -error;
    }
    into = std::make_unique<open_file>();
    into->power_epoch = power_epoch_;
    into->name = path.substr(path.find_first_not_of('/') == std::string::npos ? path.size() : 1);
    {
        const std::lock_guard guard(files_lock_);
        known_file& known = files_[{status.st_dev, status.st_ino}];
        if (known.file == nullptr) {
            known.file = std::make_shared<held_file>(descriptor);
            known.creation_unflushed = !existed;
        } else {
            ::close(descriptor);
        }
        known.path = path;
        ++known.handles;
        into->file = known.file;
    }
    return (flags & O_TRUNC) != 0 ? into->file->truncate(0, hold_) : 0;
}

// Held writes outlive the last close; a clean file is forgotten so that descriptors do not pile up.
void disk_state::close(std::unique_ptr<open_file> handle) {
    const std::lock_guard guard(files_lock_);
    for (auto entry = files_.begin(); entry != files_.end(); ++entry) {
        if (entry->second.file != handle->file) continue;
        if (--entry->second.handles == 0 && !entry->second.creation_unflushed &&
            handle->file->clean()) {
            files_.erase(entry);
        }
        return;
    }
}

bool disk_state::suffers_fault(const open_file& handle, operation kind, std::uint64_t bytes) {
    if (!any_faults_.load()) return false;
    file_faults faults;
    {
        const std::shared_lock guard(faults_lock_);
        const auto found = faults_.find(handle.name);
        if (found == faults_.end()) return false;
        faults = found->second;
    }
    std::uint64_t wait_us = std::uint64_t{faults.delay_ms} * 1000;
    if (faults.slow_kib_per_s > 0) wait_us += bytes * 1'000'000 / 1024 / faults.slow_kib_per_s;
    if (wait_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(wait_us));
    const bool failing = (kind == operation::read && faults.read_error) ||
                         (kind == operation::write && faults.write_error) ||
                         (kind == operation::flush && faults.flush_error);
    if (failing) ++figures_.faults_delivered;
    return failing;
}

std::int64_t disk_state::read(const open_file& handle, std::span<std::byte> into,
                              std::uint64_t offset) {
    if (suffers_fault(handle, operation::read, into.size())) return -EIO;
    if (!alive(handle)) return -EIO;
    const std::shared_lock power(power_lock_);
    if (!alive(handle)) return -EIO;
    ++figures_.reads;
    return handle.file->read(into, offset);
}

std::int64_t disk_state::write(const open_file& handle, std::span<const std::byte> data,
                               std::uint64_t offset) {
    if (suffers_fault(handle, operation::write, data.size())) return -EIO;
    if (!alive(handle)) return -EIO;
    const std::shared_lock power(power_lock_);
    if (!alive(handle)) return -EIO;
    ++figures_.writes;
    return handle.file->write(data, offset, hold_);
}

int disk_state::truncate(const open_file& handle, std::uint64_t size) {
    if (suffers_fault(handle, operation::write, 0) || !alive(handle)) return -EIO;
    const std::shared_lock power(power_lock_);
    return alive(handle) ? handle.file->truncate(size, hold_) : -EIO;
}

int disk_state::allocate(const open_file& handle, int mode, std::uint64_t offset,
                         std::uint64_t length) {
    if (suffers_fault(handle, operation::write, 0) || !alive(handle)) return -EIO;
    const std::shared_lock power(power_lock_);
    return alive(handle) ? handle.file->allocate(mode, offset, length, hold_) : -EIO;
}

int disk_state::flush(const open_file& handle) {
    if (suffers_fault(handle, operation::flush, 0) || !alive(handle)) return -EIO;
    const std::shared_lock power(power_lock_);
    if (!alive(handle)) return -EIO;
    ++figures_.flushes;
    const int error = handle.file->flush();
    if (error == 0) creation_is_flushed(handle.file.get());
    return error;
}

void disk_state::creation_is_flushed(const held_file* file) {
    const std::lock_guard guard(files_lock_);
    for (auto& entry : files_) {
        if (entry.second.file.get() == file) entry.second.creation_unflushed = false;
    }
}

int disk_state::flush_directory(const std::string& path) {
    if (!powered_) return -EIO;
    const std::shared_lock power(power_lock_);
    if (!powered_) return -EIO;
    ++figures_.flushes;
    const std::string prefix = path == "/" ? path : path + "/";
    const std::lock_guard guard(files_lock_);
    for (auto& entry : files_) {
        const std::string& name = entry.second.path;
        if (name.starts_with(prefix) && name.find('/', prefix.size()) == std::string::npos) {
            entry.second.creation_unflushed = false;
        }
    }
    return 0;
}

int disk_state::attributes(const std::string& path, struct stat& into) {
    const std::shared_lock power(power_lock_);
    if (!powered_) return -EIO;
    if (::lstat(backing_path(path).c_str(), &into) != 0) return -errno;
    const std::lock_guard guard(files_lock_);
    const auto found = files_.find({into.st_dev, into.st_ino});
    if (found != files_.end()) into.st_size = static_cast<off_t>(found->second.file->size());
    return 0;
}

// The name of an open file may be gone or another's by now; its descriptor is not.
int disk_state::attributes(const open_file& handle, struct stat& into) {
    const std::shared_lock power(power_lock_);
    if (!alive(handle)) return -EIO;
    if (::fstat(handle.file->backing_descriptor(), &into) != 0) return -errno;
    into.st_size = static_cast<off_t>(handle.file->size());
    return 0;
}

int disk_state::unlink(const std::string& path) {
    const std::shared_lock power(power_lock_);
    if (!powered_) return -EIO;
    struct stat status {};
    const std::string real = backing_path(path);
    if (::lstat(real.c_str(), &status) != 0 || ::unlink(real.c_str()) != 0) return -errno;
    const std::lock_guard guard(files_lock_);
    if (status.st_nlink == 1) files_.erase({status.st_dev, status.st_ino});
    return 0;
}

int disk_state::rename(const std::string& from, const std::string& to, unsigned flags) {
    const std::shared_lock power(power_lock_);
    if (!powered_) return -EIO;
    struct stat replaced {};
    const std::string target = backing_path(to);
    const bool replaces = ::lstat(target.c_str(), &replaced) == 0 && replaced.st_nlink == 1;
    if (::renameat2(AT_FDCWD, backing_path(from).c_str(), AT_FDCWD, target.c_str(), flags) != 0) {
        return -errno;
    }
    const std::lock_guard guard(files_lock_);
    if (replaces && flags == 0) files_.erase({replaced.st_dev, replaced.st_ino});
    for (auto& entry : files_) {
        std::string& path = entry.second.path;
        if (path == from) path = to;
        if (path.starts_with(from + "/")) path = to + path.substr(from.size());
    }
    return 0;
}

cut_counts disk_state::cut(std::uint64_t seed, const cut_plan* plan,
                           std::uint64_t& vanished_files) {
    // Turned off before the lock is asked for: a busy server must not keep the cut waiting.
    powered_ = false;
    const std::unique_lock power(power_lock_);
    ++power_epoch_;
    random_stream random(seed);
    cut_counts counts;
    vanished_files = 0;
    const std::lock_guard guard(files_lock_);
    // By name, not by inode, so that the same seed deals the same losses.
    std::map<std::string, known_file*> by_name;
    for (auto& entry : files_)
        by_name[entry.second.path] = &entry.second;
    constexpr unsigned drop_choices[] = {0, 10, 50, 90, 100};
    for (auto& [path, known] : by_name) {
        cut_plan own;
        own.drop_percent = drop_choices[random.below(std::size(drop_choices))];
        counts.add(known->file->cut(random, plan != nullptr ? *plan : own));
        const unsigned vanish_percent = plan != nullptr ? plan->drop_percent : 50;
        if (known->creation_unflushed && random.chance(vanish_percent)) {
            if (::unlink(backing_path(path).c_str()) == 0) ++vanished_files;
        }
    }
    files_.clear();
    return counts;
}

void disk_state::heal() {
    const std::unique_lock power(power_lock_);
    powered_ = true;
}

void disk_state::change_faults(const std::string& name, void (*change)(file_faults&, unsigned),
                               unsigned value) {
    const std::unique_lock guard(faults_lock_);
    change(faults_[name], value);
    any_faults_ = true;
}

void disk_state::clear_faults(const std::string& name) {
    const std::unique_lock guard(faults_lock_);
    if (name == "*") {
        faults_.clear();
    } else {
        faults_.erase(name);
    }
    any_faults_ = !faults_.empty();
}

std::string disk_state::describe() const {
    std::uint64_t held = 0;
    std::size_t files = 0;
    {
        const std::lock_guard guard(files_lock_);
        files = files_.size();
        for (const auto& entry : files_)
            held += entry.second.file->held_blocks();
    }
    char line[256];
    std::snprintf(line, sizeof line,
                  "powered=%d hold=%d files=%zu held_blocks=%llu reads=%llu writes=%llu "
                  "flushes=%llu faults_delivered=%llu",
                  powered_.load() ? 1 : 0, hold_.load() ? 1 : 0, files,
                  static_cast<unsigned long long>(held),
                  static_cast<unsigned long long>(figures_.reads.load()),
                  static_cast<unsigned long long>(figures_.writes.load()),
                  static_cast<unsigned long long>(figures_.flushes.load()),
                  static_cast<unsigned long long>(figures_.faults_delivered.load()));
    return line;
}

}  // namespace taicang::fuse_disk
