#include "s3gw/http/tcp_transport.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "storage/base/assert.h"
#include "storage/base/async.h"

namespace taicang {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t pieces_max = 8;
/// A connection whose socket is always ready lets the others have their turn after so many
/// operations.
constexpr unsigned inline_operations_max = 32;

class tcp_transport final : public http_transport {
  public:
    tcp_transport(tcp::socket socket, std::string peer_address)
        : socket_(std::move(socket)), peer_address_(std::move(peer_address)) {}

    task<result<std::size_t>> read_some(bytes_span into) override;
    task<result<void>> write(std::span<const bytes_view> pieces) override;
    void interrupt() noexcept override;
    task<void> shutdown_write() override {
        error_code ignored;  // the peer may be gone already
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
        co_return;
    }
    void close() noexcept override {
        error_code ignored;  // the descriptor is released in any case
        socket_.close(ignored);
    }
    [[nodiscard]] const std::string& peer_address() const noexcept override {
        return peer_address_;
    }
    [[nodiscard]] bool is_tls() const noexcept override { return false; }
    [[nodiscard]] std::uint64_t bytes_moved() const noexcept override { return moved_; }

  private:
    struct read_awaiter {
        tcp_transport& owner;
        bytes_span into;
        error_code why{};
        std::size_t length = 0;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) {
            owner.socket_.async_read_some(boost::asio::buffer(into.data(), into.size()),
                                          [this, waiting](const error_code& ec, std::size_t got) {
                                              why = ec;
                                              length = got;
                                              waiting.resume();
                                          });
        }
        void await_resume() const noexcept {}
    };
    struct writable_awaiter {
        tcp_transport& owner;
        error_code why{};
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) {
            owner.socket_.async_wait(tcp::socket::wait_write,
                                     [this, waiting](const error_code& ec) {
                                         why = ec;
                                         waiting.resume();
                                     });
        }
        void await_resume() const noexcept {}
    };

    error failure(const error_code& why) {
        is_pending_ = false;
        if (why == boost::asio::error::operation_aborted && is_interrupted_) {
            is_interrupted_ = false;
            return error(errc::timed_out);
        }
        return error(errc::connection_lost, "The connection was lost: " + why.message() + ".");
    }
    void begin_wait() noexcept {
        is_pending_ = true;
        is_interrupted_ = false;
    }
    /// Counts operations that did not wait; true when it is time to let others run.
    bool is_turn_over() noexcept { return ++inline_operations_ % inline_operations_max == 0; }

    tcp::socket socket_;
    std::string peer_address_;
    std::uint64_t moved_ = 0;
    unsigned inline_operations_ = 0;
    bool is_likely_readable_ = false;
    bool is_pending_ = false;
    bool is_interrupted_ = false;
};

task<result<std::size_t>> tcp_transport::read_some(bytes_span into) {
    // After a read that filled its buffer there is most likely more: asking the socket first saves
    // a trip through the reactor. After a short read there is not, and asking would be a wasted
    // system call.
    if (is_likely_readable_ && socket_.is_open()) {
        if (is_turn_over()) co_await yield_now();
        const ssize_t got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
        if (got >= 0) {
            moved_ += static_cast<std::size_t>(got);
            is_likely_readable_ = static_cast<std::size_t>(got) == into.size();
            co_return static_cast<std::size_t>(got);
        }
        is_likely_readable_ = false;
    }
    begin_wait();
    read_awaiter reading{*this, into};
    co_await reading;
    if (reading.why == boost::asio::error::eof) {
        is_pending_ = false;
        co_return std::size_t{0};
    }
    if (reading.why) co_return failure(reading.why);
    is_pending_ = false;
    moved_ += reading.length;
    is_likely_readable_ = reading.length == into.size();
    co_return reading.length;
}

task<result<void>> tcp_transport::write(std::span<const bytes_view> pieces) {
    TC_ASSERT(pieces.size() <= pieces_max);
    std::array<iovec, pieces_max> vectors;
    std::size_t count = 0;
    std::size_t left = 0;
    for (const bytes_view piece : pieces) {
        if (piece.empty()) continue;
        // sendmsg does not write through this pointer.
        vectors[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
        left += piece.size();
    }
    std::size_t at = 0;
    while (left != 0) {
        if (is_turn_over()) co_await yield_now();
        if (!socket_.is_open()) co_return error(errc::connection_lost);
        msghdr message{};
        message.msg_iov = vectors.data() + at;
        message.msg_iovlen = count - at;
        const ssize_t put =
            ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        const int number = errno;
        if (put < 0 && number == EINTR) continue;
        if (put < 0 && number != EAGAIN && number != EWOULDBLOCK) {
            co_return failure(error_code(number, boost::system::system_category()));
        }
        if (put < 0) {
            begin_wait();
            writable_awaiter waiting{*this};
            co_await waiting;
            if (waiting.why) co_return failure(waiting.why);
            is_pending_ = false;
            continue;
        }
        auto done = static_cast<std::size_t>(put);
        moved_ += done;
        left -= done;
        while (done != 0) {
            const std::size_t step = std::min(done, vectors[at].iov_len);
            vectors[at].iov_base = static_cast<std::byte*>(vectors[at].iov_base) + step;
            vectors[at].iov_len -= step;
            done -= step;
            if (vectors[at].iov_len == 0) ++at;
        }
    }
    co_return ok();
}

void tcp_transport::interrupt() noexcept {
    if (!is_pending_) return;
    is_interrupted_ = true;
    error_code ignored;  // fails only on a closed socket, whose operation ends anyway
    socket_.cancel(ignored);
}

}  // namespace

std::unique_ptr<http_transport> make_tcp_transport(boost::asio::io_context& context, int descriptor,
                                                   bool is_ipv6, std::string peer_address) {
    error_code why;
    tcp::socket socket(context);
    socket.assign(is_ipv6 ? tcp::v6() : tcp::v4(), descriptor, why);
    if (why) {
        ::close(descriptor);
        return nullptr;
    }
    socket.native_non_blocking(true, why);
    if (!why) socket.set_option(tcp::no_delay(true), why);
    if (why) return nullptr;
    return std::make_unique<tcp_transport>(std::move(socket), std::move(peer_address));
}

}  // namespace taicang
