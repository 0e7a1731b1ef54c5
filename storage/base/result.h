// result<T>: a value or an error, the only way rooms report failure (no exception crosses a room).
// Threads: a value type, as safe as T. Lifetime: owns what it holds.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "storage/base/assert.h"
#include "storage/base/errors.h"

namespace taicang {

/// An error: a number for programs and a sentence for people (what, where, why, what to do next).
struct error {
    errc code{};
    std::string message;

    error(errc c, std::string text) : code(c), message(std::move(text)) {}
    explicit error(errc c) : code(c), message(errc_name(c)) {}

    /// The same error with a place put before the sentence: "opening nvme-0.dev: ...".
    [[nodiscard]] error with_context(std::string_view where) const {
        return error(code, std::string(where) + ": " + message);
    }
};

template <class T>
class [[nodiscard]] result {
  public:
    using value_type = T;

    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}       // NOLINT: implicit
    result(taicang::error e) : state_(std::in_place_index<1>, std::move(e)) {}  // NOLINT: implicit

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    [[nodiscard]] T& value() & {
        TC_ASSERT(ok());
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] const T& value() const& {
        TC_ASSERT(ok());
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] T&& value() && {
        TC_ASSERT(ok());
        return std::move(*std::get_if<0>(&state_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    [[nodiscard]] const taicang::error& error() const& {
        TC_ASSERT(!ok());
        return *std::get_if<1>(&state_);
    }
    [[nodiscard]] taicang::error&& error() && {
        TC_ASSERT(!ok());
        return std::move(*std::get_if<1>(&state_));
    }
    /// True when this is an error with that number.
    [[nodiscard]] bool is(errc code) const noexcept { return !ok() && error().code == code; }

  private:
    std::variant<T, taicang::error> state_;
};

template <>
class [[nodiscard]] result<void> {
  public:
    using value_type = void;

    result() = default;
    result(taicang::error e) : state_(std::in_place_index<1>, std::move(e)) {}  // NOLINT

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }
    void value() const { TC_ASSERT(ok()); }
    [[nodiscard]] const taicang::error& error() const& {
        TC_ASSERT(!ok());
        return *std::get_if<1>(&state_);
    }
    [[nodiscard]] taicang::error&& error() && {
        TC_ASSERT(!ok());
        return std::move(*std::get_if<1>(&state_));
    }
    [[nodiscard]] bool is(errc code) const noexcept { return !ok() && error().code == code; }

  private:
    std::variant<std::monostate, taicang::error> state_;
};

/// Success of a result<void>, for `return ok();`.
inline result<void> ok() {
    return {};
}

}  // namespace taicang

#define TC_CONCAT_INNER(a, b) a##b
#define TC_CONCAT(a, b) TC_CONCAT_INNER(a, b)

/// Returns the error of a result<void> expression (plain functions).
#define TC_TRY(expression)                                     \
    do {                                                       \
        auto tc_result_ = (expression);                        \
        if (!tc_result_) return std::move(tc_result_).error(); \
    } while (false)

/// The same in a coroutine. The expression may contain one co_await.
#define TC_CO_TRY(expression)                                     \
    do {                                                          \
        auto tc_result_ = expression;                             \
        if (!tc_result_) co_return std::move(tc_result_).error(); \
    } while (false)

/// Declares `name` with the value of a result<T>, or returns its error.
#define TC_TRY_ASSIGN(name, expression)                                                        \
    auto TC_CONCAT(tc_try_, __LINE__) = (expression);                                          \
    if (!TC_CONCAT(tc_try_, __LINE__)) return std::move(TC_CONCAT(tc_try_, __LINE__)).error(); \
    auto name = std::move(TC_CONCAT(tc_try_, __LINE__)).value()

/// The same in a coroutine. The expression may contain one co_await.
#define TC_CO_TRY_ASSIGN(name, expression)                                                        \
    auto TC_CONCAT(tc_try_, __LINE__) = expression;                                               \
    if (!TC_CONCAT(tc_try_, __LINE__)) co_return std::move(TC_CONCAT(tc_try_, __LINE__)).error(); \
    auto name = std::move(TC_CONCAT(tc_try_, __LINE__)).value()
