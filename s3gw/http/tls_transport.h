// TLS as a transport around another one: OpenSSL works on memory, the inner transport moves the
// bytes. So TLS runs over pipes in tests as it runs over sockets. Threads: a tls_context is made
// once and read by all workers; a transport belongs to its executor. Lifetime: the context outlives
// its transports; a transport owns the inner one.
#pragma once

#include <memory>
#include <string>

#include "s3gw/http/transport.h"
#include "storage/base/result.h"

namespace taicang {

class tls_context {
  public:
    /// A server's, from PEM files; TLS 1.2 and 1.3. Fails with a sentence that names the file.
    [[nodiscard]] static result<std::shared_ptr<tls_context>> make_server(
        const std::string& certificate_chain_path, const std::string& private_key_path);
    ~tls_context();
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

    struct state;
    [[nodiscard]] state& inner() noexcept { return *state_; }

  private:
    tls_context();
    std::unique_ptr<state> state_;
};

/// The server's side over `inner`.
[[nodiscard]] std::unique_ptr<http_transport> make_tls_transport(
    std::shared_ptr<tls_context> context, std::unique_ptr<http_transport> inner);

}  // namespace taicang
