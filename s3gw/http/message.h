// What a handler gets and gives: a request with a body to read, and a response with a body to send.
// Threads: one executor, that of the session's worker. Lifetime: a request is the session's and
// lives until the response has been sent (body sources may refer to it); a response is handed over
// to the session, which destroys its source on the worker's executor before it reads the next
// request.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "s3gw/http/head.h"
#include "storage/base/bytes.h"
#include "storage/base/result.h"
#include "storage/base/task.h"

namespace taicang {

/// A request's body. One read at a time; no read may be running when the handler's task ends.
class http_body_reader {
  public:
    http_body_reader() = default;
    http_body_reader(const http_body_reader&) = delete;
    http_body_reader& operator=(const http_body_reader&) = delete;
    virtual ~http_body_reader() = default;

    /// Reads at least one byte into `into` (not empty); 0 is the end, and again 0 after it. The
    /// first read sends `100 Continue` when the client waits for it. Errors, which are final:
    /// errc::incomplete_body (the client closed early), errc::client_too_slow,
    /// errc::connection_lost, errc::request_malformed (bad chunk framing), and those of the signed
    /// and checked bodies of s3gw/auth/payload.h. Bytes are provisional until the end was read:
    /// never make an object visible before read() gave 0.
    virtual task<result<std::size_t>> read(bytes_span into) = 0;

    /// Bytes still to come, when that is known (not for chunked bodies).
    [[nodiscard]] virtual std::optional<std::uint64_t> bytes_left() const = 0;
};

struct http_request : http_request_head {
    std::string_view remote_address;  ///< "192.0.2.1:5000" or "[2001:db8::1]:5000"
    bool is_tls = false;
    std::uint64_t connection = 0;      ///< a number unique in this process
    std::uint64_t sequence = 0;        ///< 1 for a connection's first request
    std::int64_t received_ns = 0;      ///< monotonic clock, when the head was complete
    http_body_reader* body = nullptr;  ///< never null; gives 0 at once when there is no body
};

/// A response's body that is produced while it is sent.
class http_body_source {
  public:
    http_body_source() = default;
    http_body_source(const http_body_source&) = delete;
    http_body_source& operator=(const http_body_source&) = delete;
    virtual ~http_body_source() = default;

    /// The next bytes, good until the next call or the destruction; empty at the end. An error
    /// before the first byte becomes an error response (http_handler::source_failed); a later one
    /// breaks the connection, so that the client sees a short body and never a wrong one.
    virtual task<result<bytes_view>> next() = 0;
    /// All bytes that next() will give; unknown makes the response chunked.
    [[nodiscard]] virtual std::optional<std::uint64_t> length() const = 0;
};

/// Response headers, serialised as they are added.
class http_response_headers {
  public:
    /// Adds a line. Bytes that must not occur in a header (CR, LF, NUL, other controls) become
    /// spaces, so a value that came from a client cannot add a line. Content-Length,
    /// Transfer-Encoding, Connection, Date are the session's: adding them is a defect and asserts.
    void add(std::string_view name, std::string_view value);
    void add(std::string_view name, std::uint64_t value);
    /// Replaces all lines of that name by one.
    void set(std::string_view name, std::string_view value);
    void remove(std::string_view name);
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// "Name: value\r\n" for each line.
    [[nodiscard]] std::string_view lines() const noexcept { return lines_; }

  private:
    std::string lines_;
};

struct http_response {
    unsigned status = 200;
    http_response_headers headers;
    std::string body;                          ///< sent when there is no source
    std::unique_ptr<http_body_source> source;  ///< wins over `body`
    /// For HEAD, which never sends a body: the Content-Length of what GET would send. Without it
    /// the length of source or body is told.
    std::optional<std::uint64_t> head_length;
    bool close = false;  ///< close the connection after this response
};

}  // namespace taicang
