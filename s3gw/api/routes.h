// The route table: which request is which verb. Data; matching is one pass over it.
// Pure; any thread.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "s3gw/api/call.h"

namespace taicang {

enum class route_scope : std::uint8_t { service, bucket, object };

struct route {
    std::string_view name;  ///< S3's name of the operation, for metrics and docs
    http_method method;
    route_scope scope;
    std::string_view query;   ///< a parameter that must be there; "" none
    std::string_view header;  ///< a header that must be there; "" none
    /// Further parameters that choose what the verb does; any other of those makes the request
    /// NotImplemented.
    std::array<std::string_view, 2> takes;
    /// Who compares the body's signed SHA-256: the verb, which hashes the body anyway, or the body
    /// reader.
    digest_check digest;
    s3_verb verb;
};

std::span<const route> all_routes();
/// Every parameter that S3 knows to choose an operation, or what one works on.
std::span<const std::string_view> all_sub_resources();

/// What a request is: a route, or the reason why not (NotImplemented, MethodNotAllowed).
struct route_match {
    const route* found = nullptr;
    s3_code refused = s3_code::not_implemented;
    std::string_view sub_resource;  ///< the one that is not built
};
route_match match_route(const http_request_head& head, route_scope scope);

}  // namespace taicang
