// A connection in memory: the test is the client, the session the server. Bytes arrive when the
// test says so.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "s3gw/http/transport.h"
#include "storage/base/async.h"

namespace taicang::tests {

/// What both sides see. The test keeps it; the transport refers to it.
struct memory_pipe {
    std::string to_server;              ///< not yet read by the server
    std::string to_client;              ///< all that the server wrote
    std::size_t reads = 0;              ///< how often the server read
    std::size_t writes = 0;             ///< how often the server wrote
    std::size_t read_step = 1 << 20;    ///< most bytes of one read
    std::size_t write_room = SIZE_MAX;  ///< bytes the client still takes; then writes wait
    bool client_closed = false;         ///< no more bytes from the client
    bool client_gone = false;           ///< reads and writes fail
    bool server_closed = false;
    bool server_shut = false;
    event changed;
    std::uint64_t interrupts = 0;

    void send(std::string_view text) {
        to_server += text;
        changed.pulse();
    }
    void close() {
        client_closed = true;
        changed.pulse();
    }
    void vanish() {
        client_gone = true;
        changed.pulse();
    }
    void take(std::size_t bytes) {
        write_room += bytes;
        changed.pulse();
    }
};

class memory_transport final : public http_transport {
  public:
    explicit memory_transport(std::shared_ptr<memory_pipe> pipe) : pipe_(std::move(pipe)) {}
    ~memory_transport() override { pipe_->server_closed = true; }

    task<result<std::size_t>> read_some(bytes_span into) override {
        const std::uint64_t interrupts = pipe_->interrupts;
        for (;;) {
            if (pipe_->client_gone || pipe_->server_closed) {
                co_return error(errc::connection_lost);
            }
            if (!pipe_->to_server.empty()) break;
            if (pipe_->client_closed) co_return std::size_t{0};
            if (pipe_->interrupts != interrupts) co_return error(errc::timed_out);
            co_await pipe_->changed.wait();
        }
        const std::size_t length =
            std::min({into.size(), pipe_->to_server.size(), pipe_->read_step});
        std::memcpy(into.data(), pipe_->to_server.data(), length);
        pipe_->to_server.erase(0, length);
        ++pipe_->reads;
        moved_ += length;
        co_return length;
    }
    task<result<void>> write(std::span<const bytes_view> pieces) override {
        const std::uint64_t interrupts = pipe_->interrupts;
        ++pipe_->writes;
        for (bytes_view piece : pieces) {
            while (!piece.empty()) {
                if (pipe_->client_gone || pipe_->server_closed) {
                    co_return error(errc::connection_lost);
                }
                if (pipe_->interrupts != interrupts) co_return error(errc::timed_out);
                const std::size_t length = std::min(piece.size(), pipe_->write_room);
                if (length == 0) {
                    co_await pipe_->changed.wait();
                    continue;
                }
                pipe_->to_client += as_text(piece.first(length));
                piece = piece.subspan(length);
                pipe_->write_room -= length;
                moved_ += length;
            }
        }
        co_return ok();
    }
    void interrupt() noexcept override {
        ++pipe_->interrupts;
        pipe_->changed.pulse();
    }
    task<void> shutdown_write() override {
        pipe_->server_shut = true;
        co_return;
    }
    void close() noexcept override {
        pipe_->server_closed = true;
        pipe_->changed.pulse();
    }
    [[nodiscard]] const std::string& peer_address() const noexcept override { return peer_; }
    [[nodiscard]] bool is_tls() const noexcept override { return false; }
    [[nodiscard]] std::uint64_t bytes_moved() const noexcept override { return moved_; }

  private:
    std::shared_ptr<memory_pipe> pipe_;
    std::string peer_ = "192.0.2.1:5000";
    std::uint64_t moved_ = 0;
};

}  // namespace taicang::tests
