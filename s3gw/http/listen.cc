#include "s3gw/http/listen.h"

#include <cerrno>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "storage/base/log.h"

namespace taicang {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

std::string text_of(const tcp::endpoint& endpoint) {
    auto address = endpoint.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
    }
    const std::string port = std::to_string(endpoint.port());
    return address.is_v6() ? "[" + address.to_string() + "]:" + port
                           : address.to_string() + ":" + port;
}

struct bound_socket {
    tcp::acceptor acceptor;
    tcp::endpoint endpoint;
};

error_code open_and_listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, bool is_dual) {
    error_code why;
    acceptor.open(endpoint.protocol(), why);
    if (why) return why;
    acceptor.set_option(tcp::acceptor::reuse_address(true), why);
    if (!why && endpoint.address().is_v6()) {
        acceptor.set_option(boost::asio::ip::v6_only(!is_dual), why);
    }
    if (!why) acceptor.bind(endpoint, why);
    if (!why) acceptor.listen(limits::http_listen_backlog, why);
    if (!why) acceptor.native_non_blocking(true, why);
    if (why) {
        error_code ignored;  // the first reason is the one to tell
        acceptor.close(ignored);
    }
    return why;
}

error bind_error(const tcp::endpoint& endpoint, const error_code& why) {
    std::string text = "Cannot listen on " + text_of(endpoint) + ": " + why.message() + ".";
    errc code = errc::io_failed;
    if (why == boost::asio::error::address_in_use) {
        code = errc::busy;
        text += " Another process holds that port; stop it, or choose another port.";
    } else if (why == boost::asio::error::access_denied) {
        code = errc::permission_denied;
        text += " Ports below 1024 need a privilege; choose a higher one.";
    }
    return error(code, std::move(text));
}

bool is_every_address(const std::string& host) {
    return host.empty() || host == "*" || host == "::" || host == "[::]";
}

result<std::vector<tcp::endpoint>> resolve(boost::asio::io_context& context,
                                           const http_listener& where) {
    std::string host = where.host;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    error_code why;
    tcp::resolver resolver(context);
    const auto found =
        resolver.resolve(host, std::to_string(where.port), tcp::resolver::passive, why);
    if (why) {
        return error(errc::invalid_argument, "Cannot listen on " + where.host + ": " +
                                                 why.message() +
                                                 ". Use a name or address of this machine.");
    }
    std::vector<tcp::endpoint> endpoints;
    for (const auto& entry : found) {
        bool known = false;
        for (const auto& endpoint : endpoints)
            known = known || endpoint == entry.endpoint();
        if (!known) endpoints.push_back(entry.endpoint());
    }
    return endpoints;
}

}  // namespace

struct http_acceptor::state {
    tcp::acceptor acceptor;
    http_bound_address address;

    struct awaiter {
        state& owner;
        tcp::socket socket;
        tcp::endpoint peer{};
        error_code why{};
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) {
            owner.acceptor.async_accept(socket, peer, [this, waiting](const error_code& ec) {
                why = ec;
                waiting.resume();
            });
        }
        void await_resume() const noexcept {}
    };
};

http_acceptor::http_acceptor(std::unique_ptr<state> made) : state_(std::move(made)) {}

http_acceptor::~http_acceptor() = default;

result<std::vector<std::unique_ptr<http_acceptor>>> http_acceptor::bind(
    boost::asio::io_context& context, const http_listener& where) {
    std::vector<std::unique_ptr<http_acceptor>> made;
    const auto keep = [&](tcp::acceptor acceptor) {
        error_code ignored;  // a listening socket has a local endpoint
        const tcp::endpoint local = acceptor.local_endpoint(ignored);
        http_bound_address address{local.address().to_string(), local.port(), where.is_tls};
        made.push_back(std::unique_ptr<http_acceptor>(new http_acceptor(
            std::unique_ptr<state>(new state{std::move(acceptor), std::move(address)}))));
    };
    if (is_every_address(where.host)) {
        // One socket for both families; machines without IPv6 get the old one.
        tcp::acceptor acceptor(context);
        error_code why = open_and_listen(acceptor, {tcp::v6(), where.port}, true);
        if (why == boost::asio::error::address_family_not_supported ||
            why == boost::asio::error::no_protocol_option || why.value() == EADDRNOTAVAIL) {
            why = open_and_listen(acceptor, {tcp::v4(), where.port}, false);
        }
        if (why) return bind_error({tcp::v6(), where.port}, why);
        keep(std::move(acceptor));
        return made;
    }
    TC_TRY_ASSIGN(endpoints, resolve(context, where));
    std::uint16_t port = where.port;
    for (tcp::endpoint endpoint : endpoints) {
        endpoint.port(port);
        tcp::acceptor acceptor(context);
        const error_code why = open_and_listen(acceptor, endpoint, false);
        if (why) {
            // A machine without IPv6 has no ::1, and nobody there could reach it; "localhost" may
            // have it as one of several.
            const bool is_missing = why.value() == EADDRNOTAVAIL || why.value() == EAFNOSUPPORT;
            const bool is_optional = endpoint.address() == boost::asio::ip::address_v6::loopback();
            if (!is_missing || !is_optional) return bind_error(endpoint, why);
            log_event(log_level::warn, "listener_left_out")
                .with("address", text_of(endpoint))
                .with("reason", why.message());
            continue;
        }
        keep(std::move(acceptor));
        port = made.back()->address().port;
    }
    return made;
}

const http_bound_address& http_acceptor::address() const noexcept {
    return state_->address;
}

task<result<accepted_connection>> http_acceptor::accept() {
    state::awaiter accepting{*state_, tcp::socket(state_->acceptor.get_executor())};
    co_await accepting;
    if (accepting.why == boost::asio::error::operation_aborted || !state_->acceptor.is_open()) {
        co_return error(errc::stopped);
    }
    if (accepting.why) {
        const int number = accepting.why.value();
        const bool is_exhausted =
            number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
        co_return error(is_exhausted ? errc::busy : errc::connection_lost,
                        "Accepting a connection failed: " + accepting.why.message() + ".");
    }
    accepted_connection out;
    out.is_ipv6 = accepting.peer.protocol() == tcp::v6();
    out.peer_address = text_of(accepting.peer);
    error_code why;
    // The connection moves to the loop of its worker, so this one lets the descriptor go.
    out.descriptor = accepting.socket.release(why);
    if (why) co_return error(errc::connection_lost, "Handing over a connection failed.");
    co_return out;
}

void http_acceptor::close() noexcept {
    error_code ignored;  // the descriptor is released in any case
    state_->acceptor.close(ignored);
}

}  // namespace taicang
