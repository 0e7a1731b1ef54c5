#include "s3gw/api/call.h"

#include "storage/base/log.h"

namespace taicang {

namespace {

constexpr unsigned first_status_of_ours = 500;

http_response render(const s3_call& call, const s3_error& why) {
    http_response response;
    response.status = why.status();
    if (response.status == 503) response.headers.add("Retry-After", "1");
    if (response.status == 304 || call.is_head) return response;
    std::string resource = "/" + call.bucket;
    if (!call.key.empty()) resource += "/" + call.key;
    s3_error_place place;
    place.resource = resource;
    place.bucket = call.bucket;
    place.key = call.key;
    place.request_id = call.request_id;
    place.host_id = call.host_id;
    response.body = render_error_document(why, place);
    response.headers.add("Content-Type", "application/xml");
    return response;
}

void log_failure(const s3_call& call, unsigned status, std::string_view code,
                 std::string_view sentence) {
    // 501 and 505 say what the client asked for, not that something is wrong here.
    if (status < first_status_of_ours || status == 501 || status == 505) return;
    log_event(log_level::warn, "s3_request_failed")
        .with("request_id", call.request_id)
        .with("verb", call.verb)
        .with("bucket", call.bucket)
        .with("key", call.key)
        .with("status", status)
        .with("error", code)
        .with("why", sentence);
}

}  // namespace

http_response refuse(const s3_call& call, const s3_error& why) {
    log_failure(call, why.status(), info_of(why.code).code, why.message);
    return render(call, why);
}

http_response refuse(const s3_call& call, const error& why) {
    const s3_error shown = s3_error_of(why);
    log_failure(call, shown.status(), errc_name(why.code), why.message);
    return render(call, shown);
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
