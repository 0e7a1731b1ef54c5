#include "s3gw/api/fields.h"
#include "s3gw/api/listing.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "storage/base/async.h"
#include "storage/base/limits.h"

namespace taicang::verb {

namespace {

void write_version(xml_writer& xml, const list_page::entry& entry, bool url_encoded) {
    xml.open(entry.version.delete_marker ? "DeleteMarker" : "Version");
    xml.element("Key", listed_name(entry.key, url_encoded));
    xml.element("VersionId", version_id_text(entry.version, entry.position));
    xml.element("IsLatest", entry.latest);
    xml.element("LastModified", iso_date(entry.version.modified));
    if (!entry.version.delete_marker) {
        xml.element("ETag", quoted_etag(entry.version.etag));
        xml.element("Size", entry.version.size);
        xml.element("StorageClass", storage_class_word(entry.version.klass));
    }
    xml.open("Owner")
        .element("ID", entry.version.owner)
        .element("DisplayName", entry.version.owner)
        .close();
    xml.close();
}

/// "null" or sixteen hex digits; the position within the marker's key.
std::optional<lsn> parse_version_marker(std::string_view text) {
    std::uint64_t value = 0;
    if (text.size() != 16) return std::nullopt;
    for (const char c : text) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f')) return std::nullopt;
        value = value << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    return lsn{value};
}

}  // namespace

task<http_response> list_object_versions(s3_call& call) {
    auto encoded = read_url_encoding(call);
    if (!encoded) co_return refuse(call, encoded.refusal());
    auto most = read_number(call, "max-keys", limits::list_keys_max, limits::list_keys_max);
    if (!most) co_return refuse(call, most.refusal());
    const std::string_view version_marker = call.query("version-id-marker");
    if (!version_marker.empty() && call.query("key-marker").empty()) {
        co_return refuse(call,
                         s3_error(s3_code::invalid_argument,
                                  "A version-id marker cannot be specified without a key marker.")
                             .with("ArgumentName", "version-id-marker")
                             .with("ArgumentValue", std::string(version_marker)));
    }
    list_request request;
    request.versions = true;
    request.keys_max = *most;
    request.prefix = std::string(call.query("prefix"));
    request.delimiter = std::string(call.query("delimiter"));
    request.start_after = std::string(call.query("key-marker"));
    // "null" needs no place: a key has one null version, which the marker's page has told.
    if (version_marker != "null")
        request.version_start_after = parse_version_marker(version_marker);
    const list_request asked = request;
    auto page = co_await run_on(call.services.engine,
                                call.services.objects.list(call.bucket, std::move(request)));
    if (!page) co_return refuse(call, page.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("ListVersionsResult");
    xml.element("Name", call.bucket);
    xml.element("Prefix", listed_name(asked.prefix, *encoded));
    xml.element("KeyMarker", listed_name(asked.start_after, *encoded));
    xml.element("VersionIdMarker", version_marker);
    if (page->truncated && !page->entries.empty()) {
        const list_page::entry& last = page->entries.back();
        xml.element("NextKeyMarker", listed_name(last.key, *encoded));
        if (!last.common_prefix)
            xml.element("NextVersionIdMarker", version_id_text(last.version, last.position));
    }
    xml.element("MaxKeys", std::uint64_t{asked.keys_max});
    if (!asked.delimiter.empty()) xml.element("Delimiter", listed_name(asked.delimiter, *encoded));
    xml.element("IsTruncated", page->truncated);
    if (*encoded) xml.element("EncodingType", "url");
    for (const list_page::entry& entry : page->entries) {
        if (!entry.common_prefix) write_version(xml, entry, *encoded);
    }
    write_common_prefixes(xml, *page, *encoded);
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
