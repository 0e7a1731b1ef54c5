// The newest durable batches in memory, so that a reader close behind the head (index apply,
// packing, replication) needs no disk. Bounded by limits::journal_recent_bytes_max. Threads: the
// shard's executor. Lifetime: a batch handed out stays valid while its pointer is held.
#pragma once

#include <deque>
#include <memory>

#include "storage/base/limits.h"
#include "storage/journal/batch_builder.h"

namespace taicang {

class recent_batches {
  public:
    void add(std::shared_ptr<const batch_builder> batch) {
        bytes_ += batch->memory_bytes();
        held_.push_back(std::move(batch));
        while (bytes_ > limits::journal_recent_bytes_max && held_.size() > 1) {
            bytes_ -= held_.front()->memory_bytes();
            held_.pop_front();
        }
    }

    /// The batch that holds `position`, or null. Batches are dense in LSNs, so the order is a
    /// search key.
    [[nodiscard]] std::shared_ptr<const batch_builder> find(lsn position) const {
        if (held_.empty() || position < held_.front()->first() || position > held_.back()->last()) {
            return nullptr;
        }
        std::size_t low = 0;
        std::size_t high = held_.size();
        while (high - low > 1) {
            const std::size_t middle = (low + high) / 2;
            (held_[middle]->first() <= position ? low : high) = middle;
        }
        return held_[low];
    }

    /// First LSN in memory; one past everything when empty.
    [[nodiscard]] lsn first() const {
        return held_.empty() ? lsn(UINT64_MAX) : held_.front()->first();
    }

  private:
    std::deque<std::shared_ptr<const batch_builder>> held_;
    std::size_t bytes_ = 0;
};

}  // namespace taicang
