// A TCP connection as http_transport, on Asio's reactor.
// Threads: the worker that runs `context`. Lifetime: the transport owns the descriptor; the context
// outlives it.
#pragma once

#include <memory>
#include <string>

#include "s3gw/http/transport.h"

namespace boost::asio {
class io_context;
}

namespace taicang {

/// Takes over a connected socket. Null when the reactor does not take it (the descriptor is closed
/// then).
[[nodiscard]] std::unique_ptr<http_transport> make_tcp_transport(boost::asio::io_context& context,
                                                                 int descriptor, bool is_ipv6,
                                                                 std::string peer_address);

}  // namespace taicang
