#include "s3gw/http/session.h"

#include <array>
#include <charconv>

#include "storage/base/assert.h"
#include "storage/base/mark.h"

namespace taicang {

namespace {

bool has_no_body(unsigned status) noexcept {
    return status < 200 || status == 204 || status == 304;
}

}  // namespace

http_session::http_session(std::unique_ptr<http_transport> transport, http_session_shared& shared,
                           std::uint64_t connection)
    : transport_(std::move(transport)),
      shared_(shared),
      pace_(shared.limits),
      input_(*transport_, pace_, shared.limits) {
    request_.remote_address = transport_->peer_address();
    request_.is_tls = transport_->is_tls();
    request_.connection = connection;
    request_.body = &input_;
}

task<void> http_session::run() {
    pace_.until(executor::current().monotonic_now() + shared_.limits.head_timeout);
    auto shaken = co_await transport_->handshake();
    pace_.done();
    if (shaken) {
        bool more = true;
        while (more)
            more = co_await serve_next();
        if (must_linger_) {
            // Closing over unread bytes would reset the connection, and the client might lose the
            // response.
            co_await transport_->shutdown_write();
            co_await input_.linger();
        }
    }
    transport_->close();
}

void http_session::tick(nanoseconds now) {
    if (!pace_.expired(now, transport_->bytes_moved())) return;
    shared_.figures.timeouts.fetch_add(1, std::memory_order_relaxed);
    transport_->interrupt();
}

void http_session::finish_soon() {
    is_finishing_ = true;
    if (is_in_head_ && input_.is_idle()) transport_->close();
}

task<bool> http_session::serve_next() {
    if (is_finishing_) co_return false;
    is_in_head_ = true;
    const bool is_first = request_.sequence == 0;
    const auto outcome = co_await input_.read_head(request_, is_first);
    is_in_head_ = false;
    if (outcome == session_input::head_outcome::closed) co_return false;
    if (outcome == session_input::head_outcome::problem) {
        co_await refuse();
        co_return false;
    }
    co_return co_await answer();
}

task<void> http_session::refuse() {
    TC_MARK("http.refused");
    shared_.figures.protocol_errors.fetch_add(1, std::memory_order_relaxed);
    const http_parse_problem& why = input_.problem();
    const http_problem problem{why.status, why.code, why.message, transport_->peer_address()};
    http_response response = shared_.handler.protocol_error(problem);
    http_exchange how;
    must_linger_ = co_await send(response, false, how);
}

task<bool> http_session::answer() {
    executor& home = executor::current();
    ++request_.sequence;
    request_.received_ns = home.monotonic_now();
    shared_.figures.requests.fetch_add(1, std::memory_order_relaxed);
    input_.begin_body(request_);
    http_response response = co_await shared_.handler.handle(request_);

    const bool keep = request_.keep_alive && !response.close && !is_finishing_ &&
                      request_.sequence < shared_.limits.requests_per_connection_max &&
                      input_.can_drain();
    http_exchange how;
    how.sent = co_await send(response, keep, how);
    response.source.reset();
    how.bytes_in = input_.bytes_read();
    how.duration_ns = home.monotonic_now() - request_.received_ns;
    shared_.handler.finished(request_, how);
    // Whether the response itself asked to close is known only to send(): it clears keep_alive
    // then.
    if (!how.sent || !keep || !request_.keep_alive) {
        must_linger_ = how.sent && !input_.body_ended();
        co_return false;
    }
    const bool drained = co_await input_.drain();
    if (!drained) co_return false;
    input_.next_request();
    co_return true;
}

task<bool> http_session::write(std::span<const bytes_view> pieces) {
    executor& home = executor::current();
    pace_.moving(home.monotonic_now(), transport_->bytes_moved());
    auto written = co_await transport_->write(pieces);
    pace_.done(home.monotonic_now());
    co_return written.ok();
}

task<bool> http_session::send(http_response& response, bool keep, http_exchange& how) {
    const bool is_head = request_.method == http_method::head;
    bytes_view piece;
    if (response.source && !is_head && !has_no_body(response.status)) {
        // The first piece is there before the head goes out: it may still turn into an error
        // response.
        auto first = co_await response.source->next();
        const bool is_short =
            first.ok() && first->empty() && response.source->length().value_or(0) > 0;
        if (!first || is_short) {
            TC_MARK("http.source_failed_first");
            const error why = first ? error(errc::io_short, "a response's body is empty")
                                    : std::move(first).error();
            const bool must_close = response.close;
            response = shared_.handler.source_failed(request_, why);
            response.close = response.close || must_close;
            TC_ASSERT_WHY(!response.source, "an error response has no source");
        } else {
            piece = *first;
        }
    }
    http_framing framing;
    if (!has_no_body(response.status)) {
        framing.length = response.source ? response.source->length()
                                         : std::optional<std::uint64_t>(response.body.size());
        if (is_head && response.head_length) framing.length = response.head_length;
        framing.is_chunked = !framing.length && request_.version == 11;
        // An old client sees the end of a body of unknown length by the end of the connection.
        if (!framing.length && !framing.is_chunked) keep = false;
    }
    if (response.close) keep = false;
    if (!keep) request_.keep_alive = false;
    framing.says_close = !keep;
    serialize_head(response, framing, shared_.dates.at(executor::current().wall_now()), out_);
    how.status = response.status;
    pace_.restart(transport_->bytes_moved());

    if (is_head || has_no_body(response.status)) {
        const std::array<bytes_view, 1> only_head = {as_bytes(out_)};
        co_return co_await write(only_head);
    }
    if (response.source) {
        http_body_source& source = *response.source;
        co_return co_await send_source(source, framing, piece, how);
    }
    const std::array<bytes_view, 2> whole = {as_bytes(out_), as_bytes(response.body)};
    const bool sent = co_await write(whole);
    if (sent) how.bytes_out = response.body.size();
    co_return sent;
}

task<bool> http_session::send_source(http_body_source& source, const http_framing& framing,
                                     bytes_view piece, http_exchange& how) {
    bool is_head_sent = false;
    std::array<char, 20> size_line;
    for (;;) {
        // At most: head, chunk size, piece, end of chunk.
        std::array<bytes_view, 4> pieces;
        std::size_t count = 0;
        if (!is_head_sent) pieces[count++] = as_bytes(out_);
        is_head_sent = true;
        if (framing.is_chunked && !piece.empty()) {
            char* const end =
                std::to_chars(size_line.data(), size_line.data() + 16, piece.size(), 16).ptr;
            end[0] = '\r';
            end[1] = '\n';
            pieces[count++] = as_bytes(std::string_view(
                size_line.data(), static_cast<std::size_t>(end + 2 - size_line.data())));
            pieces[count++] = piece;
            pieces[count++] = as_bytes("\r\n");
        } else if (framing.is_chunked) {
            pieces[count++] = as_bytes("0\r\n\r\n");
        } else if (!piece.empty()) {
            pieces[count++] = piece;
        }
        const bool is_end = piece.empty();
        const bool is_over = framing.length && how.bytes_out + piece.size() > *framing.length;
        const bool is_short = is_end && framing.length && how.bytes_out != *framing.length;
        if (is_over || is_short) {
            // More would be taken for the next response, fewer leave the client waiting.
            TC_MARK("http.source_wrong_length");
            co_return false;
        }
        if (count != 0) {
            const std::span<const bytes_view> all(pieces.data(), count);
            const bool sent = co_await write(all);
            if (!sent) co_return false;
        }
        how.bytes_out += piece.size();
        if (is_end || (framing.length && how.bytes_out == *framing.length)) co_return true;
        auto next = co_await source.next();
        if (!next) {
            TC_MARK("http.source_failed_middle");
            co_return false;
        }
        piece = *next;
    }
}

}  // namespace taicang
