// taicang_fuse_disk: a directory seen through a disk that loses power and has faults.
//
//   taicang_fuse_disk --backing DIR --mount DIR --control SOCKET [--hold]
//
// Stays in the foreground; prints "ready" when the mount can be used; ends on SIGTERM or unmount.
// Every file is served with direct I/O, so no page cache of the kernel stands between the program
// under test and this disk.
#define FUSE_USE_VERSION 312

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <fuse.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/process/fuse_disk/control_socket.h"
#include "tests/process/fuse_disk/disk_state.h"

namespace taicang::fuse_disk {

namespace {

constexpr unsigned worker_threads_max = 16;

disk_state& disk() {
    return *static_cast<disk_state*>(fuse_get_context()->private_data);
}

open_file& handle_of(const fuse_file_info* info) {
    return *reinterpret_cast<open_file*>(info->fh);  // NOLINT: FUSE keeps it as a number
}

int answer(int outcome) {
    return outcome == 0 ? 0 : -errno;
}

void* op_init(fuse_conn_info*, fuse_config* config) {
    config->use_ino = 1;
    config->nullpath_ok = 1;
    config->direct_io = 1;
    // After a cut sizes and names change under the kernel: it must not remember any.
    config->attr_timeout = 0;
    config->entry_timeout = 0;
    config->negative_timeout = 0;
    return fuse_get_context()->private_data;
}

int op_getattr(const char* path, struct stat* into, fuse_file_info* info) {
    if (info != nullptr) return disk().attributes(handle_of(info), *into);
    return disk().attributes(path, *into);
}

int op_open_any(const char* path, mode_t mode, fuse_file_info* info) {
    std::unique_ptr<open_file> handle;
    const int error = disk().open(path, info->flags, mode, handle);
    if (error != 0) return error;
    info->fh = reinterpret_cast<std::uint64_t>(handle.release());  // NOLINT
    info->direct_io = 1;
    return 0;
}

int op_create(const char* path, mode_t mode, fuse_file_info* info) {
    info->flags |= O_CREAT;
    return op_open_any(path, mode, info);
}

int op_open(const char* path, fuse_file_info* info) {
    info->flags &= ~O_CREAT;
    return op_open_any(path, 0, info);
}

int op_release(const char*, fuse_file_info* info) {
    disk().close(std::unique_ptr<open_file>(&handle_of(info)));
    return 0;
}

int op_read(const char*, char* into, std::size_t length, off_t offset, fuse_file_info* info) {
    const auto target = std::as_writable_bytes(std::span(into, length));
    return static_cast<int>(
        disk().read(handle_of(info), target, static_cast<std::uint64_t>(offset)));
}

int op_write(const char*, const char* data, std::size_t length, off_t offset,
             fuse_file_info* info) {
    const auto source = std::as_bytes(std::span(data, length));
    return static_cast<int>(
        disk().write(handle_of(info), source, static_cast<std::uint64_t>(offset)));
}

int op_fsync(const char*, int, fuse_file_info* info) {
    return disk().flush(handle_of(info));
}

// An open directory is known by its path alone.
const std::string& directory_of(const fuse_file_info* info) {
    return *reinterpret_cast<std::string*>(info->fh);  // NOLINT: FUSE keeps it as a number
}

int op_opendir(const char* path, fuse_file_info* info) {
    if (!disk().powered()) return -EIO;
    auto name = std::make_unique<std::string>(path);
    info->fh = reinterpret_cast<std::uint64_t>(name.release());  // NOLINT
    return 0;
}

int op_releasedir(const char*, fuse_file_info* info) {
    const std::unique_ptr<const std::string> name(&directory_of(info));
    return 0;
}

int op_fsyncdir(const char*, int, fuse_file_info* info) {
    return disk().flush_directory(directory_of(info));
}

int op_truncate(const char* path, off_t size, fuse_file_info* info) {
    const auto bytes = static_cast<std::uint64_t>(size);
    if (info != nullptr) return disk().truncate(handle_of(info), bytes);
    std::unique_ptr<open_file> handle;
    int error = disk().open(path, O_RDWR, 0, handle);
    if (error != 0) return error;
    error = disk().truncate(*handle, bytes);
    disk().close(std::move(handle));
    return error;
}

int op_fallocate(const char*, int mode, off_t offset, off_t length, fuse_file_info* info) {
    return disk().allocate(handle_of(info), mode, static_cast<std::uint64_t>(offset),
                           static_cast<std::uint64_t>(length));
}

int op_unlink(const char* path) {
    return disk().unlink(path);
}

int op_rename(const char* from, const char* to, unsigned flags) {
    return disk().rename(from, to, flags);
}

int op_mkdir(const char* path, mode_t mode) {
    if (!disk().powered()) return -EIO;
    return answer(::mkdir(disk().backing_path(path).c_str(), mode));
}

int op_rmdir(const char* path) {
    if (!disk().powered()) return -EIO;
    return answer(::rmdir(disk().backing_path(path).c_str()));
}

int op_link(const char* from, const char* to) {
    if (!disk().powered()) return -EIO;
    return answer(::link(disk().backing_path(from).c_str(), disk().backing_path(to).c_str()));
}

int op_chmod(const char* path, mode_t mode, fuse_file_info* info) {
    if (!disk().powered()) return -EIO;
    if (info != nullptr) return answer(::fchmod(handle_of(info).file->backing_descriptor(), mode));
    return answer(::chmod(disk().backing_path(path).c_str(), mode));
}

int op_chown(const char* path, uid_t user, gid_t group, fuse_file_info* info) {
    if (!disk().powered()) return -EIO;
    if (info != nullptr) {
        return answer(::fchown(handle_of(info).file->backing_descriptor(), user, group));
    }
    return answer(::lchown(disk().backing_path(path).c_str(), user, group));
}

int op_utimens(const char* path, const timespec times[2], fuse_file_info* info) {
    if (!disk().powered()) return -EIO;
    if (info != nullptr) {
        return answer(::futimens(handle_of(info).file->backing_descriptor(), times));
    }
    const std::string real = disk().backing_path(path);
    return answer(::utimensat(AT_FDCWD, real.c_str(), times, AT_SYMLINK_NOFOLLOW));
}

int op_statfs(const char* path, struct statvfs* into) {
    if (!disk().powered()) return -EIO;
    return answer(::statvfs(disk().backing_path(path == nullptr ? "/" : path).c_str(), into));
}

int op_readdir(const char*, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info* info,
               fuse_readdir_flags) {
    if (!disk().powered()) return -EIO;
    DIR* directory = ::opendir(disk().backing_path(directory_of(info)).c_str());
    if (directory == nullptr) return -errno;
    while (const dirent* entry = ::readdir(directory)) {
        if (fill(buffer, entry->d_name, nullptr, 0, static_cast<fuse_fill_dir_flags>(0)) != 0) {
            break;
        }
    }
    ::closedir(directory);
    return 0;
}

fuse_operations make_operations() {
    fuse_operations operations{};
    operations.init = op_init;
    operations.getattr = op_getattr;
    operations.create = op_create;
    operations.open = op_open;
    operations.release = op_release;
    operations.read = op_read;
    operations.write = op_write;
    operations.fsync = op_fsync;
    operations.opendir = op_opendir;
    operations.releasedir = op_releasedir;
    operations.fsyncdir = op_fsyncdir;
    operations.truncate = op_truncate;
    operations.fallocate = op_fallocate;
    operations.unlink = op_unlink;
    operations.rename = op_rename;
    operations.mkdir = op_mkdir;
    operations.rmdir = op_rmdir;
    operations.link = op_link;
    operations.chmod = op_chmod;
    operations.chown = op_chown;
    operations.utimens = op_utimens;
    operations.statfs = op_statfs;
    operations.readdir = op_readdir;
    return operations;
}

struct arguments {
    std::string backing;
    std::string mount;
    std::string control;
    bool hold = false;
};

bool parse(int argc, char** argv, arguments& into) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--hold") {
            into.hold = true;
        } else if (i + 1 < argc && word == "--backing") {
            into.backing = argv[++i];
        } else if (i + 1 < argc && word == "--mount") {
            into.mount = argv[++i];
        } else if (i + 1 < argc && word == "--control") {
            into.control = argv[++i];
        } else {
            return false;
        }
    }
    return !into.backing.empty() && !into.mount.empty() && !into.control.empty();
}

int run(const arguments& given, char* program) {
    disk_state state(given.backing, given.hold);
    const control_socket control(state, given.control);
    if (!control.listening()) {
        std::fprintf(stderr, "taicang_fuse_disk: cannot listen on %s: %s\n", given.control.c_str(),
                     std::strerror(errno));
        return 1;
    }
    const fuse_operations operations = make_operations();
    char option_flag[] = "-o";
    char options[] = "fsname=taicang_fuse_disk,default_permissions";
    char* words[] = {program, option_flag, options, nullptr};
    fuse_args fuse_arguments = FUSE_ARGS_INIT(3, words);
    fuse* session = fuse_new(&fuse_arguments, &operations, sizeof operations, &state);
    if (session == nullptr || fuse_mount(session, given.mount.c_str()) != 0) {
        std::fprintf(stderr, "taicang_fuse_disk: cannot mount on %s (is /dev/fuse there?)\n",
                     given.mount.c_str());
        return 1;
    }
    fuse_set_signal_handlers(fuse_get_session(session));
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, worker_threads_max);
    std::puts("ready");
    std::fflush(stdout);
    const int outcome = fuse_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    fuse_remove_signal_handlers(fuse_get_session(session));
    fuse_unmount(session);
    fuse_destroy(session);
    fuse_opt_free_args(&fuse_arguments);
    return outcome < 0 ? 1 : 0;
}

}  // namespace

}  // namespace taicang::fuse_disk

int main(int argc, char** argv) {
    taicang::fuse_disk::arguments given;
    if (!taicang::fuse_disk::parse(argc, argv, given)) {
        std::fprintf(stderr, "usage: %s --backing DIR --mount DIR --control SOCKET [--hold]\n",
                     argv[0]);
        return 2;
    }
    return taicang::fuse_disk::run(given, argv[0]);
}
