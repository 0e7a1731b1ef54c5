// unique_function: a move-only callable, so that work handed to an executor can own buffers and tasks.
// Threads: as safe as the callable. Lifetime: owns the callable; call it at most as often as it allows.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "storage/base/assert.h"

namespace taicang {

template <class Signature>
class unique_function;

template <class R, class... Args>
class unique_function<R(Args...)> {
  public:
    unique_function() = default;

    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, unique_function> &&
                 std::is_invocable_r_v<R, F&, Args...>)
    unique_function(F&& callable)  // NOLINT: implicit by design
        : held_(std::make_unique<holder<std::decay_t<F>>>(std::forward<F>(callable))) {}

    unique_function(unique_function&&) noexcept = default;
    unique_function& operator=(unique_function&&) noexcept = default;

    explicit operator bool() const noexcept { return held_ != nullptr; }

    R operator()(Args... args) {
        TC_ASSERT(held_ != nullptr);
        return held_->call(std::forward<Args>(args)...);
    }

  private:
    struct base {
        base() = default;
        base(const base&) = delete;
        base& operator=(const base&) = delete;
        virtual ~base() = default;
        virtual R call(Args... args) = 0;
    };
    template <class F>
    struct holder final : base {
        explicit holder(F f) : callable(std::move(f)) {}
        R call(Args... args) override { return callable(std::forward<Args>(args)...); }
        F callable;
    };
    std::unique_ptr<base> held_;
};

}  // namespace taicang
