// GetObject, HeadObject.
#include <algorithm>

#include "s3gw/api/object_headers.h"
#include "s3gw/api/open_object.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"

namespace taicang::verb {

namespace {

read_or_refused<open_request> read_open(const s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) return std::move(*refused);
    open_request request;
    request.bucket = call.bucket;
    request.key = call.key;
    request.head_only = call.is_head;
    auto version = read_version_id(call);
    if (!version) return version.refusal();
    request.version_id = std::move(*version);
    if (call.has_header("Range")) request.range = read_range(call.header("Range"));
    if (call.has_query("partNumber")) {
        auto number = read_part_number(call);
        if (!number) return number.refusal();
        if (call.has_header("Range")) {
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

void add_range_headers(const s3_call& call, const opened_object& opened, http_response& response) {
    const version_row& version = opened.info.version;
    if (call.has_query("partNumber") && !version.part_sizes.empty())
        response.headers.add("x-amz-mp-parts-count", version.part_sizes.size());
    // The only part of an empty object has no first byte to name.
    if (!opened.is_range || opened.length == 0) return;
    response.status = 206;
    response.headers.add("Content-Range", "bytes " + std::to_string(opened.first) + "-" +
                                              std::to_string(opened.first + opened.length - 1) +
                                              "/" + std::to_string(version.size));
}

/// 304 and 416 tell what they are about.
http_response answer_refused(const s3_call& call, const opened_object& opened) {
    if (opened.refused->code == errc::not_modified) {
        http_response response = answer_empty(304);
        add_validators(opened.info, response.headers);
        return response;
    }
    if (call.has_query("partNumber")) {
        return refuse(call,
                      s3_error(s3_code::invalid_part_number)
                          .with("ActualPartCount", std::to_string(std::max<std::size_t>(
                                                       1, opened.info.version.part_sizes.size())))
                          .with("PartNumberRequested", std::string(call.query("partNumber"))));
    }
    const std::string size = std::to_string(opened.info.version.size);
    http_response response =
        refuse(call, s3_error(s3_code::invalid_range)
                         .with("RangeRequested", std::string(call.header("Range")))
                         .with("ActualObjectSize", size));
    response.headers.add("Content-Range", "bytes */" + size);
    return response;
}

}  // namespace

task<http_response> get_object(s3_call& call) {
    auto request = read_open(call);
    if (!request) co_return refuse(call, request.refusal());
    const bool names_version = request->version_id.has_value();
    auto guard = read_range_guard(call);
    auto opened = co_await open_object(call, std::move(*request), std::move(guard));
    if (opened.is(errc::key_not_found) && names_version) {
        co_return refuse(call, s3_error(s3_code::no_such_version)
                                   .with("VersionId", std::string(call.query("versionId"))));
    }
    if (!opened) co_return refuse(call, opened.error());
    if (opened->refused) co_return answer_refused(call, *opened);
    http_response response = answer_empty(200);
    add_object_headers(call, opened->info, response.headers);
    // A checksum of the whole would not fit a part of it.
    if (!opened->is_range) add_wished_checksum(call, opened->info.version, response.headers);
    add_range_headers(call, *opened, response);
    if (call.is_head) {
        response.head_length = opened->length;
    } else if (opened->length > 0) {
        response.source = make_object_source(call, std::move(*opened));
    }
    co_return response;
}

task<http_response> head_object(s3_call& call) {
    return get_object(call);
}

}  // namespace taicang::verb
