// The limits of the HTTP rooms: how much a client may send, how slowly, and how much of it is held
// at once. Threads: plain values, set before the server starts. Lifetime: copied into the server.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/base/executor.h"
#include "storage/base/limits.h"

namespace taicang {

/// Defaults are right for a gateway on the open internet; a test makes them smaller.
struct http_limits {
    /// Request line and headers together. S3 allows 8 KiB of headers; a presigned target adds to
    /// that.
    std::size_t head_bytes_max = 16 * limits::kib;
    std::size_t headers_max = 128;
    std::size_t query_items_max = 128;
    std::size_t target_bytes_max = 8 * limits::kib;
    std::size_t connections_max = 8192;
    /// Between requests of a connection.
    nanoseconds idle_timeout = 75 * one_second;
    /// From a request's first byte to the end of its head (TLS handshake likewise).
    nanoseconds head_timeout = 20 * one_second;
    /// A body, read or sent, must move at least `body_bytes_per_window_min` in each window.
    nanoseconds body_window = 20 * one_second;
    std::uint64_t body_bytes_per_window_min = 20 * limits::kib;
    /// What is read and thrown away after an early response, to keep the connection (or to let the
    /// client see it).
    std::uint64_t drain_bytes_max = 256 * limits::kib;
    nanoseconds linger_timeout = 2 * one_second;
    /// Requests on one connection, after which it is closed.
    std::uint64_t requests_per_connection_max = 1'000'000;
};

namespace limits {

inline constexpr std::size_t http_read_ahead_bytes =
    16 * kib;  ///< of a body, beside the head's buffer
inline constexpr std::size_t http_chunk_line_bytes_max =
    1 * kib;  ///< a chunk's size line or a trailer line
inline constexpr std::size_t http_trailer_bytes_max = 8 * kib;
inline constexpr std::size_t http_coalesce_bytes_max =
    64 * kib;  ///< head and small body go out as one
inline constexpr nanoseconds http_tick =
    250 * one_millisecond;  ///< how often deadlines are looked at
inline constexpr int http_listen_backlog = 1024;

}  // namespace limits
}  // namespace taicang
