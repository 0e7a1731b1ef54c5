// The blocking system calls behind both real disks: opening with a lock, names, space, and the
// wording of errors. Threads: any (they block: run them on a worker pool). Lifetime: descriptor
// owns its file descriptor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.h"
#include "storage/io/disk.h"

namespace taicang::posix_files {

class descriptor {
  public:
    descriptor() = default;
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        if (this != &other) {
            close();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~descriptor() { close(); }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
    void close() noexcept;

  private:
    int fd_ = -1;
};

struct opened_file {
    descriptor fd;
    std::uint64_t size = 0;
    bool block_device = false;
    bool direct = false;  ///< O_DIRECT; false where the filesystem has none
};

/// Opens with O_DIRECT where possible and takes the exclusive lock, except for existing_read.
result<opened_file> open(const std::string& path, open_mode mode);
result<std::vector<std::string>> list(const std::string& directory);
result<void> make_directory(const std::string& directory);
result<void> remove(const std::string& path);
result<void> sync_directory(const std::string& directory);
result<disk_space> space(const std::string& directory);

/// The error for an errno, `doing` being the start of the sentence ("writing 4096 bytes at 0 of
/// nvme-0.dev").
error posix_error(int number, std::string_view doing);

}  // namespace taicang::posix_files
