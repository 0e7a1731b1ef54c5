#include "s3gw/api/fields.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/writer.h"
#include "storage/base/async.h"

namespace taicang::verb {

namespace {

read_or_refused<copy_request> read_copy(const s3_call& call) {
    copy_request request;
    auto source = read_copy_source(call);
    if (!source) return source.refusal();
    request.source_bucket = std::move(source->bucket);
    request.source_key = std::move(source->key);
    request.source_version_id = std::move(source->version_id);
    auto source_when = read_conditions(call, "x-amz-copy-source-");
    if (!source_when) return source_when.refusal();
    request.source_when = std::move(*source_when);
    auto when = read_conditions(call);
    if (!when) return when.refusal();
    request.when = std::move(*when);
    auto attributes = read_attributes(call);
    if (!attributes) return attributes.refusal();
    request.attributes = std::move(*attributes);
    request.class_given = call.has_header("x-amz-storage-class");
    const std::string_view directive = call.header("x-amz-metadata-directive");
    if (!directive.empty() && directive != "COPY" && directive != "REPLACE") {
        return s3_error(s3_code::invalid_argument, "Unknown metadata directive.")
            .with("ArgumentName", "x-amz-metadata-directive")
            .with("ArgumentValue", std::string(directive));
    }
    request.replace_attributes = directive == "REPLACE";
    request.bucket = call.bucket;
    request.key = call.key;
    return request;
}

}  // namespace

task<http_response> copy_object(s3_call& call) {
    auto request = read_copy(call);
    if (!request) co_return refuse(call, request.refusal());
    auto copied =
        co_await run_on(call.services.engine, call.services.objects.copy(std::move(*request)));
    if (!copied) co_return refuse(call, copied.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("CopyObjectResult");
    xml.element("LastModified", iso_date(copied->version.modified));
    xml.element("ETag", quoted_etag(copied->version.etag));
    if (copied->version.checksum && copied->version.checksum->kind != digest_kind::md5) {
        xml.element(checksum_element(copied->version.checksum->kind),
                    base64(copied->version.checksum->value));
    }
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
