// reactor::run: waits on a plain thread for a task of a reactor. Included by reactor.h only.
// Threads: the caller's thread blocks and must not be an executor's. Lifetime: none beyond the
// call.
#pragma once

#include <future>

#include "storage/base/async.h"
#include "storage/io/reactor.h"

namespace taicang {
namespace detail {

// The frame of `body` goes before the waiting thread is told: what its parameters own may die with
// that thread's scope.
template <class T>
detached fulfil(std::promise<T> promise, task<T> body) {
    if constexpr (std::is_void_v<T>) {
        co_await std::move(body);
        body = task<T>();
        promise.set_value();
    } else {
        auto value = co_await std::move(body);
        body = task<T>();
        promise.set_value(std::move(value));
    }
}

}  // namespace detail

template <class T>
T reactor::run(task<T> body) {
    std::promise<T> promise;
    auto future = promise.get_future();
    post([&promise, &body] { detail::fulfil<T>(std::move(promise), std::move(body)); });
    return future.get();
}

}  // namespace taicang
