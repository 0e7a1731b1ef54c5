#include "s3gw/api/fields.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/writer.h"

namespace taicang::verb {

namespace {

std::optional<s3_error> check_directive(const s3_call& call, std::string_view name) {
    const std::string_view value = call.header(name);
    if (value.empty() || value == "COPY" || value == "REPLACE") return std::nullopt;
    return bad_argument(name, value, "Unknown metadata directive.");
}

/// The copy has the checksum of its source; another one would have to be computed.
std::optional<s3_error> check_algorithm(const s3_call& call) {
    const std::string_view word = call.header("x-amz-checksum-algorithm");
    if (word.empty()) return std::nullopt;
    if (!parse_checksum_word(word))
        return s3_error(s3_code::invalid_request, "Checksum algorithm provided is unsupported.");
    return s3_error(s3_code::not_implemented,
                    "The header x-amz-checksum-algorithm asks for a new checksum of the copied "
                    "object, which is not implemented.")
        .with("Header", "x-amz-checksum-algorithm");
}

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
    request.class_given = !call.header("x-amz-storage-class").empty();
    for (const std::string_view name : {"x-amz-metadata-directive", "x-amz-tagging-directive"}) {
        if (auto refused = check_directive(call, name)) return std::move(*refused);
    }
    if (auto refused = check_algorithm(call)) return std::move(*refused);
    request.replace_attributes = call.header("x-amz-metadata-directive") == "REPLACE";
    request.bucket = call.bucket;
    request.key = call.key;
    return request;
}

}  // namespace

task<http_response> copy_object(s3_call& call) {
    auto request = read_copy(call);
    if (!request) co_return refuse(call, request.refusal());
    const bool names_version = request->source_version_id.has_value();
    auto question = call.objects().copy(std::move(*request));
    auto copied = co_await ask(call, std::move(question));
    if (copied.is(errc::key_not_found) && names_version)
        co_return refuse(call, s3_error(s3_code::no_such_version));
    // All that the header itself can be wrong in was looked at: what is left is S3's "illegal
    // copy".
    if (copied.is(errc::invalid_argument))
        co_return refuse(call, s3_error(s3_code::invalid_request, copied.error().message));
    if (!copied) co_return refuse(call, copied.error());
    const version_row& made = copied->version;
    std::string document;
    xml_writer xml(document);
    xml.open_s3("CopyObjectResult");
    xml.element("LastModified", iso_date(made.modified));
    xml.element("ETag", quoted_etag(made.etag));
    if (made.checksum) write_checksum(xml, *made.checksum, made.part_sizes.size());
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
