#include "s3gw/api/fields.h"
#include "s3gw/api/limits.h"
#include "s3gw/api/listing.h"
#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "storage/object/conditions.h"

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
    write_owner(xml, "Owner", entry.version.owner);
    xml.close();
}

/// The position within the marker's key; none for "null".
std::optional<lsn> parse_version_marker(std::string_view text) {
    std::uint64_t value = 0;
    if (text == "null") return std::nullopt;
    for (const char c : text) {
        const bool digit = c >= '0' && c <= '9';
        value = value << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    return lsn{value};
}

read_or_refused<list_request> read_wishes(const s3_call& call) {
    list_request request;
    request.versions = true;
    auto most = read_number(call, "max-keys", limits::list_keys_max, limits::list_keys_max);
    if (!most) return most.refusal();
    request.keys_max = *most;
    request.prefix = std::string(call.query("prefix"));
    request.delimiter = std::string(call.query("delimiter"));
    request.start_after = std::string(call.query("key-marker"));
    request.start_after_is_common_prefix =
        is_common_prefix(request.start_after, request.prefix, request.delimiter);
    const std::string_view marker = call.query("version-id-marker");
    if (marker.empty()) return request;
    if (request.start_after.empty()) {
        return bad_argument("version-id-marker", marker,
                            "A version-id marker cannot be specified without a key marker.");
    }
    if (!is_version_id(marker))
        return bad_argument("version-id-marker", marker, "Invalid version id specified");
    // "null" needs no place: a key has one null version, which the marker's page has told.
    request.version_start_after = parse_version_marker(marker);
    return request;
}

void write_page(xml_writer& xml, const s3_call& call, const list_request& asked,
                const list_page& page, bool url) {
    xml.open_s3("ListVersionsResult");
    xml.element("Name", call.bucket);
    xml.element("Prefix", listed_name(asked.prefix, url));
    xml.element("KeyMarker", listed_name(asked.start_after, url));
    xml.element("VersionIdMarker", call.query("version-id-marker"));
    if (page.truncated && !page.entries.empty()) {
        const list_page::entry& last = page.entries.back();
        xml.element("NextKeyMarker", listed_name(last.key, url));
        if (!last.common_prefix)
            xml.element("NextVersionIdMarker", version_id_text(last.version, last.position));
    }
    xml.element("MaxKeys", std::uint64_t{asked.keys_max});
    if (!asked.delimiter.empty()) xml.element("Delimiter", listed_name(asked.delimiter, url));
    xml.element("IsTruncated", page.truncated);
    if (url) xml.element("EncodingType", "url");
    for (const list_page::entry& entry : page.entries) {
        if (!entry.common_prefix) write_version(xml, entry, url);
    }
    write_common_prefixes(xml, page, url);
    xml.close();
}

}  // namespace

task<http_response> list_object_versions(s3_call& call) {
    auto url = read_url_encoding(call);
    if (!url) co_return refuse(call, url.refusal());
    auto asked = read_wishes(call);
    if (!asked) co_return refuse(call, asked.refusal());
    auto lease = co_await call.memory.acquire(limits::listing_lease_bytes);
    if (!lease) co_return refuse(call, lease.error());
    auto question = call.objects().list(call.bucket, *asked);
    auto page = co_await ask(call, std::move(question));
    if (!page) co_return refuse(call, page.error());
    std::string document;
    xml_writer xml(document);
    write_page(xml, call, *asked, *page, *url);
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
