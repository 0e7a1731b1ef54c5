// The CLI's client of the admin API: finds a hub by --endpoint or --data DIR, signs with the root
// key, speaks JSON. Threads: main thread. Lifetime: values.
#pragma once

#include <string>

#include "storage/base/result.h"

namespace taicang {

struct client_target {
    std::string endpoint;  ///< "http://127.0.0.1:9001"; empty: from DATA/endpoint.json
    std::string data;
    std::string region = "us-east-1";
};

/// One call; the answer's JSON text. Errors of the hub come back with their number and sentence.
result<std::string> call_admin(const client_target& target, const std::string& method,
                               const std::string& path);

}  // namespace taicang
