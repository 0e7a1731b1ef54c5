// What a request says about its signature, taken apart but not yet believed: the Authorization
// header or the X-Amz- parameters of a presigned query. Threads: pure. Lifetime: views point into
// the request's head.
#pragma once

#include <optional>
#include <string_view>

#include "s3gw/auth/auth_error.h"
#include "s3gw/http/head.h"

namespace taicang {

enum class auth_way : std::uint8_t { none, header, query };

struct authorization {
    auth_way way = auth_way::none;
    std::string_view credential;  ///< AKID/20130524/us-east-1/s3/aws4_request
    std::string_view access_key;
    std::string_view scope;  ///< 20130524/us-east-1/s3/aws4_request
    std::string_view date;   ///< 20130524
    std::string_view region;
    std::string_view service;
    std::string_view signed_headers;
    std::string_view signature;
    std::string_view amz_date;    ///< query only
    std::uint64_t expires_s = 0;  ///< query only
};

/// Finds and takes apart the authorization of a request. Empty on success; `into.way` is none for
/// an anonymous one.
[[nodiscard]] std::optional<auth_failure> read_authorization(const http_request_head& head,
                                                             authorization& into);

/// A complaint in the words that fit the way the request was signed.
[[nodiscard]] auth_failure malformed_authorization(auth_way way, std::string why);

}  // namespace taicang
