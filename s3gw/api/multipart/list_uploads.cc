// ListParts, ListMultipartUploads.
#include "s3gw/api/fields.h"
#include "s3gw/api/limits.h"
#include "s3gw/api/listing.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/writer.h"

namespace taicang::verb {

namespace {

void write_upload_checksum(xml_writer& xml, const upload_row& upload) {
    if (!upload.checksum_kind || *upload.checksum_kind == digest_kind::md5) return;
    xml.element("ChecksumAlgorithm", checksum_algorithm_word(*upload.checksum_kind));
    xml.element("ChecksumType", checksum_type_word(upload.checksum_full_object));
}

void write_part(xml_writer& xml, const part_row& part) {
    xml.open("Part");
    xml.element("PartNumber", std::uint64_t{part.number});
    xml.element("LastModified", iso_date(part.modified));
    xml.element("ETag", quoted_etag(part.etag));
    xml.element("Size", part.size);
    if (part.checksum && part.checksum->kind != digest_kind::md5)
        xml.element(checksum_element(part.checksum->kind), base64(part.checksum->value));
    xml.close();
}

}  // namespace

task<http_response> list_parts(s3_call& call) {
    auto most = read_number(call, "max-parts", limits::list_keys_max, limits::list_keys_max);
    if (!most) co_return refuse(call, most.refusal());
    auto after = read_number(call, "part-number-marker", 0, limits::part_number_max);
    if (!after) co_return refuse(call, after.refusal());
    auto lease = co_await call.memory.acquire(limits::listing_lease_bytes);
    if (!lease) co_return refuse(call, lease.error());
    const std::string upload_id(call.query("uploadId"));
    auto question = call.objects().list_parts(call.bucket, call.key, upload_id,
                                              static_cast<std::uint32_t>(*after), *most);
    auto page = co_await ask(call, std::move(question));
    if (!page) co_return refuse(call, page.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("ListPartsResult");
    xml.element("Bucket", call.bucket).element("Key", call.key).element("UploadId", upload_id);
    write_owner(xml, "Initiator", page->upload.owner);
    write_owner(xml, "Owner", page->upload.owner);
    xml.element("StorageClass", storage_class_word(page->upload.version.klass));
    xml.element("PartNumberMarker", *after);
    const std::uint64_t last = page->parts.empty() ? *after : page->parts.back().number;
    xml.element("NextPartNumberMarker", last);
    xml.element("MaxParts", *most);
    xml.element("IsTruncated", page->truncated);
    write_upload_checksum(xml, page->upload);
    for (const part_row& part : page->parts)
        write_part(xml, part);
    xml.close();
    co_return answer_xml(std::move(document));
}

namespace {

void write_upload(xml_writer& xml, const upload_list_page::entry& entry, bool url) {
    const upload_row& upload = entry.upload;
    xml.open("Upload");
    xml.element("Key", listed_name(entry.key, url)).element("UploadId", upload.upload_id);
    write_owner(xml, "Initiator", upload.owner);
    write_owner(xml, "Owner", upload.owner);
    xml.element("StorageClass", storage_class_word(upload.version.klass));
    xml.element("Initiated", iso_date(upload.created));
    write_upload_checksum(xml, upload);
    xml.close();
}

void write_uploads(xml_writer& xml, const s3_call& call, const upload_list_request& asked,
                   const upload_list_page& page, bool url) {
    xml.open_s3("ListMultipartUploadsResult");
    xml.element("Bucket", call.bucket);
    xml.element("KeyMarker", listed_name(asked.key_marker, url));
    xml.element("UploadIdMarker", asked.upload_id_marker);
    if (page.truncated && !page.entries.empty()) {
        xml.element("NextKeyMarker", listed_name(page.entries.back().key, url));
        xml.element("NextUploadIdMarker", page.entries.back().upload.upload_id);
    }
    if (!asked.delimiter.empty()) xml.element("Delimiter", listed_name(asked.delimiter, url));
    xml.element("Prefix", listed_name(asked.prefix, url));
    xml.element("MaxUploads", std::uint64_t{asked.uploads_max});
    xml.element("IsTruncated", page.truncated);
    if (url) xml.element("EncodingType", "url");
    for (const upload_list_page::entry& entry : page.entries) {
        if (!entry.common_prefix) write_upload(xml, entry, url);
    }
    for (const upload_list_page::entry& entry : page.entries) {
        if (!entry.common_prefix) continue;
        xml.open("CommonPrefixes").element("Prefix", listed_name(entry.key, url)).close();
    }
    xml.close();
}

}  // namespace

task<http_response> list_multipart_uploads(s3_call& call) {
    auto url = read_url_encoding(call);
    if (!url) co_return refuse(call, url.refusal());
    auto most = read_number(call, "max-uploads", limits::list_keys_max, limits::list_keys_max);
    if (!most) co_return refuse(call, most.refusal());
    auto lease = co_await call.memory.acquire(limits::listing_lease_bytes);
    if (!lease) co_return refuse(call, lease.error());
    upload_list_request asked;
    asked.prefix = std::string(call.query("prefix"));
    asked.delimiter = std::string(call.query("delimiter"));
    asked.key_marker = std::string(call.query("key-marker"));
    asked.upload_id_marker = std::string(call.query("upload-id-marker"));
    asked.uploads_max = *most;
    auto question = call.objects().list_uploads(call.bucket, asked);
    auto page = co_await ask(call, std::move(question));
    if (!page) co_return refuse(call, page.error());
    std::string document;
    xml_writer xml(document);
    write_uploads(xml, call, asked, *page, *url);
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
