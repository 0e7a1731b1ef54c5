#include "s3gw/http/session_input.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "storage/base/assert.h"

namespace taicang {

session_input::session_input(http_transport& transport, pace& waiting, const http_limits& limits)
    : transport_(transport),
      pace_(waiting),
      limits_(limits),
      parser_(limits),
      capacity_(limits.head_bytes_max + limits::http_read_ahead_bytes),
      // Not cleared: an idle connection then costs only the pages that its heads touch.
      buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity_)) {}

task<session_input::head_outcome> session_input::read_head(http_request_head& into, bool is_first) {
    TC_ASSERT(begin_ == 0);
    executor& home = executor::current();
    parser_.reset(into);
    is_idle_ = end_ == 0;
    // A new connection owes a request at once; later ones may rest between requests.
    nanoseconds deadline = home.monotonic_now() +
                           (is_idle_ && !is_first ? limits_.idle_timeout : limits_.head_timeout);
    for (;;) {
        if (end_ != 0) {
            const auto state = parser_.parse(as_text({buffer_.get(), end_}));
            if (state == http_parse_state::failed) {
                problem_ = parser_.problem();
                co_return head_outcome::problem;
            }
            if (state == http_parse_state::complete) {
                head_end_ = begin_ = parser_.head_bytes();
                co_return head_outcome::complete;
            }
        }
        pace_.until(deadline);
        auto got = co_await transport_.read_some(free_room());
        pace_.done();
        if (!got) {
            if (!got.is(errc::timed_out) || is_idle_) co_return head_outcome::closed;
            problem_ = {400, "RequestTimeout",
                        "The request's head was not received within the timeout period."};
            co_return head_outcome::problem;
        }
        if (*got == 0) co_return head_outcome::closed;
        if (is_idle_) {
            is_idle_ = false;
            if (!is_first) deadline = home.monotonic_now() + limits_.head_timeout;
        }
        end_ += *got;
    }
}

void session_input::begin_body(const http_request_head& head) {
    is_chunked_ = head.is_chunked;
    left_ = head.content_length.value_or(0);
    ended_ = !head.has_body();
    continue_pending_ = head.expects_continue && !ended_;
    failure_.reset();
    bytes_read_ = 0;
    if (is_chunked_) framing_.reset();
    if (!ended_) pace_.restart(transport_.bytes_moved());
}

error session_input::fail(error why) {
    failure_ = why;
    return why;
}

task<result<std::size_t>> session_input::receive(bytes_span into) {
    executor& home = executor::current();
    pace_.moving(home.monotonic_now(), transport_.bytes_moved());
    auto got = co_await transport_.read_some(into);
    pace_.done(home.monotonic_now());
    if (got.is(errc::timed_out)) {
        co_return fail(error(errc::client_too_slow,
                             "The body of the request was not received within the timeout "
                             "period."));
    }
    if (!got) co_return fail(std::move(got).error());
    if (*got == 0) {
        co_return fail(error(errc::incomplete_body,
                             "You did not provide the number of bytes specified by the "
                             "Content-Length HTTP header."));
    }
    co_return *got;
}

task<result<void>> session_input::say_continue() {
    continue_pending_ = false;
    // A client that has already begun its body does not wait.
    if (begin_ != end_) co_return ok();
    executor& home = executor::current();
    const bytes_view text = as_bytes("HTTP/1.1 100 Continue\r\n\r\n");
    const std::array<bytes_view, 1> pieces = {text};
    pace_.moving(home.monotonic_now(), transport_.bytes_moved());
    auto written = co_await transport_.write(pieces);
    pace_.done(home.monotonic_now());
    if (!written) co_return fail(std::move(written).error());
    co_return ok();
}

task<result<std::size_t>> session_input::read(bytes_span into) {
    TC_ASSERT(!into.empty());
    if (failure_) co_return *failure_;
    if (ended_) co_return std::size_t{0};
    if (continue_pending_) {
        auto said = co_await say_continue();
        if (!said) co_return std::move(said).error();
    }
    if (is_chunked_) co_return co_await read_chunked(into);
    co_return co_await read_sized(into);
}

task<result<std::size_t>> session_input::read_sized(bytes_span into) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left_, into.size()));
    std::size_t length = std::min(most, end_ - begin_);
    if (length != 0) {
        std::memcpy(into.data(), buffer_.get() + begin_, length);
        begin_ += length;
    } else {
        auto got = co_await receive(into.first(most));
        if (!got) co_return std::move(got).error();
        length = *got;
    }
    left_ -= length;
    bytes_read_ += length;
    ended_ = left_ == 0;
    co_return length;
}

task<result<std::size_t>> session_input::read_chunked(bytes_span into) {
    while (!framing_.finished()) {
        const bool is_straight = begin_ == end_ &&
                                 framing_.chunk_left() >= limits::http_read_ahead_bytes &&
                                 into.size() >= limits::http_read_ahead_bytes;
        bytes_view input;
        if (is_straight) {
            // The middle of a big chunk needs no framing: it goes straight into the caller's
            // memory.
            const auto most = static_cast<std::size_t>(
                std::min<std::uint64_t>(framing_.chunk_left(), into.size()));
            auto got = co_await receive(into.first(most));
            if (!got) co_return std::move(got).error();
            input = into.first(*got);
        } else {
            if (begin_ == end_) {
                begin_ = end_ = head_end_;
                auto got = co_await receive(free_room());
                if (!got) co_return std::move(got).error();
                end_ += *got;
            }
            input = bytes_view(buffer_.get() + begin_, std::min(end_ - begin_, into.size()));
        }
        auto step = framing_.next(input);
        if (!step) co_return fail(std::move(step).error());
        if (is_straight) {
            TC_ASSERT(step->consumed == input.size() && step->payload.size() == input.size());
        } else {
            begin_ += step->consumed;
            if (!step->payload.empty()) {
                std::memcpy(into.data(), step->payload.data(), step->payload.size());
            }
        }
        if (!step->payload.empty()) {
            bytes_read_ += step->payload.size();
            co_return step->payload.size();
        }
    }
    ended_ = true;
    co_return std::size_t{0};
}

std::optional<std::uint64_t> session_input::bytes_left() const {
    if (is_chunked_ && !ended_) return std::nullopt;
    return left_;
}

bool session_input::can_drain() const noexcept {
    if (ended_) return true;
    // Whether a client that still waits for 100 Continue will send its body now is its own choice
    // (RFC 9110, 10.1.1).
    return !failure_ && !is_chunked_ && !continue_pending_ && left_ <= limits_.drain_bytes_max;
}

task<bool> session_input::drain() {
    std::array<std::byte, 4096> sink;
    while (!ended_) {
        auto got = co_await read(sink);
        if (!got) co_return false;
    }
    co_return true;
}

void session_input::next_request() {
    TC_ASSERT(ended_ && begin_ <= end_);
    if (begin_ != end_) std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = head_end_ = 0;
}

task<void> session_input::linger() {
    executor& home = executor::current();
    std::array<std::byte, 4096> sink;
    std::uint64_t dropped = 0;
    pace_.until(home.monotonic_now() + limits_.linger_timeout);
    while (dropped < limits_.drain_bytes_max) {
        auto got = co_await transport_.read_some(sink);
        if (!got || *got == 0) break;
        dropped += *got;
    }
    pace_.done();
}

}  // namespace taicang
