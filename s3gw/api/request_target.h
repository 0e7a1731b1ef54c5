// Which bucket and key a request is for: from the path, or from host and path (virtual-host style).
// Percent-decoding happened once, in the http room; here nothing is decoded, folded or normalised:
// `//`, `.` and `..` are parts of keys. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "s3gw/xml/errors.h"

namespace taicang {

struct request_target {
    std::string bucket;  ///< "" for the service
    std::string key;     ///< "" for buckets
    bool bucket_in_host = false;
};

/// `path` decoded, with its leading slash; `host` as sent, maybe with a port.
request_target target_of(std::string_view path, std::string_view host,
                         const std::vector<std::string>& domains);
/// Keys of at most 1024 bytes of UTF-8; no key without a bucket. Whether a bucket's name can be one
/// is the object service's to say.
std::optional<s3_error> check_target(const request_target& target);

}  // namespace taicang
