#include "s3gw/http/connections.h"

namespace taicang {

http_connections::http_connections(executor& home, http_handler& handler, const http_limits& limits,
                                   http_worker_figures& figures)
    : home_(home), shared_{handler, limits, figures} {
    empty_.set();
}

void http_connections::serve(std::unique_ptr<http_transport> transport, std::uint64_t connection) {
    if (is_stopping_) return;
    task<void> body = serve_one(std::move(transport), connection);
    spawn(gate_, std::move(body));
}

task<void> http_connections::serve_one(std::unique_ptr<http_transport> transport,
                                       std::uint64_t connection) {
    {
        http_session session(std::move(transport), shared_, connection);
        sessions_.insert(&session);
        shared_.figures.connections_open.store(sessions_.size(), std::memory_order_relaxed);
        empty_.reset();
        arm();
        co_await session.run();
        sessions_.erase(&session);
    }
    shared_.figures.connections_open.store(sessions_.size(), std::memory_order_relaxed);
    if (sessions_.empty()) {
        empty_.set();
        if (is_armed_) home_.cancel_timer(timer_);
        is_armed_ = false;
    }
}

void http_connections::arm() {
    if (is_armed_) return;
    is_armed_ = true;
    timer_ = home_.post_after(limits::http_tick, [this] { tick(); });
}

void http_connections::tick() {
    is_armed_ = false;
    const nanoseconds now = home_.monotonic_now();
    // A tick only interrupts: sessions end later, on the queue, so the set does not change under
    // the loop.
    for (http_session* session : sessions_)
        session->tick(now);
    if (!sessions_.empty()) arm();
}

task<void> http_connections::stop(nanoseconds patience) {
    is_stopping_ = true;
    for (http_session* session : sessions_)
        session->finish_soon();
    if (!sessions_.empty() && patience > 0) co_await empty_.wait_for(patience);
    for (http_session* session : sessions_)
        session->abort();
    co_await gate_.close();
}

}  // namespace taicang
