// Why a request was not authenticated, in S3's words. s3gw/xml/errors.h maps each to its code and
// status. Threads: plain values. Lifetime: owns its strings. Invariant: no detail ever holds a
// secret.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace taicang {

enum class auth_error : std::uint8_t {
    access_denied,
    invalid_access_key_id,
    signature_does_not_match,
    authorization_header_malformed,
    authorization_query_parameters_error,
    content_sha256_mismatch,
    missing_security_header,
    request_time_too_skewed,
    request_expired,  ///< a presigned URL past its time: AccessDenied, "Request has expired"
    invalid_request,  ///< SigV2, more than one way to sign at once, a missing x-amz-content-sha256
    invalid_argument,
    missing_content_length,
    invalid_token,  ///< x-amz-security-token, which no key here has
};

struct auth_failure {
    auth_error code = auth_error::access_denied;
    std::string message;
    /// Further elements of the error document, e.g. {"StringToSign", ...}; what AWS tells too.
    std::vector<std::pair<std::string, std::string>> details;
};

}  // namespace taicang
