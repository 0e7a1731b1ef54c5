// The executor seam: a serial queue of work. One shard lives on one executor; a task stays on the
// executor it started on and is resumed only there, so state owned by an executor needs no lock. In
// production an executor is a thread (storage/io/reactor.h) or a gateway thread; in simulation all
// of them are one deterministic queue with virtual time.
#pragma once

#include <coroutine>
#include <cstdint>

#include "storage/base/function.h"

namespace taicang {

using work = unique_function<void()>;

/// Nanoseconds; a span or a point on the monotonic clock, by context.
using nanoseconds = std::int64_t;
inline constexpr nanoseconds one_microsecond = 1'000;
inline constexpr nanoseconds one_millisecond = 1'000'000;
inline constexpr nanoseconds one_second = 1'000'000'000;

class executor {
  public:
    executor() = default;
    executor(const executor&) = delete;
    executor& operator=(const executor&) = delete;
    virtual ~executor() = default;

    /// Runs `w` later on this executor. Any thread may call it. Work posted from one thread keeps
    /// its order.
    virtual void post(work w) = 0;
    /// Resumes a coroutine later on this executor. Any thread. Never runs it inline.
    virtual void post(std::coroutine_handle<> handle) = 0;

    using timer_id = std::uint64_t;
    /// Runs `w` on this executor after `delay`. Only from this executor. Returns an id for
    /// cancel_timer.
    virtual timer_id post_after(nanoseconds delay, work w) = 0;
    /// Drops a timer that has not fired; returns false when it already did. Only from this
    /// executor.
    virtual bool cancel_timer(timer_id id) = 0;

    /// Time since an arbitrary start, never going back, in ns. Any thread.
    [[nodiscard]] virtual nanoseconds monotonic_now() const = 0;
    /// Wall clock, ns since 1970 UTC. Any thread. May jump.
    [[nodiscard]] virtual std::int64_t wall_now() const = 0;

    /// The executor whose work is running on this thread; asserts that there is one.
    static executor& current();
    static executor* current_or_null() noexcept;

  protected:
    /// Implementations hold one of these around the running of work.
    class running_scope {
      public:
        explicit running_scope(executor* running) noexcept;
        ~running_scope();
        running_scope(const running_scope&) = delete;
        running_scope& operator=(const running_scope&) = delete;

      private:
        executor* previous_;
    };
};

/// Threads for work that blocks or burns CPU (hashing, coding, RocksDB reads that miss the cache).
class worker_pool {
  public:
    worker_pool() = default;
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;
    virtual ~worker_pool() = default;
    /// Runs `w` on some thread of the pool. Any thread may call it. Order is not kept.
    virtual void submit(work w) = 0;
};

}  // namespace taicang
