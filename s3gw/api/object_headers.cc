#include "s3gw/api/object_headers.h"

#include <array>

#include "s3gw/api/text.h"
#include "s3gw/http/date.h"

namespace taicang {

std::string_view storage_class_word(storage_class klass) {
    switch (klass) {
        case storage_class::standard:
            return "STANDARD";
        case storage_class::standard_ia:
            return "STANDARD_IA";
        case storage_class::glacier_ir:
            return "GLACIER_IR";
        case storage_class::glacier:
            return "GLACIER";
    }
    return "STANDARD";
}

std::string_view checksum_type_word(bool full_object) {
    return full_object ? "FULL_OBJECT" : "COMPOSITE";
}

std::string checksum_text(const stored_checksum& checksum, std::size_t parts) {
    std::string text = base64(checksum.value);
    if (!checksum.full_object) text += "-" + std::to_string(parts);
    return text;
}

void write_checksum(xml_writer& xml, const stored_checksum& checksum, std::size_t parts) {
    if (checksum.kind == digest_kind::md5) return;
    xml.element(checksum_element(checksum.kind), checksum_text(checksum, parts));
    xml.element("ChecksumType", checksum_type_word(checksum.full_object));
}

void add_checksum_header(const stored_checksum& checksum, std::size_t parts,
                         http_response_headers& into) {
    if (checksum.kind == digest_kind::md5) return;
    into.add("x-amz-checksum-" + std::string(checksum_header_word(checksum.kind)),
             checksum_text(checksum, parts));
    into.add("x-amz-checksum-type", checksum_type_word(checksum.full_object));
}

void add_wished_checksum(const s3_call& call, const version_row& version,
                         http_response_headers& into) {
    if (!version.checksum || !http_name_equal(call.header("x-amz-checksum-mode"), "ENABLED"))
        return;
    add_checksum_header(*version.checksum, version.part_sizes.size(), into);
}

void add_validators(const object_info& info, http_response_headers& into) {
    const version_row& version = info.version;
    into.add("ETag", quoted_etag(version.etag));
    into.add("Last-Modified", format_http_date(version.modified));
    if (!version.headers.cache_control.empty())
        into.add("Cache-Control", version.headers.cache_control);
    if (!version.headers.expires.empty()) into.add("Expires", version.headers.expires);
}

void add_object_headers(const s3_call& call, const object_info& info, http_response_headers& into) {
    const version_row& version = info.version;
    const content_headers& kept = version.headers;
    into.add("ETag", quoted_etag(version.etag));
    into.add("Last-Modified", format_http_date(version.modified));
    into.add("Accept-Ranges", "bytes");
    struct header_row {
        std::string_view name, override_name;
        const std::string& value;
    };
    const std::array<header_row, 6> rows = {
        {{"Content-Type", "response-content-type", kept.content_type},
         {"Content-Encoding", "response-content-encoding", kept.content_encoding},
         {"Content-Disposition", "response-content-disposition", kept.content_disposition},
         {"Content-Language", "response-content-language", kept.content_language},
         {"Cache-Control", "response-cache-control", kept.cache_control},
         {"Expires", "response-expires", kept.expires}}};
    for (const header_row& row : rows) {
        const auto* wished = call.request.query.find(row.override_name);
        std::string_view value = wished != nullptr && !wished->value.empty()
                                     ? std::string_view(wished->value)
                                     : std::string_view(row.value);
        if (value.empty() && row.name == "Content-Type") value = "binary/octet-stream";
        if (!value.empty()) into.add(row.name, value);
    }
    for (const auto& [name, value] : version.user_metadata)
        into.add("x-amz-meta-" + name, value);
    if (version.klass != storage_class::standard)
        into.add("x-amz-storage-class", storage_class_word(version.klass));
    if (!version.tags.empty()) into.add("x-amz-tagging-count", version.tags.size());
}

}  // namespace taicang
