#include <array>

#include "s3gw/api/body.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/requests.h"
#include "s3gw/xml/writer.h"
#include "storage/base/async.h"

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
    return std::string(call.request.is_tls ? "https://" : "http://") +
           std::string(call.header("Host")) + "/" + call.bucket + "/" + s3_url_encode_key(call.key);
}

}  // namespace

task<http_response> complete_multipart_upload(s3_call& call) {
    auto when = read_conditions(call);
    if (!when) co_return refuse(call, when.refusal());
    auto text = co_await read_whole_body(call, limits::xml_body_bytes_max);
    if (!text) co_return refuse(call, text.error());
    auto body = parse_complete_multipart(*text);
    if (!body) co_return refuse(call, s3_error(s3_code::malformed_xml, body.error().message));
    auto parts = read_parts(*body);
    if (!parts) co_return refuse(call, parts.refusal());
    auto completed = co_await run_on(call.services.engine,
                                     call.services.objects.complete_upload(
                                         call.bucket, call.key, std::string(call.query("uploadId")),
                                         std::move(*parts), std::move(*when)));
    if (!completed) co_return refuse(call, completed.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("CompleteMultipartUploadResult");
    xml.element("Location", location_of(call))
        .element("Bucket", call.bucket)
        .element("Key", call.key);
    xml.element("ETag", quoted_etag(completed->version.etag));
    const auto& checksum = completed->version.checksum;
    if (checksum && checksum->kind != digest_kind::md5) {
        std::string value = base64(checksum->value);
        if (!checksum->full_object)
            value += "-" + std::to_string(completed->version.part_sizes.size());
        xml.element(checksum_element(checksum->kind), value);
        xml.element("ChecksumType", checksum->full_object ? "FULL_OBJECT" : "COMPOSITE");
    }
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
