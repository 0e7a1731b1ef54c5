// CreateMultipartUpload, AbortMultipartUpload.
#include "s3gw/api/fields.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/writer.h"

namespace taicang::verb {

namespace {

std::optional<s3_error> read_upload_checksum(const s3_call& call, upload_request& request) {
    const std::string_view algorithm = call.header("x-amz-checksum-algorithm");
    const std::string_view type = call.header("x-amz-checksum-type");
    if (algorithm.empty()) {
        if (!type.empty()) {
            return s3_error(s3_code::invalid_request,
                            "The x-amz-checksum-type header can only be used with the "
                            "x-amz-checksum-algorithm header.");
        }
        return std::nullopt;
    }
    const auto kind = parse_checksum_word(algorithm);
    if (!kind) {
        return s3_error(s3_code::invalid_request,
                        "Checksum algorithm provided is unsupported. Please try again with any of "
                        "the valid types: "
                        "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
    }
    const bool linear = *kind == digest_kind::crc32 || *kind == digest_kind::crc32c ||
                        *kind == digest_kind::crc64nvme;
    if (!type.empty() && type != "FULL_OBJECT" && type != "COMPOSITE") {
        return s3_error(s3_code::invalid_request,
                        "Value for x-amz-checksum-type header is invalid.");
    }
    request.checksum_full_object =
        type == "FULL_OBJECT" || (type.empty() && *kind == digest_kind::crc64nvme);
    if (request.checksum_full_object && !linear) {
        return s3_error(s3_code::invalid_request,
                        "The FULL_OBJECT checksum type cannot be used with the " +
                            std::string(algorithm) + " checksum algorithm.");
    }
    if (type == "COMPOSITE" && *kind == digest_kind::crc64nvme) {
        return s3_error(
            s3_code::invalid_request,
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.");
    }
    request.checksum = kind;
    return std::nullopt;
}

}  // namespace

task<http_response> create_multipart_upload(s3_call& call) {
    auto attributes = read_attributes(call);
    if (!attributes) co_return refuse(call, attributes.refusal());
    upload_request request;
    request.bucket = call.bucket;
    request.key = call.key;
    request.attributes = std::move(*attributes);
    if (auto refused = read_upload_checksum(call, request)) co_return refuse(call, *refused);
    const auto kind = request.checksum;
    const bool full = request.checksum_full_object;
    auto question = call.objects().create_upload(std::move(request));
    auto created = co_await ask(call, std::move(question));
    if (!created) co_return refuse(call, created.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("InitiateMultipartUploadResult");
    xml.element("Bucket", call.bucket)
        .element("Key", call.key)
        .element("UploadId", created->upload_id);
    xml.close();
    http_response response = answer_xml(std::move(document));
    if (kind) {
        response.headers.add("x-amz-checksum-algorithm", checksum_algorithm_word(*kind));
        response.headers.add("x-amz-checksum-type", checksum_type_word(full));
    }
    co_return response;
}

task<http_response> abort_multipart_upload(s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) co_return refuse(call, *refused);
    std::string upload_id(call.query("uploadId"));
    auto question = call.objects().abort_upload(call.bucket, call.key, std::move(upload_id));
    auto aborted = co_await ask(call, std::move(question));
    if (!aborted) co_return refuse(call, aborted.error());
    co_return answer_empty(204);
}

}  // namespace taicang::verb
