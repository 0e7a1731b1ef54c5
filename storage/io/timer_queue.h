// Timers ordered by (time, tie, order of adding). Cancelling is O(1); cancelled entries leave the
// heap lazily, and the heap is rebuilt when they are the majority, so deadlines that never fire
// cannot pile up. Threads: one. Lifetime: owns the work of its timers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/base/executor.h"

namespace taicang {

class timer_queue {
  public:
    executor::timer_id add(nanoseconds when, work w, std::uint64_t tie = 0);
    /// False when the timer has fired or was cancelled.
    bool cancel(executor::timer_id id);
    [[nodiscard]] bool empty() const noexcept { return live_ == 0; }
    /// Entries held, cancelled ones that have not left yet included; at most twice the live ones
    /// and a few.
    [[nodiscard]] std::size_t entries() const noexcept { return heap_.size(); }
    /// When the earliest timer is due.
    [[nodiscard]] std::optional<nanoseconds> next();
    /// Takes the earliest timer's work; not empty().
    work pop();
    /// Drops all timers.
    void clear();

  private:
    struct slot {
        work what;
        std::uint32_t generation = 1;
        bool live = false;
    };
    struct entry {
        nanoseconds when;
        std::uint64_t tie;
        std::uint64_t order;
        executor::timer_id id;
    };
    static bool later(const entry& a, const entry& b) noexcept;
    [[nodiscard]] bool is_live(executor::timer_id id) const noexcept;
    work take(executor::timer_id id);
    void drop_cancelled_top();
    void rebuild();

    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::vector<entry> heap_;
    std::size_t live_ = 0;
    std::uint64_t order_ = 0;
};

}  // namespace taicang
