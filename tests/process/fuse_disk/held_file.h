// One file of the fault disk: what its backing file holds durably, and over it the writes, growth
// and truncation that nobody has flushed yet. A power cut keeps a random part of those.
//
// Threads: every call is safe from any thread; calls on one file are serialised by its own lock
// (reads share it). Lifetime: owned by disk_state, shared with the open handles; owns the backing
// descriptor.
// Invariants:
//  - a read sees every write that returned, flushed or not;
//  - the backing file changes only in flush(), in cut(), and when more than `held_bytes_max` is
//    held (a disk's own cache is finite too and writes back when it likes);
//  - what flush() wrote back is never taken away by a later cut.
//
// What a cut may leave, block by block (4 KiB): the durable content, or any one of the last few
// unflushed contents; torn: each 512-byte sector chooses among those for itself. The size is either
// the durable or the newest one. Zeroes stand where a kept block lies beyond a lost one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "tests/process/fuse_disk/random_stream.h"

namespace taicang::fuse_disk {

inline constexpr std::size_t block_bytes = 4096;
inline constexpr std::size_t sector_bytes = 512;
inline constexpr std::size_t block_versions_max = 4;
inline constexpr std::uint64_t held_bytes_max = std::uint64_t{256} << 20;

struct cut_plan {
    unsigned drop_percent = 50;  // chance that a held block, or the held size, is lost
    unsigned tear_percent = 10;  // chance that a held block is torn by sectors instead
};

struct cut_counts {
    std::uint64_t kept_blocks = 0;
    std::uint64_t dropped_blocks = 0;
    std::uint64_t torn_blocks = 0;
    std::uint64_t reverted_sizes = 0;

    void add(const cut_counts& other);
};

class held_file {
  public:
    // Takes over `backing_descriptor`, which is open for reading and writing.
    explicit held_file(int backing_descriptor);
    ~held_file();
    held_file(const held_file&) = delete;
    held_file& operator=(const held_file&) = delete;

    // All of these answer 0 or a byte count, or a negative errno of the backing file system.
    // `hold` false is a pass-through disk: whatever is held goes down first, then the call itself.
    std::int64_t read(std::span<std::byte> into, std::uint64_t offset);
    std::int64_t write(std::span<const std::byte> data, std::uint64_t offset, bool hold);
    int truncate(std::uint64_t size, bool hold);
    int allocate(int mode, std::uint64_t offset, std::uint64_t length, bool hold);
    int flush();

    cut_counts cut(random_stream& random, const cut_plan& plan);

    int backing_descriptor() const { return descriptor_; }
    std::uint64_t size() const;
    std::uint64_t held_blocks() const;
    bool clean() const;

  private:
    using block = std::array<std::byte, block_bytes>;
    // Newest last; a null pointer is a block of zeroes.
    using versions = std::vector<std::unique_ptr<block>>;

    void add_version(std::uint64_t number, std::unique_ptr<block> content);
    int write_block(std::uint64_t number, std::size_t from, std::span<const std::byte> data);
    int zero_range(std::uint64_t offset, std::uint64_t length);
    int read_block(std::uint64_t number, block& into) const;
    int read_backing(std::uint64_t offset, std::span<std::byte> into) const;
    int write_backing(std::uint64_t offset, std::span<const std::byte> data) const;
    int write_back_locked();
    int apply_size_locked();
    int write_back_block(std::uint64_t number, const block* content) const;
    void tear_block(std::uint64_t number, const versions& held, random_stream& random) const;
    void forget_locked();

    const int descriptor_;
    mutable std::shared_mutex lock_;
    std::unordered_map<std::uint64_t, versions> blocks_;
    std::uint64_t durable_size_ = 0;
    std::uint64_t size_ = 0;
    // The smallest size since the last flush: backing bytes at and beyond it are no longer seen.
    std::uint64_t seen_backing_size_ = 0;
    std::uint64_t held_versions_ = 0;
};

}  // namespace taicang::fuse_disk
