// ListParts, ListMultipartUploads.
#include "s3gw/api/fields.h"
#include "s3gw/api/listing.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/writer.h"
#include "storage/base/async.h"
#include "storage/base/limits.h"

namespace taicang::verb {

task<http_response> list_parts(s3_call& call) {
    auto most = read_number(call, "max-parts", limits::list_keys_max, limits::list_keys_max);
    if (!most) co_return refuse(call, most.refusal());
    auto after = read_number(call, "part-number-marker", 0, limits::part_number_max);
    if (!after) co_return refuse(call, after.refusal());
    const std::string upload_id(call.query("uploadId"));
    auto page = co_await run_on(
        call.services.engine,
        call.services.objects.list_parts(call.bucket, call.key, upload_id,
                                         static_cast<std::uint32_t>(*after), *most));
    if (!page) co_return refuse(call, page.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("ListPartsResult");
    xml.element("Bucket", call.bucket).element("Key", call.key).element("UploadId", upload_id);
    const std::string& owner = page->upload.owner;
    xml.open("Initiator").element("ID", owner).element("DisplayName", owner).close();
    xml.open("Owner").element("ID", owner).element("DisplayName", owner).close();
    xml.element("StorageClass", storage_class_word(page->upload.version.klass));
    xml.element("PartNumberMarker", *after);
    if (page->truncated && !page->parts.empty())
        xml.element("NextPartNumberMarker", std::uint64_t{page->parts.back().number});
    xml.element("MaxParts", *most);
    xml.element("IsTruncated", page->truncated);
    for (const part_row& part : page->parts) {
        xml.open("Part");
        xml.element("PartNumber", std::uint64_t{part.number});
        xml.element("LastModified", iso_date(part.modified));
        xml.element("ETag", quoted_etag(part.etag));
        xml.element("Size", part.size);
        if (part.checksum && part.checksum->kind != digest_kind::md5) {
            xml.element(checksum_element(part.checksum->kind), base64(part.checksum->value));
        }
        xml.close();
    }
    xml.close();
    co_return answer_xml(std::move(document));
}

namespace {

void write_upload(xml_writer& xml, const upload_list_page::entry& entry, bool url) {
    xml.open("Upload");
    xml.element("Key", listed_name(entry.key, url)).element("UploadId", entry.upload.upload_id);
    xml.open("Initiator")
        .element("ID", entry.upload.owner)
        .element("DisplayName", entry.upload.owner)
        .close();
    xml.open("Owner")
        .element("ID", entry.upload.owner)
        .element("DisplayName", entry.upload.owner)
        .close();
    xml.element("StorageClass", storage_class_word(entry.upload.version.klass));
    xml.element("Initiated", iso_date(entry.upload.created));
    xml.close();
}

}  // namespace

task<http_response> list_multipart_uploads(s3_call& call) {
    auto encoded = read_url_encoding(call);
    if (!encoded) co_return refuse(call, encoded.refusal());
    auto most = read_number(call, "max-uploads", limits::list_keys_max, limits::list_keys_max);
    if (!most) co_return refuse(call, most.refusal());
    upload_list_request request;
    request.prefix = std::string(call.query("prefix"));
    request.delimiter = std::string(call.query("delimiter"));
    request.key_marker = std::string(call.query("key-marker"));
    request.upload_id_marker = std::string(call.query("upload-id-marker"));
    request.uploads_max = *most;
    const upload_list_request asked = request;
    auto page = co_await run_on(
        call.services.engine, call.services.objects.list_uploads(call.bucket, std::move(request)));
    if (!page) co_return refuse(call, page.error());
    const bool url = *encoded;
    std::string document;
    xml_writer xml(document);
    xml.open_s3("ListMultipartUploadsResult");
    xml.element("Bucket", call.bucket);
    xml.element("KeyMarker", listed_name(asked.key_marker, url))
        .element("UploadIdMarker", asked.upload_id_marker);
    if (page->truncated && !page->entries.empty()) {
        xml.element("NextKeyMarker", listed_name(page->entries.back().key, url));
        xml.element("NextUploadIdMarker", page->entries.back().upload.upload_id);
    }
    if (!asked.delimiter.empty()) xml.element("Delimiter", listed_name(asked.delimiter, url));
    xml.element("Prefix", listed_name(asked.prefix, url));
    xml.element("MaxUploads", std::uint64_t{asked.uploads_max});
    xml.element("IsTruncated", page->truncated);
    if (url) xml.element("EncodingType", "url");
    for (const upload_list_page::entry& entry : page->entries) {
        if (!entry.common_prefix) write_upload(xml, entry, url);
    }
    for (const upload_list_page::entry& entry : page->entries) {
        if (entry.common_prefix)
            xml.open("CommonPrefixes").element("Prefix", listed_name(entry.key, url)).close();
    }
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
