#include "s3gw/api/body.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"

namespace taicang::verb {

namespace {

read_or_refused<open_request> read_open(const s3_call& call) {
    open_request request;
    request.bucket = call.bucket;
    request.key = call.key;
    request.head_only = call.is_head;
    if (call.has_query("versionId")) request.version_id = std::string(call.query("versionId"));
    if (call.has_header("Range")) request.range = read_range(call.header("Range"));
    if (call.has_query("partNumber")) {
        auto number = read_part_number(call);
        if (!number) return number.refusal();
        if (request.range) {
            return s3_error(s3_code::invalid_request,
                            "Cannot specify both Range header and partNumber query parameter");
        }
        request.part_number = *number;
    }
    auto when = read_conditions(call);
    if (!when) return when.refusal();
    request.when = std::move(*when);
    return request;
}

void add_range_headers(const opened_object& opened, const s3_call& call, http_response& response) {
    if (call.has_query("partNumber") && !opened.info.version.part_sizes.empty()) {
        response.headers.add("x-amz-mp-parts-count", opened.info.version.part_sizes.size());
    }
    if (!opened.is_range) return;
    response.status = 206;
    response.headers.add("Content-Range", "bytes " + std::to_string(opened.first) + "-" +
                                              std::to_string(opened.first + opened.length - 1) +
                                              "/" + std::to_string(opened.info.version.size));
}

}  // namespace

task<http_response> get_object(s3_call& call) {
    auto request = read_open(call);
    if (!request) co_return refuse(call, request.refusal());
    auto opened = co_await open_object(call.services, std::move(*request));
    if (!opened) co_return refuse(call, opened.error());
    http_response response = answer_empty(200);
    add_object_headers(call, opened->info, response.headers);
    add_range_headers(*opened, call, response);
    if (call.is_head) {
        response.head_length = opened->length;
    } else if (opened->length > 0) {
        response.source = make_object_source(call.services, std::move(*opened));
    }
    co_return response;
}

task<http_response> head_object(s3_call& call) {
    return get_object(call);
}

}  // namespace taicang::verb
