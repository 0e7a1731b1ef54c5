#include "s3gw/api/fields.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "s3gw/api/text.h"
#include "s3gw/http/date.h"
#include "s3gw/http/head.h"
#include "storage/base/limits.h"
#include "storage/object/conditions.h"

namespace taicang {

s3_error bad_argument(std::string_view name, std::string_view value, std::string sentence) {
    return s3_error(s3_code::invalid_argument, std::move(sentence))
        .with("ArgumentName", std::string(name))
        .with("ArgumentValue", std::string(value));
}

namespace {

s3_error not_built(std::string_view header, std::string_view why) {
    return s3_error(s3_code::not_implemented, "The header " + std::string(header) + " asks for " +
                                                  std::string(why) + ", which is not implemented.")
        .with("Header", std::string(header));
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size())
        return std::nullopt;
    return value;
}

struct unbuilt_header {
    std::string_view stem;  ///< a whole name, or its beginning when it ends in '-'
    std::string_view what;
};
constexpr std::array<unbuilt_header, 12> unbuilt_headers = {{
    {"x-amz-server-side-encryption", "encryption"},
    {"x-amz-server-side-encryption-", "encryption"},
    {"x-amz-copy-source-server-side-encryption-", "encryption"},
    {"x-amz-object-lock-", "object lock"},
    {"x-amz-grant-", "ACL grants"},
    {"x-amz-tagging", "object tags"},
    {"x-amz-website-redirect-location", "website redirects"},
    {"x-amz-write-offset-bytes", "appending"},
    {"x-amz-rename-source", "renaming"},
    // Conditions: to pass one over would do what the client forbade.
    {"x-amz-if-match-last-modified-time", "a condition of directory buckets"},
    {"x-amz-if-match-size", "a condition of directory buckets"},
    {"x-amz-if-match-initiated-time", "a condition of directory buckets"},
}};

bool is_of(const std::string& name, std::string_view stem) {
    return stem.ends_with('-') ? name.starts_with(stem) : name == stem;
}

read_or_refused<storage_class> read_class(const s3_call& call) {
    // GLACIER and the like are refused as S3 refuses classes that it does not know.
    const std::string_view word = call.header("x-amz-storage-class");
    if (word.empty() || word == "STANDARD") return storage_class::standard;
    if (word == "STANDARD_IA") return storage_class::standard_ia;
    return s3_error(s3_code::invalid_storage_class)
        .with("StorageClassRequested", std::string(word));
}

std::string unquoted(std::string_view tag) {
    if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"')
        tag = tag.substr(1, tag.size() - 2);
    return std::string(tag);
}

std::vector<std::string> etag_list(std::string_view text) {
    std::vector<std::string> tags;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view tag = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        while (tag.starts_with(' '))
            tag.remove_prefix(1);
        while (tag.ends_with(' '))
            tag.remove_suffix(1);
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (!tag.empty()) tags.push_back(unquoted(tag));
    }
    return tags;
}

/// Without aws-chunked, which describes the transfer and not the object.
std::string content_encoding_of(std::string_view text) {
    if (lower(text).find("aws-chunked") == std::string::npos) return std::string(text);
    std::string kept;
    for (const std::string& one : etag_list(text)) {
        if (lower(one) != "aws-chunked") kept += (kept.empty() ? "" : ",") + one;
    }
    return kept;
}

}  // namespace

std::optional<s3_error> refuse_unbuilt(const s3_call& call) {
    for (const http_field& field : call.request.headers) {
        const std::string name = lower(field.name);
        if (!name.starts_with("x-amz-")) continue;
        for (const unbuilt_header& one : unbuilt_headers) {
            // Empty tags are no tags.
            if (is_of(name, one.stem) && !(name == "x-amz-tagging" && field.value.empty()))
                return not_built(field.name, one.what);
        }
        if (name == "x-amz-acl" && field.value != "private" &&
            field.value != "bucket-owner-full-control") {
            return not_built(field.name, "an ACL other than private");
        }
    }
    return std::nullopt;
}

read_or_refused<put_attributes> read_attributes(const s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) return std::move(*refused);
    put_attributes attributes;
    auto klass = read_class(call);
    if (!klass) return klass.refusal();
    attributes.klass = *klass;
    attributes.owner = call.owner();
    attributes.headers.content_type = call.header("Content-Type");
    attributes.headers.content_disposition = call.header("Content-Disposition");
    attributes.headers.content_language = call.header("Content-Language");
    attributes.headers.cache_control = call.header("Cache-Control");
    attributes.headers.expires = call.header("Expires");
    attributes.headers.content_encoding = content_encoding_of(call.header("Content-Encoding"));
    std::size_t bytes = 0;
    constexpr std::string_view meta = "x-amz-meta-";
    for (const http_field& field : call.request.headers) {
        const std::string name = lower(field.name);
        if (!name.starts_with(meta)) continue;
        const std::string rest = name.substr(meta.size());
        bytes += rest.size() + field.value.size();
        auto& known = attributes.user_metadata;
        const auto same = std::find_if(known.begin(), known.end(),
                                       [&](const auto& pair) { return pair.first == rest; });
        if (same != known.end()) {
            same->second += "," + std::string(field.value);
        } else {
            known.emplace_back(rest, std::string(field.value));
        }
    }
    if (bytes > limits::user_metadata_bytes_max) {
        return s3_error(s3_code::metadata_too_large)
            .with("Size", std::to_string(bytes))
            .with("MaxSizeAllowed", std::to_string(limits::user_metadata_bytes_max));
    }
    return attributes;
}

read_or_refused<conditions> read_conditions(const s3_call& call, std::string_view prefix) {
    const std::string before(prefix);
    conditions when;
    when.if_match = etag_list(call.header(before + "if-match"));
    when.if_none_match = etag_list(call.header(before + "if-none-match"));
    // RFC 9110: a date that cannot be read is as good as none.
    when.if_modified_since = parse_http_date(call.header(before + "if-modified-since"));
    when.if_unmodified_since = parse_http_date(call.header(before + "if-unmodified-since"));
    return when;
}

namespace {

/// A position in a range: one beyond 64 bits is beyond every object.
std::optional<std::uint64_t> range_position(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
    return whole_number(text).value_or(UINT64_MAX);
}

}  // namespace

std::optional<range_request> read_range(std::string_view text) {
    constexpr std::string_view unit = "bytes=";
    if (!http_name_equal(text.substr(0, unit.size()), unit)) return std::nullopt;
    text.remove_prefix(unit.size());
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos || text.find(',') != std::string_view::npos)
        return std::nullopt;
    const std::string_view first = text.substr(0, dash);
    const std::string_view last = text.substr(dash + 1);
    range_request range;
    if (!first.empty()) {
        range.first = range_position(first);
        if (!range.first) return std::nullopt;
    }
    if (!last.empty()) {
        range.last = range_position(last);
        if (!range.last) return std::nullopt;
    }
    if (!range.first && !range.last) return std::nullopt;
    if (range.first && range.last && *range.last < *range.first) return std::nullopt;
    return range;
}

bool range_guard::holds_for(const version_row& version) const {
    constexpr timestamp_ns second = 1'000'000'000;
    if (etag) return *etag == version.etag;
    return modified && version.modified / second * second == *modified;
}

std::optional<range_guard> read_range_guard(const s3_call& call) {
    const std::string_view text = call.header("If-Range");
    if (text.empty()) return std::nullopt;
    range_guard guard;
    guard.modified = parse_http_date(text);
    // A weak ETag never fits a range (RFC 9110, 13.1.5).
    if (!guard.modified) guard.etag = text.starts_with("W/") ? std::string() : unquoted(text);
    return guard;
}

read_or_refused<std::optional<std::string>> read_version_id(const s3_call& call) {
    const http_query_item* item = call.request.query.find("versionId");
    if (item == nullptr) return std::optional<std::string>();
    if (item->value.empty())
        return bad_argument("versionId", "", "Version id cannot be the empty string");
    if (!is_version_id(item->value))
        return bad_argument("versionId", item->value, "Invalid version id specified");
    return std::optional<std::string>(item->value);
}

read_or_refused<std::optional<range_request>> read_copy_range(const s3_call& call) {
    const std::string_view text = call.header("x-amz-copy-source-range");
    if (text.empty()) return std::optional<range_request>();
    const auto range = read_range(text);
    if (!range || !range->first || !range->last) {
        return bad_argument("x-amz-copy-source-range", text,
                            "The x-amz-copy-source-range value must be of the form "
                            "bytes=first-last where first and last "
                            "are the zero-based offsets of the first and last bytes to copy");
    }
    return std::optional<range_request>(*range);
}

namespace {

constexpr std::string_view checksum_stem = "x-amz-checksum-";

s3_error more_than_one_checksum() {
    return s3_error(s3_code::invalid_request,
                    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                    "allowed.");
}

std::optional<s3_error> read_checksum_trailer(const s3_call& call, body_claims& claims) {
    for (const std::string& name : etag_list(call.header("x-amz-trailer"))) {
        if (!lower(name).starts_with(checksum_stem)) continue;
        const auto kind = parse_checksum_word(name.substr(checksum_stem.size()));
        if (!kind) {
            return s3_error(s3_code::invalid_request,
                            "The value specified in the x-amz-trailer header is not supported");
        }
        if (claims.checksum) return more_than_one_checksum();
        claims.trailer = kind;
        claims.checksum = kind;
    }
    return std::nullopt;
}

std::optional<s3_error> read_wished_algorithm(const s3_call& call, body_claims& claims) {
    const std::string_view algorithm = call.header("x-amz-sdk-checksum-algorithm");
    if (algorithm.empty() || lower(algorithm) == "md5") return std::nullopt;
    const auto kind = parse_checksum_word(algorithm);
    if (!kind)
        return s3_error(s3_code::invalid_request, "Checksum algorithm provided is unsupported.");
    if (claims.checksum && claims.checksum != kind) {
        return s3_error(s3_code::invalid_request,
                        "Value for x-amz-sdk-checksum-algorithm header is invalid.");
    }
    claims.checksum = kind;
    return std::nullopt;
}

}  // namespace

read_or_refused<std::optional<stored_checksum>> read_checksum_header(const s3_call& call) {
    std::optional<stored_checksum> found;
    for (const http_field& field : call.request.headers) {
        const std::string name = lower(field.name);
        if (!name.starts_with(checksum_stem)) continue;
        const std::string word = name.substr(checksum_stem.size());
        if (word == "algorithm" || word == "mode" || word == "type") continue;
        const auto kind = parse_checksum_word(word);
        if (!kind) {
            return s3_error(s3_code::invalid_request,
                            "The checksum algorithm of " + name + " is not known.");
        }
        // A composite one says of how many parts: "abc=-3".
        const std::string_view value = field.value.substr(0, field.value.find('-'));
        const auto raw = parse_base64(value);
        if (!raw || raw->size() != checksum_bytes(*kind))
            return s3_error(s3_code::invalid_request, "Value for " + name + " header is invalid.");
        if (found) return more_than_one_checksum();
        found = stored_checksum{*kind, value.size() == field.value.size(), *raw};
    }
    return found;
}

read_or_refused<body_claims> read_body_claims(const s3_call& call) {
    body_claims claims;
    if (!call.request.content_length && !call.request.is_chunked)
        return s3_error(s3_code::missing_content_length);
    claims.expected.length = call.body->payload_length();
    if (claims.expected.length && *claims.expected.length > limits::part_bytes_max) {
        return s3_error(s3_code::entity_too_large)
            .with("ProposedSize", std::to_string(*claims.expected.length))
            .with("MaxSizeAllowed", std::to_string(limits::part_bytes_max));
    }
    if (call.has_header("Content-MD5")) {
        const auto raw = parse_base64(call.header("Content-MD5"));
        if (!raw || raw->size() != 16) return s3_error(s3_code::invalid_digest);
        claims.expected.md5 = *raw;
    }
    if (call.who.payload == payload_kind::signed_digest) {
        claims.expected.sha256 =
            std::string(reinterpret_cast<const char*>(call.who.payload_sha256.data()),
                        call.who.payload_sha256.size());
    }
    auto header = read_checksum_header(call);
    if (!header) return header.refusal();
    if (*header) {
        if (!(*header)->full_object) {
            return s3_error(s3_code::invalid_request,
                            "A checksum of checksums is no checksum of a body.");
        }
        claims.checksum = (*header)->kind;
        claims.expected.checksum = std::move(*header);
    }
    if (auto refused = read_checksum_trailer(call, claims)) return std::move(*refused);
    if (auto refused = read_wished_algorithm(call, claims)) return std::move(*refused);
    return claims;
}

result<std::optional<stored_checksum>> read_trailing_checksum(const s3_call& call,
                                                              const body_claims& claims) {
    if (!claims.trailer) return std::optional<stored_checksum>();
    const std::string wanted =
        std::string(checksum_stem) + std::string(checksum_header_word(*claims.trailer));
    for (const aws_trailer& trailer : call.body->trailers()) {
        if (trailer.name != wanted) continue;
        const auto raw = parse_base64(trailer.value);
        if (!raw || raw->size() != checksum_bytes(*claims.trailer)) {
            return error(errc::trailer_malformed,
                         "the trailing header " + wanted + " is not a checksum of its kind");
        }
        return std::optional<stored_checksum>(stored_checksum{*claims.trailer, true, *raw});
    }
    return error(errc::trailer_malformed,
                 "the trailing header " + wanted + " was announced and did not come");
}

read_or_refused<copy_source> read_copy_source(const s3_call& call) {
    const std::string_view raw = call.header("x-amz-copy-source");
    const auto malformed = [&] {
        return bad_argument(
            "x-amz-copy-source", raw,
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    };
    copy_source source;
    std::string_view path = raw;
    constexpr std::string_view version = "?versionId=";
    const std::size_t query = path.rfind(version);
    if (query != std::string_view::npos) {
        source.version_id = std::string(path.substr(query + version.size()));
        path = path.substr(0, query);
    }
    std::string decoded;
    if (!percent_decode(path, false, decoded)) return malformed();
    std::string_view rest = decoded;
    if (rest.starts_with('/')) rest.remove_prefix(1);
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size())
        return malformed();
    source.bucket = std::string(rest.substr(0, slash));
    source.key = std::string(rest.substr(slash + 1));
    return source;
}

read_or_refused<std::uint64_t> read_number(const s3_call& call, std::string_view name,
                                           std::uint64_t missing, std::uint64_t most) {
    const auto* item = call.request.query.find(name);
    if (item == nullptr || item->value.empty()) return missing;
    const auto value = whole_number(item->value);
    if (!value || *value > 2147483647U) {
        return bad_argument(
            name, item->value,
            "Provided " + std::string(name) + " not an integer or within integer range");
    }
    return std::min(*value, most);
}

read_or_refused<bool> read_url_encoding(const s3_call& call) {
    const auto* item = call.request.query.find("encoding-type");
    if (item == nullptr || item->value.empty()) return false;
    if (item->value == "url") return true;
    return bad_argument("encoding-type", item->value,
                        "Invalid Encoding Method specified in Request");
}

read_or_refused<std::uint32_t> read_part_number(const s3_call& call) {
    const std::string_view text = call.query("partNumber");
    const auto value = whole_number(text);
    if (!value || *value < 1 || *value > limits::part_number_max) {
        return bad_argument("partNumber", text,
                            "Part number must be an integer between 1 and 10000, inclusive");
    }
    return static_cast<std::uint32_t>(*value);
}

}  // namespace taicang
