// Resolves and binds listeners; Asio's acceptors behind a face without Asio.
// Threads: made before the workers run; accept() and close() on the worker that runs `context`.
// Lifetime: the context outlives it; close() and the end of a pending accept() before destruction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "s3gw/http/server.h"
#include "storage/base/result.h"
#include "storage/base/task.h"

namespace boost::asio {
class io_context;
}

namespace taicang {

struct accepted_connection {
    int descriptor = -1;
    bool is_ipv6 = false;
    std::string peer_address;
};

class http_acceptor {
  public:
    /// All addresses of a listener; none for ::1 where there is no IPv6.
    [[nodiscard]] static result<std::vector<std::unique_ptr<http_acceptor>>> bind(
        boost::asio::io_context& context, const http_listener& where);
    ~http_acceptor();
    http_acceptor(const http_acceptor&) = delete;
    http_acceptor& operator=(const http_acceptor&) = delete;

    [[nodiscard]] const http_bound_address& address() const noexcept;
    /// errc::stopped after close(); errc::busy when descriptors or memory ran out;
    /// errc::connection_lost when the client left before.
    task<result<accepted_connection>> accept();
    void close() noexcept;

  private:
    struct state;
    explicit http_acceptor(std::unique_ptr<state> made);
    std::unique_ptr<state> state_;
};

}  // namespace taicang
