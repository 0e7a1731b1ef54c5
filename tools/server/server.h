// The composition root of `taicang serve`: one process, one hub, its listeners.
// Threads: start(), stop() from the main thread. Lifetime: everything inside is torn down by stop()
// in reverse order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "tools/config/config.h"

namespace taicang {

/// Where a client or the CLI finds a running hub; written to DATA/endpoint.json while it serves.
struct served_endpoints {
    std::vector<std::string> s3;  ///< "http://127.0.0.1:9000"
    std::vector<std::string> admin;
    std::string access_key;
    bool key_generated = false;    ///< by this start: the secret is printed once
    std::string secret_key_once;   ///< only then
    std::string credentials_path;  ///< "" when the key came from the environment
};

class server {
  public:
    server();
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    result<served_endpoints> start(const configuration& wanted);
    /// Stops listeners (requests in flight may end), then the hub.
    void stop();

  private:
    std::unique_ptr<struct server_parts> parts_;
};

}  // namespace taicang
