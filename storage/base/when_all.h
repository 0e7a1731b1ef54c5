// when_all: runs tasks side by side and waits for all of them. Threads: the calling executor's.
// Lifetime: the bodies' frames are gone when the caller goes on. The last body to end resumes the
// caller itself, as a single awaited task would: what waits for several disk operations goes on
// without another round through the queue.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "storage/base/task.h"

namespace taicang {

namespace detail {

template <class T>
struct when_all_state {
    std::vector<std::optional<T>> values;
    std::size_t left = 0;
    std::coroutine_handle<> waiting;
};

template <class T>
struct when_all_awaiter {
    when_all_state<T>& state;
    bool await_ready() const noexcept { return state.left == 0; }
    void await_suspend(std::coroutine_handle<> handle) const noexcept { state.waiting = handle; }
    void await_resume() const noexcept {}
};

template <class T>
detached when_all_one(std::shared_ptr<when_all_state<T>> state, std::size_t index, task<T> body) {
    auto value = co_await std::move(body);
    // What the body's parameters own must be gone before the caller goes on.
    body = task<T>();
    state->values[index].emplace(std::move(value));
    if (--state->left == 0 && state->waiting) state->waiting.resume();
}

}  // namespace detail

/// Runs all tasks side by side on this executor and returns their values in order.
template <class T>
task<std::vector<T>> when_all(std::vector<task<T>> bodies) {
    auto state = std::make_shared<detail::when_all_state<T>>();
    state->values.resize(bodies.size());
    state->left = bodies.size();
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        detail::when_all_one<T>(state, i, std::move(bodies[i]));
    }
    detail::when_all_awaiter<T> all{*state};
    co_await all;
    std::vector<T> values;
    values.reserve(state->values.size());
    for (auto& value : state->values)
        values.push_back(std::move(*value));
    co_return values;
}

}  // namespace taicang
