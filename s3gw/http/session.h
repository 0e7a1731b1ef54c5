// One connection: reads requests, one at a time, hands each to the handler and sends what it
// answers. Pure logic over http_transport. Threads: the worker's executor. Lifetime: lives until
// run() is done; the handler and the limits outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "s3gw/http/handler.h"
#include "s3gw/http/pace.h"
#include "s3gw/http/response.h"
#include "s3gw/http/session_input.h"
#include "s3gw/http/transport.h"

namespace taicang {

/// Written by one worker, read by any thread.
struct http_worker_figures {
    std::atomic<std::uint64_t> connections_open{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> protocol_errors{0};
    std::atomic<std::uint64_t> timeouts{0};
};

/// What the sessions of one worker share.
struct http_session_shared {
    http_handler& handler;
    const http_limits& limits;
    http_worker_figures& figures;
    http_date_cache dates{};
};

class http_session {
  public:
    http_session(std::unique_ptr<http_transport> transport, http_session_shared& shared,
                 std::uint64_t connection);
    http_session(const http_session&) = delete;
    http_session& operator=(const http_session&) = delete;

    /// Serves until the connection ends.
    task<void> run();
    /// Looks at deadlines; the owner calls it every limits::http_tick.
    void tick(nanoseconds now);
    /// No further requests: closes at once when idle, after the present response otherwise.
    void finish_soon();
    /// Drops the connection; run() ends when the handler has.
    void abort() noexcept { transport_->close(); }

  private:
    task<bool> serve_next();
    task<bool> answer();
    task<void> refuse();
    task<bool> send(http_response& response, bool keep, http_exchange& how);
    task<bool> send_source(http_body_source& source, const http_framing& framing, bytes_view piece,
                           http_exchange& how);
    task<bool> write(std::span<const bytes_view> pieces);

    std::unique_ptr<http_transport> transport_;
    http_session_shared& shared_;
    pace pace_;
    session_input input_;
    http_request request_;
    std::string out_;  ///< the response's head; kept for its memory
    bool is_finishing_ = false;
    bool is_in_head_ = true;
    bool must_linger_ = false;
};

}  // namespace taicang
