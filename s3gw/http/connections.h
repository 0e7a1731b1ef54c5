// All connections of one worker: starts their sessions, looks at their deadlines, ends them.
// Threads: the worker's executor. Lifetime: stop() must be done before destruction; the handler and
// limits outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_set>

#include "s3gw/http/session.h"
#include "storage/base/async.h"

namespace taicang {

class http_connections {
  public:
    /// Called on `home`.
    http_connections(executor& home, http_handler& handler, const http_limits& limits,
                     http_worker_figures& figures);
    http_connections(const http_connections&) = delete;
    http_connections& operator=(const http_connections&) = delete;

    /// Serves a connection until it ends; dropped when stop() has begun.
    void serve(std::unique_ptr<http_transport> transport, std::uint64_t connection);
    /// Ends idle connections, waits `patience` for the others, then drops them and waits for their
    /// handlers.
    task<void> stop(nanoseconds patience);
    [[nodiscard]] std::size_t open() const noexcept { return sessions_.size(); }

  private:
    task<void> serve_one(std::unique_ptr<http_transport> transport, std::uint64_t connection);
    void arm();
    void tick();

    executor& home_;
    http_session_shared shared_;
    std::unordered_set<http_session*> sessions_;
    gate gate_;
    event empty_;
    bool is_stopping_ = false;
    bool is_armed_ = false;
    executor::timer_id timer_ = 0;
};

}  // namespace taicang
