#include "s3gw/api/body.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"

namespace taicang::verb {

task<http_response> put_object(s3_call& call) {
    auto attributes = read_attributes(call);
    if (!attributes) co_return refuse(call, attributes.refusal());
    auto when = read_conditions(call);
    if (!when) co_return refuse(call, when.refusal());
    auto claims = read_body_claims(call);
    if (!claims) co_return refuse(call, claims.refusal());
    put_request request;
    request.bucket = call.bucket;
    request.key = call.key;
    request.attributes = std::move(*attributes);
    request.when = std::move(*when);
    auto stored = co_await store_object(call, std::move(request), std::move(*claims));
    if (!stored) co_return refuse(call, stored.error());
    http_response response = answer_empty(200);
    response.headers.add("ETag", quoted_etag(stored->etag));
    if (stored->checksum) add_checksum_header(*stored->checksum, 0, response.headers);
    co_return response;
}

}  // namespace taicang::verb
