// The HTTP server: listeners, worker threads, connections. A worker is one thread whose event loop
// is a taicang::executor; a connection stays on its worker, and so do the tasks of its requests.
// Threads: start, stop and the figures may be called from any thread outside the workers; start and
// stop block. Lifetime: stop() before destruction (the destructor does it otherwise, without
// patience); the handlers' engine and everything else that requests use must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "s3gw/http/handler.h"
#include "s3gw/http/limits.h"
#include "storage/base/executor.h"
#include "storage/base/result.h"

namespace taicang {

/// Where to listen. `host`: a name or address; "", "*" and "::" mean every address, IPv6 and IPv4.
struct http_listener {
    std::string host;
    std::uint16_t port = 0;  ///< 0: the system picks one; see http_server::bound()
    bool is_tls = false;
};

struct http_tls_files {
    std::string certificate_chain_path;  ///< PEM
    std::string private_key_path;        ///< PEM
};

struct http_bound_address {
    std::string address;  ///< numeric; "0.0.0.0" or "::" for every address
    std::uint16_t port = 0;
    bool is_tls = false;
};

struct http_server_figures {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_refused = 0;  ///< over connections_max
    std::uint64_t requests = 0;
    std::uint64_t protocol_errors = 0;
    std::uint64_t timeouts = 0;
};

/// Makes the handler of worker `index`; called on the worker's executor.
using http_handler_factory =
    std::function<std::unique_ptr<http_handler>(executor& worker, unsigned index)>;

struct http_server_options {
    std::string name = "s3";  ///< in logs and thread names
    std::vector<http_listener> listeners;
    http_tls_files tls;  ///< needed when a listener is TLS
    unsigned workers = 1;
    http_limits limits;
};

class http_server {
  public:
    http_server(http_server_options options, http_handler_factory make_handler);
    ~http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// Binds, starts the workers and accepts. Fails with a sentence when a listener cannot be had;
    /// nothing runs then.
    [[nodiscard]] result<void> start();
    /// Stops accepting, closes idle connections, lets running requests end for `patience`, then
    /// breaks their connections and waits until their tasks are done.
    void stop(nanoseconds patience);
    /// What was bound, in the order of the listeners (one listener may give several addresses).
    [[nodiscard]] const std::vector<http_bound_address>& bound() const noexcept;
    [[nodiscard]] http_server_figures figures() const;
    /// The executor of a worker; good between start and stop.
    [[nodiscard]] executor& worker(unsigned index);

  private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace taicang
