#include "s3gw/api/listing.h"

#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"

namespace taicang {

std::string listed_name(std::string_view key, bool url_encoded) {
    return url_encoded ? s3_url_encode_key(key) : std::string(key);
}

void write_owner(xml_writer& xml, std::string_view name, const std::string& owner) {
    xml.open(name).element("ID", owner).element("DisplayName", owner).close();
}

void write_object_entry(xml_writer& xml, const list_page::entry& entry, bool url_encoded,
                        const std::string* owner) {
    xml.open("Contents");
    xml.element("Key", listed_name(entry.key, url_encoded));
    xml.element("LastModified", iso_date(entry.version.modified));
    xml.element("ETag", quoted_etag(entry.version.etag));
    if (entry.version.checksum && entry.version.checksum->kind != digest_kind::md5) {
        xml.element("ChecksumAlgorithm", checksum_algorithm_word(entry.version.checksum->kind));
        xml.element("ChecksumType", checksum_type_word(entry.version.checksum->full_object));
    }
    xml.element("Size", entry.version.size);
    if (owner != nullptr) write_owner(xml, "Owner", *owner);
    xml.element("StorageClass", storage_class_word(entry.version.klass));
    xml.close();
}

void write_common_prefixes(xml_writer& xml, const list_page& page, bool url_encoded) {
    for (const list_page::entry& entry : page.entries) {
        if (!entry.common_prefix) continue;
        xml.open("CommonPrefixes").element("Prefix", listed_name(entry.key, url_encoded)).close();
    }
}

bool is_common_prefix(std::string_view marker, std::string_view prefix,
                      std::string_view delimiter) {
    if (delimiter.empty() || !marker.starts_with(prefix)) return false;
    const std::size_t at = marker.find(delimiter, prefix.size());
    return at != std::string_view::npos && at + delimiter.size() == marker.size();
}

namespace {
constexpr std::uint8_t token_version = 1;
}

std::string encode_token(const continuation& from) {
    std::string raw;
    encoder out(raw);
    out.u8(token_version);
    out.u8(from.is_common_prefix ? 1 : 0);
    out.text(from.start_after);
    out.u32(crc32c(as_bytes(raw)));
    return base64(raw);
}

std::optional<continuation> decode_token(std::string_view token) {
    const auto raw = parse_base64(token);
    if (!raw || raw->size() < 4) return std::nullopt;
    decoder in(as_bytes(*raw));
    const std::uint8_t version = in.u8();
    continuation decoded;
    decoded.is_common_prefix = in.u8() != 0;
    decoded.start_after = std::string(in.text(limits::key_bytes_max));
    const std::uint32_t crc = in.u32();
    if (!in.finished() || version != token_version) return std::nullopt;
    if (crc != crc32c(as_bytes(std::string_view(*raw).substr(0, raw->size() - 4))))
        return std::nullopt;
    return decoded;
}

}  // namespace taicang
