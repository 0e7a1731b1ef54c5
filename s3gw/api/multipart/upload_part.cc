// UploadPart, UploadPartCopy.
#include "s3gw/api/body.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/writer.h"

namespace taicang::verb {

task<http_response> upload_part(s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) co_return refuse(call, *refused);
    auto number = read_part_number(call);
    if (!number) co_return refuse(call, number.refusal());
    auto claims = read_body_claims(call);
    if (!claims) co_return refuse(call, claims.refusal());
    part_request request;
    request.bucket = call.bucket;
    request.key = call.key;
    request.upload_id = std::string(call.query("uploadId"));
    request.number = *number;
    auto stored = co_await store_part(call, std::move(request), std::move(*claims));
    // The number was looked at: what is left is a checksum of another kind than the upload's.
    if (stored.is(errc::invalid_argument))
        co_return refuse(call, s3_error(s3_code::invalid_request, stored.error().message));
    if (!stored) co_return refuse(call, stored.error());
    http_response response = answer_empty(200);
    response.headers.add("ETag", quoted_etag(stored->etag));
    if (stored->checksum && stored->checksum->kind != digest_kind::md5) {
        response.headers.add(
            "x-amz-checksum-" + std::string(checksum_header_word(stored->checksum->kind)),
            base64(stored->checksum->value));
    }
    co_return response;
}

namespace {

read_or_refused<copy_part_request> read_copy_part(const s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) return std::move(*refused);
    auto number = read_part_number(call);
    if (!number) return number.refusal();
    auto source = read_copy_source(call);
    if (!source) return source.refusal();
    auto range = read_copy_range(call);
    if (!range) return range.refusal();
    auto when = read_conditions(call, "x-amz-copy-source-");
    if (!when) return when.refusal();
    copy_part_request request;
    request.source_bucket = std::move(source->bucket);
    request.source_key = std::move(source->key);
    request.source_version_id = std::move(source->version_id);
    request.source_when = std::move(*when);
    request.range = *range;
    request.bucket = call.bucket;
    request.key = call.key;
    request.upload_id = std::string(call.query("uploadId"));
    request.number = *number;
    return request;
}

}  // namespace

task<http_response> upload_part_copy(s3_call& call) {
    auto request = read_copy_part(call);
    if (!request) co_return refuse(call, request.refusal());
    const bool names_version = request->source_version_id.has_value();
    auto question = call.objects().copy_part(std::move(*request));
    auto copied = co_await ask(call, std::move(question));
    if (copied.is(errc::key_not_found) && names_version)
        co_return refuse(call, s3_error(s3_code::no_such_version));
    if (copied.is(errc::invalid_argument))
        co_return refuse(call, s3_error(s3_code::invalid_request, copied.error().message));
    if (!copied) co_return refuse(call, copied.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("CopyPartResult");
    xml.element("LastModified", iso_date(copied->modified))
        .element("ETag", quoted_etag(copied->etag));
    if (copied->checksum && copied->checksum->kind != digest_kind::md5)
        xml.element(checksum_element(copied->checksum->kind), base64(copied->checksum->value));
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
