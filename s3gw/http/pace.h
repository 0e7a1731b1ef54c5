// How long one side of a connection may keep us waiting: either until a point in time, or as long
// as bytes move at the least rate. Waiting is counted only while a read or write is pending, so a
// slow handler never costs a client its connection. Threads: the session's executor. Lifetime: the
// session's. It only tells; the session's tick acts on it.
#pragma once

#include <cstdint>

#include "s3gw/http/limits.h"

namespace taicang {

class pace {
  public:
    explicit pace(const http_limits& limits) noexcept
        : window_(limits.body_window), least_(limits.body_bytes_per_window_min) {}

    /// The pending operation must end before `deadline`.
    void until(nanoseconds deadline) noexcept {
        waiting_ = waiting::until;
        deadline_ = deadline;
    }
    /// The pending operation moves a body; `moved` is http_transport::bytes_moved().
    void moving(nanoseconds now, std::uint64_t moved) noexcept {
        waiting_ = waiting::moving;
        since_ = now;
        if (moved - window_moved_ >= least_) restart(moved);
    }
    /// The operation of until() is over.
    void done() noexcept { waiting_ = waiting::no; }
    /// The operation of moving() is over.
    void done(nanoseconds now) noexcept {
        waited_ += now - since_;
        waiting_ = waiting::no;
    }
    /// A new body begins.
    void restart(std::uint64_t moved) noexcept {
        waited_ = 0;
        window_moved_ = moved;
    }
    /// Whether the pending operation has taken too long.
    [[nodiscard]] bool expired(nanoseconds now, std::uint64_t moved) noexcept {
        if (waiting_ == waiting::no) return false;
        if (waiting_ == waiting::until) return now >= deadline_;
        if (moved - window_moved_ >= least_) {
            restart(moved);
            since_ = now;
        }
        return waited_ + (now - since_) >= window_;
    }

  private:
    enum class waiting : std::uint8_t { no, until, moving };
    nanoseconds window_;
    std::uint64_t least_;
    waiting waiting_ = waiting::no;
    nanoseconds deadline_ = 0;
    nanoseconds since_ = 0;
    nanoseconds waited_ = 0;
    std::uint64_t window_moved_ = 0;
};

}  // namespace taicang
