// unique_function: a move-only callable, so that work handed to an executor can own buffers and
// tasks. Threads: as safe as the callable. Lifetime: owns the callable; call it at most as often as
// it allows. A callable of up to inline_bytes lies in the object itself: posting it costs no
// allocation.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "storage/base/assert.h"

namespace taicang {

template <class Signature>
class unique_function;

template <class R, class... Args>
class unique_function<R(Args...)> {
  public:
    static constexpr std::size_t inline_bytes = 4 * sizeof(void*);

    unique_function() = default;

    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, unique_function> &&
             std::is_invocable_r_v<R, F&, Args...>)
        unique_function(F&& callable) {  // NOLINT: implicit by design
        using held = std::decay_t<F>;
        if constexpr (fits<held>) {
            ::new (static_cast<void*>(storage_)) held(std::forward<F>(callable));
            how_ = &inline_methods<held>;
        } else {
            ::new (static_cast<void*>(storage_)) held*(new held(std::forward<F>(callable)));
            how_ = &heap_methods<held>;
        }
    }

    unique_function(unique_function&& other) noexcept { take(other); }
    unique_function& operator=(unique_function&& other) noexcept {
        if (this != &other) {
            clear();
            take(other);
        }
        return *this;
    }
    unique_function(const unique_function&) = delete;
    unique_function& operator=(const unique_function&) = delete;
    ~unique_function() { clear(); }

    explicit operator bool() const noexcept { return how_ != nullptr; }

    R operator()(Args... args) {
        TC_ASSERT(how_ != nullptr);
        return how_->call(storage_, std::forward<Args>(args)...);
    }

  private:
    struct methods {
        R (*call)(void* where, Args&&... args);
        void (*relocate)(void* from, void* to) noexcept;
        void (*destroy)(void* where) noexcept;
    };
    template <class F>
    static constexpr bool fits =
        sizeof(F) <= inline_bytes &&
        alignof(F) <= alignof(void*) && std::is_nothrow_move_constructible_v<F>;
    template <class F>
    static F& in(void* where) noexcept {
        return *std::launder(static_cast<F*>(where));
    }
    template <class F>
    static constexpr methods inline_methods{
        [](void* where, Args&&... args) -> R { return in<F>(where)(std::forward<Args>(args)...); },
        [](void* from, void* to) noexcept {
            ::new (to) F(std::move(in<F>(from)));
            in<F>(from).~F();
        },
        [](void* where) noexcept { in<F>(where).~F(); }};
    template <class F>
    static constexpr methods heap_methods{
        [](void* where, Args&&... args) -> R {
            return (*in<F*>(where))(std::forward<Args>(args)...);
        },
        [](void* from, void* to) noexcept { ::new (to) F*(in<F*>(from)); },
        [](void* where) noexcept { delete in<F*>(where); }};

    void take(unique_function& other) noexcept {
        if (other.how_ == nullptr) return;
        other.how_->relocate(other.storage_, storage_);
        how_ = std::exchange(other.how_, nullptr);
    }
    void clear() noexcept {
        if (how_ != nullptr) std::exchange(how_, nullptr)->destroy(storage_);
    }

    alignas(void*) std::byte storage_[inline_bytes];
    const methods* how_ = nullptr;
};

}  // namespace taicang
