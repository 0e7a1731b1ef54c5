// The bytes of one simulated file in two layers: what the medium holds, and what was written but
// not yet flushed. Knows no time and no faults; sim_disk.cc adds them. All chance comes from the
// random source it is given. Threads: one (the simulation's). Lifetime: shared by the names and
// open files that reach it.
//
// Invariants: a block is in dirty_ exactly when it has a pending version; a null page is 4 KiB of
// zeros; reads see the pending version; blocks at or beyond size() have no content.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "storage/base/buffer.h"
#include "storage/base/random.h"

namespace taicang {

class sim_image {
  public:
    explicit sim_image(random_source& chance) : chance_(chance) {}

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] std::uint64_t blocks_allocated() const noexcept { return allocated_count_; }
    /// How many blocks of the range have no space yet.
    [[nodiscard]] std::uint64_t blocks_missing(std::uint64_t offset, std::uint64_t length) const;

    void read(std::uint64_t offset, bytes_span into) const;
    void write(std::uint64_t offset, bytes_view from);
    void allocate(std::uint64_t offset, std::uint64_t length);
    void discard(std::uint64_t offset, std::uint64_t length);

    /// A flush covers the writes that were complete when it began.
    [[nodiscard]] std::uint64_t begin_flush();
    void end_flush(std::uint64_t ticket);
    /// The flush failed: what it covered stays readable, but some of it no later flush will save
    /// (as Linux does).
    void fail_flush(std::uint64_t ticket);

    /// Power cut. `keep_percent`: how likely an unflushed block stays; `tear_percent`: how likely
    /// one tears instead.
    void settle(std::uint64_t keep_percent, std::uint64_t tear_percent);

    /// Changes one bit of the block, for good.
    void rot(std::uint64_t block_number);
    /// Changes every byte of the range, for good.
    void damage(std::uint64_t offset, std::uint64_t length);

  private:
    using page = std::array<std::byte, page_size>;
    using page_pointer = std::unique_ptr<page>;
    struct block {
        page_pointer stored;
        page_pointer pending;
        std::uint64_t written_at = 0;  ///< number of the write that made `pending`
        bool has_pending = false;
    };
    struct flush_ticket {
        std::uint64_t covers;  ///< writes up to this number
        std::uint64_t size;
        bool operator<(const flush_ticket& other) const { return covers < other.covers; }
    };
    static constexpr std::uint64_t never_saved = ~std::uint64_t{0};

    void put(std::uint64_t number, page_pointer content, std::uint64_t write_number);
    void settle_block(block& b, std::uint64_t keep_percent, std::uint64_t tear_percent);
    void mark_allocated(std::uint64_t number, bool allocated);
    void grow(std::uint64_t end);
    void cut_to(std::uint64_t size);
    [[nodiscard]] bool covered_by_running_flush(std::uint64_t write_number) const;

    random_source& chance_;
    std::unordered_map<std::uint64_t, block> blocks_;
    std::vector<std::uint64_t> dirty_;
    std::vector<std::uint8_t> allocated_;
    std::uint64_t allocated_count_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t durable_size_ = 0;
    std::uint64_t writes_ = 0;
    std::unordered_map<std::uint64_t, flush_ticket> running_flushes_;
    std::uint64_t flushes_ = 0;
};

}  // namespace taicang
