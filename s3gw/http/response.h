// Serialises the head of a response. The session's own: handlers only fill http_response.
// Threads: one executor. Lifetime: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "s3gw/http/message.h"

namespace taicang {

/// "Not Found"; "Unknown" for a status without a name.
[[nodiscard]] std::string_view http_reason(unsigned status) noexcept;

/// The Date header's text, made anew once a second.
class http_date_cache {
  public:
    [[nodiscard]] std::string_view at(std::int64_t wall_ns);

  private:
    std::int64_t second_ = -1;
    std::string text_;
};

/// How the body of a response is delimited.
struct http_framing {
    std::optional<std::uint64_t> length;  ///< Content-Length
    bool is_chunked = false;
    bool says_close = false;
};

/// Overwrites `into` with the status line, all headers and the empty line.
void serialize_head(const http_response& response, const http_framing& framing,
                    std::string_view date, std::string& into);

}  // namespace taicang
