// The route table: which request is which verb. Data; matching is one pass over it.
// Pure; any thread.
#pragma once

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
    s3_verb verb;
};

std::span<const route> all_routes();

/// What a request is: a route, or the reason why not (NotImplemented, MethodNotAllowed).
struct route_match {
    const route* found = nullptr;
    s3_code refused = s3_code::not_implemented;
    std::string_view sub_resource;  ///< the one that is not built
};
route_match match_route(const http_request_head& head, route_scope scope);

}  // namespace taicang
