// The disk seam: files or block devices reached with explicit offsets, asynchronously.
// Implementations: io_uring (uring_disk), a thread pool (pool_disk), the simulated disk (sim_disk).
// Nothing outside this room touches a disk. Threads: a disk and its files belong to one executor.
// Lifetime: files must be closed before their disk dies; buffers given to an operation outlive it
// (operations in flight are never cancelled). Rules: offsets, lengths and memory are multiples of
// page_size (O_DIRECT). A write is durable only after a flush that was issued after the write
// completed. A failed write or flush must fence the device: a flush is never retried.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/result.h"
#include "storage/base/task.h"

namespace taicang {

class disk_file {
  public:
    disk_file() = default;
    disk_file(const disk_file&) = delete;
    disk_file& operator=(const disk_file&) = delete;
    virtual ~disk_file() = default;

    /// Reads exactly into.size() bytes; errc::io_failed (also EIO), errc::io_short at the end of
    /// the file.
    virtual task<result<void>> read(std::uint64_t offset, bytes_span into) = 0;
    /// Writes exactly; errc::no_space when the disk is full (not a fault), errc::io_failed
    /// otherwise.
    virtual task<result<void>> write(std::uint64_t offset, bytes_view from) = 0;
    /// Makes all writes that completed before this call durable (data and the size needed to read
    /// it).
    virtual task<result<void>> flush() = 0;
    /// Allocates space for [offset, offset+length) so that later writes there cannot fail for lack
    /// of it; grows the file. Reads of it give zeros. errc::no_space.
    virtual task<result<void>> allocate(std::uint64_t offset, std::uint64_t length) = 0;
    /// Gives the space of the range back (punch hole; a hint on block devices). Reads give zeros or
    /// old bytes.
    virtual task<result<void>> discard(std::uint64_t offset, std::uint64_t length) = 0;
    /// Present size in bytes.
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    [[nodiscard]] virtual const std::string& path() const = 0;
};

enum class open_mode : std::uint8_t {
    existing,          ///< read and write; must exist
    existing_read,     ///< read only; must exist
    create_exclusive,  ///< read and write; must not exist
};

struct disk_space {
    std::uint64_t capacity_bytes = 0;
    std::uint64_t free_bytes = 0;
    std::uint64_t filesystem_id = 0;  ///< equal for files that share one disk (one failure domain)
};

class disk {
  public:
    disk() = default;
    disk(const disk&) = delete;
    disk& operator=(const disk&) = delete;
    virtual ~disk() = default;

    /// Opens for direct I/O and takes an exclusive lock (except existing_read); errc::busy when
    /// another process holds it.
    virtual task<result<std::unique_ptr<disk_file>>> open(std::string path, open_mode mode) = 0;
    /// File names (not paths) in a directory, sorted. errc::not_found.
    virtual task<result<std::vector<std::string>>> list(std::string directory) = 0;
    /// Makes a directory and its parents; fine when it exists.
    virtual task<result<void>> make_directory(std::string directory) = 0;
    /// Removes a file and makes the removal durable.
    virtual task<result<void>> remove(std::string path) = 0;
    /// Makes creations and removals in a directory durable.
    virtual task<result<void>> sync_directory(std::string directory) = 0;
    virtual task<result<disk_space>> space(std::string directory) = 0;
    /// "io_uring", "threads" or "simulated", for `status`.
    [[nodiscard]] virtual std::string_view backend() const = 0;
};

}  // namespace taicang
