// Dates as HTTP writes them. Source: RFC 9110, 5.6.7.
// Threads: pure functions. Lifetime: none. Times are ns since 1970 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taicang {

/// "Fri, 24 May 2013 00:00:00 GMT"
[[nodiscard]] std::string format_http_date(std::int64_t wall_ns);
/// Reads that form and the two obsolete ones (RFC 850, asctime). Empty when malformed.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace taicang
