// task<T>: the one coroutine type. Lazy: runs when awaited, on the awaiting executor, and resumes
// its awaiter there. Threads: a task and everything it awaits belong to one executor; only run_on()
// and offload() (storage/base/async.h) cross. Lifetime: the task object owns the frame; a task that
// has started must not be destroyed before it is done (device I/O in flight is never cancelled), so
// detached work is started with spawn() under a gate.
//
// A child that completes without suspending does not grow the stack (await_suspend answers false),
// whatever the optimiser does with tail calls. A resumed awaiter runs inside the child's final
// await_suspend, which touches nothing afterwards.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "storage/base/assert.h"

namespace taicang {

template <class T>
class task;

namespace detail {

struct promise_base {
    std::coroutine_handle<> continuation;
    bool done = false;

    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            promise_base& promise = self.promise();
            promise.done = true;
            if (promise.continuation) promise.continuation.resume();
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }
    // An exception here has crossed a room; that is a defect, and unwinding half a commit is worse
    // than stopping.
    void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct promise final : promise_base {
    std::optional<T> value;
    task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& result_value) {
        value.emplace(std::forward<U>(result_value));
    }
};

template <>
struct promise<void> final : promise_base {
    task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] task {
  public:
    using promise_type = detail::promise<T>;
    using value_type = T;

    task() = default;
    explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
    task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            destroy();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~task() { destroy(); }

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) {
        TC_ASSERT(handle_ && !handle_.promise().done);
        handle_.resume();
        if (handle_.promise().done) return false;
        handle_.promise().continuation = awaiting;
        return true;
    }
    T await_resume() {
        TC_ASSERT(handle_.promise().done);
        if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
    }

  private:
    void destroy() noexcept {
        if (!handle_) return;
        handle_.destroy();
        handle_ = nullptr;
    }
    std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<promise<T>>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<promise<void>>::from_promise(*this));
}

/// A coroutine that nobody awaits; frees itself. Only async.h starts one.
struct detached {
    struct promise_type {
        detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
};

}  // namespace detail
}  // namespace taicang
