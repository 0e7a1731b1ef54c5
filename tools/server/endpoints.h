// DATA/endpoint.json: how the CLI's client verbs find the hub that serves a data directory. No
// secrets in it. Threads: main thread. Lifetime: the file exists while a hub serves; one left by a
// crash names ports that refuse.
#pragma once

#include <string>

#include "storage/base/result.h"
#include "tools/server/server.h"

namespace taicang {

result<void> write_endpoints(const std::string& data, const served_endpoints& served);
void remove_endpoints(const std::string& data);
/// errc::not_found when no hub serves this directory.
result<served_endpoints> read_endpoints(const std::string& data);

}  // namespace taicang
