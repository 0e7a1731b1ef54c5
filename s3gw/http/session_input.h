// The receiving half of a session: one buffer that holds the head of the present request, behind it
// what was read ahead of its body, and the body's framing. Threads: the session's executor.
// Lifetime: the session's; views of the head stay good until next_request().
//
// Buffer: [0, head_end) the head, [begin, end) bytes read and not yet used, [end, capacity) free.
// Bytes of the next request may follow the body (pipelining); they wait there until their turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "s3gw/http/chunked_framing.h"
#include "s3gw/http/head_parser.h"
#include "s3gw/http/message.h"
#include "s3gw/http/pace.h"
#include "s3gw/http/transport.h"

namespace taicang {

class session_input final : public http_body_reader {
  public:
    session_input(http_transport& transport, pace& waiting, const http_limits& limits);

    enum class head_outcome : std::uint8_t { complete, closed, problem };
    /// Reads and parses the next head into `into`. `problem()` says why it cannot be one.
    task<head_outcome> read_head(http_request_head& into, bool is_first);
    [[nodiscard]] const http_parse_problem& problem() const noexcept { return problem_; }
    /// No byte of a next request has come: the connection may be closed without harm.
    [[nodiscard]] bool is_idle() const noexcept { return is_idle_; }

    /// After a complete head: prepares for its body.
    void begin_body(const http_request_head& head);
    task<result<std::size_t>> read(bytes_span into) override;
    [[nodiscard]] std::optional<std::uint64_t> bytes_left() const override;
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
    [[nodiscard]] bool body_ended() const noexcept { return ended_; }
    /// Whether what is left of the body is little enough, and sure enough to come, to be read and
    /// thrown away.
    [[nodiscard]] bool can_drain() const noexcept;
    /// Reads the rest of the body; false when that fails.
    task<bool> drain();
    /// Moves what was read ahead to the front; the present head's views die here.
    void next_request();
    /// Reads and drops whatever comes until the peer closes or the limits are reached.
    task<void> linger();

  private:
    task<result<std::size_t>> receive(bytes_span into);
    task<result<void>> say_continue();
    task<result<std::size_t>> read_sized(bytes_span into);
    task<result<std::size_t>> read_chunked(bytes_span into);
    error fail(error why);
    [[nodiscard]] bytes_span free_room() noexcept {
        return {buffer_.get() + end_, capacity_ - end_};
    }

    http_transport& transport_;
    pace& pace_;
    const http_limits& limits_;
    http_head_parser parser_;
    http_parse_problem problem_;
    std::size_t capacity_;
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t head_end_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool is_idle_ = true;

    bool is_chunked_ = false;
    bool continue_pending_ = false;
    bool ended_ = true;
    std::optional<error> failure_;
    std::uint64_t left_ = 0;
    std::uint64_t bytes_read_ = 0;
    chunked_framing framing_;
};

}  // namespace taicang
