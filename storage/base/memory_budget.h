// One memory budget for all requests: a request reserves what it may hold before it holds it, waits
// when there is none, and is refused (errc::busy, 503 SlowDown) when its deadline passes or too
// many wait. Thread safe; waiters resume on their own executor. Lifetime: leases must not outlive
// the budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "storage/base/executor.h"
#include "storage/base/result.h"
#include "storage/base/task.h"

namespace taicang {

class memory_budget;

/// Reserved bytes; gives them back when destroyed. Movable between threads.
class memory_lease {
  public:
    memory_lease() = default;
    memory_lease(memory_lease&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    memory_lease& operator=(memory_lease&& other) noexcept {
        if (this != &other) {
            release();
            budget_ = std::exchange(other.budget_, nullptr);
            bytes_ = std::exchange(other.bytes_, 0);
        }
        return *this;
    }
    ~memory_lease() { release(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    void release() noexcept;

  private:
    friend class memory_budget;
    memory_lease(memory_budget* budget, std::size_t bytes) noexcept
        : budget_(budget), bytes_(bytes) {}
    memory_budget* budget_ = nullptr;
    std::size_t bytes_ = 0;
};

struct memory_budget_figures {
    std::size_t limit_bytes = 0;
    std::size_t reserved_bytes = 0;
    std::size_t reserved_bytes_max = 0;
    std::uint64_t waiting = 0;
    std::uint64_t refused = 0;
};

class memory_budget {
  public:
    memory_budget(std::size_t limit_bytes, std::size_t waiters_max);
    ~memory_budget();
    memory_budget(const memory_budget&) = delete;
    memory_budget& operator=(const memory_budget&) = delete;

    /// Reserves `bytes` (<= limit), waiting in order of arrival up to `patience` ns; else
    /// errc::busy.
    task<result<memory_lease>> acquire(std::size_t bytes, nanoseconds patience);
    /// Reserves at once or gives an empty lease.
    [[nodiscard]] memory_lease try_acquire(std::size_t bytes) noexcept;
    [[nodiscard]] memory_budget_figures figures() const;

  private:
    friend class memory_lease;
    void release(std::size_t bytes) noexcept;
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace taicang
