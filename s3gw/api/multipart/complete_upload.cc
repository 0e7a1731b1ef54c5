#include <array>

#include "s3gw/api/body.h"
#include "s3gw/api/multipart/completion_claims.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/requests.h"
#include "s3gw/xml/writer.h"

namespace taicang::verb {

namespace {

read_or_refused<std::vector<completed_part>> read_parts(const complete_multipart_body& body) {
    std::vector<completed_part> parts;
    for (const complete_multipart_body::part& one : body.parts) {
        completed_part part;
        part.number = one.number;
        part.etag = one.etag;
        const std::array<std::pair<digest_kind, const std::string*>, 5> given = {
            {{digest_kind::crc32, &one.crc32},
             {digest_kind::crc32c, &one.crc32c},
             {digest_kind::crc64nvme, &one.crc64nvme},
             {digest_kind::sha1, &one.sha1},
             {digest_kind::sha256, &one.sha256}}};
        for (const auto& [kind, text] : given) {
            if (text->empty()) continue;
            const auto raw = parse_base64(*text);
            if (!raw || raw->size() != checksum_bytes(kind)) return s3_error(s3_code::invalid_part);
            part.checksum = stored_checksum{kind, true, *raw};
        }
        parts.push_back(std::move(part));
    }
    return parts;
}

std::string location_of(const s3_call& call) {
    const std::string host = std::string(call.request.is_tls ? "https://" : "http://") +
                             std::string(call.header("Host")) + "/";
    return host + (call.bucket_in_host ? "" : call.bucket + "/") + s3_url_encode_key(call.key);
}

/// What the request asks for; its refusal when it does not fit the upload.
task<read_or_refused<std::vector<completed_part>>> read_completion(s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) co_return std::move(*refused);
    auto claims = read_completion_claims(call);
    if (!claims) co_return claims.refusal();
    auto document = co_await read_document(call, document_digests::of_object);
    if (!document) co_return document.refusal();
    auto body = parse_complete_multipart(document->text);
    if (!body) co_return s3_error(s3_code::malformed_xml, body.error().message);
    auto parts = read_parts(*body);
    if (!parts) co_return parts.refusal();
    auto refused = co_await check_completion(call, *claims, *parts);
    if (refused) co_return std::move(*refused);
    co_return std::move(*parts);
}

}  // namespace

task<http_response> complete_multipart_upload(s3_call& call) {
    auto when = read_conditions(call);
    if (!when) co_return refuse(call, when.refusal());
    auto parts = co_await read_completion(call);
    if (!parts) co_return refuse(call, parts.refusal());
    std::string upload_id(call.query("uploadId"));
    auto question = call.objects().complete_upload(call.bucket, call.key, std::move(upload_id),
                                                   std::move(*parts), std::move(*when));
    auto completed = co_await ask(call, std::move(question));
    if (!completed) co_return refuse(call, completed.error());
    const version_row& made = completed->version;
    std::string document;
    xml_writer xml(document);
    xml.open_s3("CompleteMultipartUploadResult");
    xml.element("Location", location_of(call))
        .element("Bucket", call.bucket)
        .element("Key", call.key);
    xml.element("ETag", quoted_etag(made.etag));
    if (made.checksum) write_checksum(xml, *made.checksum, made.part_sizes.size());
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
