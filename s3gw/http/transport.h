// The network seam: a byte stream to one client. A session runs over this alone, so it runs the
// same over a socket, over TLS (which is a transport around another) and over the memory pipes of
// tests and simulation. Threads: one executor. Lifetime: the session owns it; nothing may be
// pending when it is destroyed. Invariant: at most one read_some or write is pending at a time,
// never both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "storage/base/bytes.h"
#include "storage/base/result.h"
#include "storage/base/task.h"

namespace taicang {

class http_transport {
  public:
    http_transport() = default;
    http_transport(const http_transport&) = delete;
    http_transport& operator=(const http_transport&) = delete;
    virtual ~http_transport() = default;

    /// What must happen before the first byte (TLS).
    virtual task<result<void>> handshake() { co_return ok(); }
    /// Reads at least one byte; 0 when the peer has closed its side. errc::timed_out after
    /// interrupt(), errc::connection_lost otherwise.
    virtual task<result<std::size_t>> read_some(bytes_span into) = 0;
    /// Writes all pieces, in one system call when the socket takes them. The pieces and the array
    /// of them stay good until the task is done. After an error how much was written is unknown.
    virtual task<result<void>> write(std::span<const bytes_view> pieces) = 0;
    /// Ends the pending read or write (if any) with errc::timed_out; later ones work.
    virtual void interrupt() noexcept = 0;
    /// Tells the peer that nothing more will be written.
    virtual task<void> shutdown_write() = 0;
    /// Drops the connection; a pending operation ends with errc::connection_lost, later ones fail
    /// likewise.
    virtual void close() noexcept = 0;

    /// "192.0.2.1:5000"
    [[nodiscard]] virtual const std::string& peer_address() const noexcept = 0;
    [[nodiscard]] virtual bool is_tls() const noexcept = 0;
    /// Bytes that the system took or gave so far, both ways, also by a write that is still pending:
    /// how progress of a slow peer is seen.
    [[nodiscard]] virtual std::uint64_t bytes_moved() const noexcept = 0;
};

}  // namespace taicang
