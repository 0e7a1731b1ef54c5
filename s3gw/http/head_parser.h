// Reads the head of a request from bytes in memory (Beast's parser below, our rules on top): strict
// where leniency lets two parties see two different requests. Threads: one owner. Lifetime: the
// parsed head's views point into the input, which must stay in place and unchanged until the head
// is no longer used. No I/O and no coroutines.
//
// Refused, each with S3's words: Content-Length beside Transfer-Encoding, more than one
// Content-Length or Host, any transfer coding but `chunked`, obsolete line folding, white space
// before a colon, bare LF, control characters.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "s3gw/http/head.h"
#include "s3gw/http/limits.h"

namespace taicang {

enum class http_parse_state : std::uint8_t { need_more, complete, failed };

/// What is wrong with a head.
struct http_parse_problem {
    unsigned status = 400;
    std::string_view code = "BadRequest";
    std::string message;
};

class http_head_parser {
  public:
    explicit http_head_parser(const http_limits& limits);
    ~http_head_parser();
    http_head_parser(const http_head_parser&) = delete;
    http_head_parser& operator=(const http_head_parser&) = delete;

    /// Forgets everything and expects a new head; `into` is cleared and filled.
    void reset(http_request_head& into);
    /// `input` is everything received since reset(), at the same address each time, only longer.
    [[nodiscard]] http_parse_state parse(std::string_view input);
    /// After complete: how much of the input the head took.
    [[nodiscard]] std::size_t head_bytes() const noexcept;
    /// After failed.
    [[nodiscard]] const http_parse_problem& problem() const noexcept;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace taicang
