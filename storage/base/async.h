// Building blocks for tasks: gate, spawn, event, async mutex, sleeping, crossing executors.
// when_all has a header of its own (storage/base/when_all.h). Threads: gate, event, async_mutex
// belong to the executor they are used on; run_on and offload cross threads. Waiters are always
// resumed through the executor's queue, never inline, so releasing cannot recurse.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "storage/base/executor.h"
#include "storage/base/task.h"

namespace taicang {

/// A condition that tasks wait for; set() wakes all. Manual reset.
class event {
  public:
    [[nodiscard]] bool is_set() const noexcept { return set_; }
    void set();
    void reset() noexcept { set_ = false; }
    /// Waits until set.
    auto wait() { return awaiter{*this}; }
    /// Waits until set or `timeout` passed; true when set.
    task<bool> wait_for(nanoseconds timeout);
    /// Wakes the present waiters without setting.
    void pulse();

  private:
    struct awaiter {
        event& owner;
        bool await_ready() const noexcept { return owner.set_; }
        void await_suspend(std::coroutine_handle<> handle) {
            owner.waiters_.push_back({handle, &executor::current()});
        }
        void await_resume() const noexcept {}
    };
    struct waiter {
        std::coroutine_handle<> handle;
        executor* home;
    };
    bool set_ = false;
    std::vector<waiter> waiters_;
    std::vector<std::unique_ptr<event>> timed_waiters_;
};

/// Counts running coroutines of an owner; close() waits for them, and entering a closed gate fails.
class gate {
  public:
    gate() = default;
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;
    ~gate() { TC_ASSERT_WHY(holders_ == 0, "an owner died before its coroutines"); }
    [[nodiscard]] bool try_enter() noexcept;
    void leave();
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] std::size_t holders() const noexcept { return holders_; }
    /// Refuses new holders and waits for the present ones. Call once.
    task<void> close();

  private:
    std::size_t holders_ = 0;
    bool closed_ = false;
    event empty_;
};

namespace detail {
inline detached run_under_gate(gate& holder, task<void> body) {
    co_await std::move(body);
    holder.leave();
}
}  // namespace detail

/// Starts `body` now on this executor, held by the gate. False (body dropped unstarted) when the
/// gate is closed.
inline bool spawn(gate& holder, task<void> body) {
    if (!holder.try_enter()) return false;
    detail::run_under_gate(holder, std::move(body));
    return true;
}

/// A lock across suspension points, fair. Same executor only.
class async_mutex {
  public:
    class [[nodiscard]] guard {
      public:
        explicit guard(async_mutex* owner) noexcept : owner_(owner) {}
        guard(guard&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        guard& operator=(guard&&) = delete;
        ~guard() {
            if (owner_ != nullptr) owner_->unlock();
        }

      private:
        async_mutex* owner_;
    };
    auto lock() { return awaiter{*this}; }

  private:
    struct awaiter {
        async_mutex& owner;
        bool await_ready() const noexcept {
            if (owner.locked_) return false;
            owner.locked_ = true;
            return true;
        }
        void await_suspend(std::coroutine_handle<> handle) { owner.waiters_.push_back(handle); }
        guard await_resume() const noexcept { return guard(&owner); }
    };
    void unlock();
    bool locked_ = false;
    std::deque<std::coroutine_handle<>> waiters_;
};

/// Suspends for `delay` on the current executor.
inline auto sleep_for(nanoseconds delay) {
    struct awaiter {
        nanoseconds delay;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) const {
            executor::current().post_after(delay, [handle] { handle.resume(); });
        }
        void await_resume() const noexcept {}
    };
    return awaiter{delay};
}

/// Goes to the back of the current executor's queue, so that others get their turn.
inline auto yield_now() {
    struct awaiter {
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) const {
            executor::current().post(handle);
        }
        void await_resume() const noexcept {}
    };
    return awaiter{};
}

namespace detail {

template <class T>
struct crossing {
    executor* origin = nullptr;
    std::coroutine_handle<> waiting;
    std::optional<T> value;
};

template <class T>
detached cross(crossing<T>* state, task<T> body) {
    auto value = co_await std::move(body);
    // The body's frame, and what its parameters own, must be gone before the caller goes on and
    // takes away what they use.
    body = task<T>();
    state->value.emplace(std::move(value));
    // The awaiting frame (which holds *state) can be gone as soon as it is posted.
    executor* origin = state->origin;
    origin->post(state->waiting);
}

template <class T>
struct cross_awaiter {
    executor& target;
    task<T> body;
    crossing<T> state{};
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        state.origin = &executor::current();
        state.waiting = handle;
        target.post([this] { cross<T>(&state, std::move(body)); });
    }
    T await_resume() { return std::move(*state.value); }
};

template <class T, class F>
struct offload_awaiter {
    worker_pool& pool;
    F function;
    crossing<T> state{};
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        state.origin = &executor::current();
        state.waiting = handle;
        pool.submit([this] {
            state.value.emplace(function());
            executor* origin = state.origin;
            origin->post(state.waiting);
        });
    }
    T await_resume() { return std::move(*state.value); }
};

}  // namespace detail

/// Runs `body` on `target` and comes back to the calling executor with its value.
/// `body`'s frame is created here; it runs and is destroyed there, before the caller goes on.
template <class T>
task<T> run_on(executor& target, task<T> body) {
    if (&target == &executor::current()) co_return co_await std::move(body);
    detail::cross_awaiter<T> crossing_over{target, std::move(body)};
    co_return co_await crossing_over;
}

/// Runs a plain (blocking or CPU-bound) function on a worker pool; comes back with its value.
/// What it touches must not be touched by the executor meanwhile.
template <class F>
task<std::invoke_result_t<F&>> offload(worker_pool& pool, F function) {
    detail::offload_awaiter<std::invoke_result_t<F&>, F> crossing_over{pool, std::move(function)};
    co_return co_await crossing_over;
}

}  // namespace taicang
