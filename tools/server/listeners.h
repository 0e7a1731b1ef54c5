// What the configuration says of listeners, as the http room takes it. Any thread.
#pragma once

#include <string>
#include <vector>

#include "s3gw/http/listen.h"
#include "storage/base/result.h"
#include "tools/config/config.h"

namespace taicang {

/// Of "HOST:PORT" each; invalid_argument with a sentence.
[[nodiscard]] result<std::vector<http_listener>> parse_listeners(
    const std::vector<std::string>& plain, const std::vector<std::string>& tls);

/// All listeners of the configuration and the TLS files, without listening.
[[nodiscard]] result<void> check_listeners(const configuration& wanted);

}  // namespace taicang
