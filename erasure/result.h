// The room's own error numbers and result type; it includes nothing of storage/.
//
// Threads: plain values. Lifetime: a result owns its value.
// Invariant: a result holds a value or an error other than `none`, never both. Reading a value that
// is not there is a bug of the caller and ends the process.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <variant>

namespace taicang::erasure {

// Numbers are stable: callers log them.
enum class error : uint8_t {
    none = 0,
    invalid_code = 1,     // not 1 <= k, k + m <= 32
    chunk_count = 2,      // as many chunks as the code (or plan) has were not given
    null_chunk = 3,       // a chunk's address is null though the length is not zero
    chunk_index = 4,      // a mask names chunks that the code does not have
    nothing_wanted = 5,   // a repair of no chunk
    not_recoverable = 6,  // fewer than k chunks are left to read
};

// A sentence for logs: what is wrong and what to do.
std::string_view describe(error code);

template <typename T>
class [[nodiscard]] result {
  public:
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(error code) : state_(std::in_place_index<1>, code) {
        if (code == error::none) std::abort();
    }

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    error code() const { return ok() ? error::none : std::get<1>(state_); }

    const T& value() const& {
        if (!ok()) std::abort();
        return std::get<0>(state_);
    }
    T&& value() && {
        if (!ok()) std::abort();
        return std::get<0>(std::move(state_));
    }
    const T& operator*() const& { return value(); }
    const T* operator->() const { return &value(); }

  private:
    std::variant<T, error> state_;
};

template <>
class [[nodiscard]] result<void> {
  public:
    result() = default;
    result(error code) : code_(code) {
        if (code == error::none) std::abort();
    }

    bool ok() const { return code_ == error::none; }
    explicit operator bool() const { return ok(); }
    error code() const { return code_; }

  private:
    error code_ = error::none;
};

}  // namespace taicang::erasure
