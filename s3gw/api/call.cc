#include "s3gw/api/call.h"

namespace taicang {

http_response refuse(const s3_call& call, const s3_error& why) {
    http_response response;
    response.status = why.status();
    if (response.status == 304) return response;
    if (!call.is_head) {
        std::string resource = "/" + call.bucket;
        if (!call.key.empty()) resource += "/" + call.key;
        s3_error_place place;
        place.resource = resource;
        place.bucket = call.bucket;
        place.key = call.key;
        place.request_id = call.request_id;
        response.body = render_error_document(why, place);
        response.headers.add("Content-Type", "application/xml");
    }
    if (response.status == 503) response.headers.add("Retry-After", "1");
    return response;
}

http_response refuse(const s3_call& call, const error& why) {
    return refuse(call, s3_error_of(why));
}

http_response answer_xml(std::string document) {
    http_response response;
    response.headers.add("Content-Type", "application/xml");
    response.body = std::move(document);
    return response;
}

http_response answer_empty(unsigned status) {
    http_response response;
    response.status = status;
    return response;
}

}  // namespace taicang
