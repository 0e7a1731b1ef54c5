// A segment at run time: where its copies lie, what it holds, and who is reading it.
// Threads: the shard's executor. Lifetime: shared by the engine's lists and by readers' pins; the
// extents are removed only when the root no longer names the segment and no pin is left.
// Invariants: chain_end follows from chain_start by the records first..last; length counts
// acknowledged bytes only.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "storage/base/async.h"
#include "storage/journal/segment_map.h"
#include "storage/journal/segment_table.h"

namespace taicang {

enum class segment_phase : std::uint8_t {
    prepared,  ///< created and named by the root (or about to be), nothing written
    open,      ///< batches are appended
    full,      ///< never written again, except to mend a copy
    dying,     ///< released: the root forgets it, then its extents go
};

struct segment {
    segment_id id;
    ensemble_epoch epoch;
    segment_phase phase = segment_phase::prepared;
    std::uint64_t capacity = 0;
    std::vector<segment_member> members;
    std::uint64_t length = 0;
    std::uint64_t batches = 0;  ///< of the open one: the next batch's sequence
    lsn first{1};               ///< meaningful once open
    lsn last;                   ///< first - 1 while empty
    sha256_digest chain_start{};
    sha256_digest chain_end{};
    bool in_root = false;
    unsigned pins = 0;
    std::unique_ptr<segment_table> table;
    std::uint64_t table_used = 0;  ///< for dropping the table least recently used
    bool mend_failed = false;      ///< a lost copy could not be restored for now

    [[nodiscard]] bool empty() const noexcept { return last < first; }
    [[nodiscard]] segment_entry entry() const {
        segment_entry out;
        out.id = id;
        out.epoch = epoch;
        out.capacity = capacity;
        out.members = members;
        if (phase != segment_phase::full) return out;
        out.state = segment_state::sealed;
        out.length = length;
        out.first = first;
        out.last = last;
        out.chain_end = chain_end;
        return out;
    }
};
using segment_ptr = std::shared_ptr<segment>;

/// Keeps a segment's extents while it lives.
class segment_pin {
  public:
    /// `wake` is set when the last pin of a dying segment goes; it outlives the pin.
    segment_pin(segment_ptr held, event& wake) : held_(std::move(held)), wake_(&wake) {
        ++held_->pins;
    }
    segment_pin(segment_pin&& other) noexcept : held_(std::move(other.held_)), wake_(other.wake_) {}
    segment_pin& operator=(segment_pin&&) = delete;
    ~segment_pin() {
        if (held_ == nullptr) return;
        if (--held_->pins == 0 && held_->phase == segment_phase::dying) wake_->set();
    }
    [[nodiscard]] segment& operator*() const noexcept { return *held_; }
    [[nodiscard]] segment* operator->() const noexcept { return held_.get(); }
    [[nodiscard]] const segment_ptr& shared() const noexcept { return held_; }

  private:
    segment_ptr held_;
    event* wake_;
};

}  // namespace taicang
