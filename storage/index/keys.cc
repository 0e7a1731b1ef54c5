#include "storage/index/keys.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <limits>

#include "storage/index/key_text.h"

namespace taicang::index_key {
namespace {

using key_text::append_escaped;
using key_text::append_number;
using key_text::append_terminated;
using key_text::read_escaped;
using key_text::read_number;

std::string family_key(family which, std::size_t room) {
    std::string out;
    out.reserve(1 + room);
    out.push_back(static_cast<char>(which));
    return out;
}

std::string numbered(family which, std::uint64_t number) {
    std::string out = family_key(which, sizeof(number));
    append_number(out, number);
    return out;
}

// Newest first: the greatest position gets the smallest number.
constexpr std::uint64_t inverted(lsn position) noexcept {
    return ~position.value;
}

/// Begins a key of a family that is ordered by bucket and object key.
std::string in_bucket(family which, bucket_id bucket, std::string_view key) {
    // Room for what follows a key and for a few escaped bytes.
    std::string out =
        family_key(which, sizeof(bucket.value) + key.size() + 2 * sizeof(std::uint64_t));
    append_number(out, bucket.value);
    append_escaped(out, key);
    return out;
}

bool take_family(std::string_view& rest, family which) {
    if (rest.empty() || rest.front() != static_cast<char>(which)) return false;
    rest.remove_prefix(1);
    return true;
}

std::optional<std::uint64_t> parse_numbered(std::string_view row_key, family which) {
    std::uint64_t number = 0;
    if (!take_family(row_key, which) || !read_number(row_key, number) || !row_key.empty()) {
        return std::nullopt;
    }
    return number;
}

}  // namespace

std::string bucket(std::string_view name, lsn position) {
    std::string out = family_key(family::bucket, name.size() + 2 * sizeof(std::uint64_t));
    append_terminated(out, name);
    append_number(out, inverted(position));
    return out;
}

std::string bucket_prefix(std::string_view name) {
    std::string out = family_key(family::bucket, name.size() + 2 * sizeof(std::uint64_t));
    if (!name.empty()) append_terminated(out, name);
    return out;
}

std::string version(bucket_id bucket, std::string_view key, lsn position) {
    std::string out = version_prefix(bucket, key);
    append_number(out, inverted(position));
    return out;
}

std::string version_prefix(bucket_id bucket, std::string_view key) {
    std::string out = in_bucket(family::version, bucket, key);
    out.append(key_text::terminator);
    return out;
}

std::string version_seek(bucket_id bucket, std::string_view key_or_prefix) {
    return in_bucket(family::version, bucket, key_or_prefix);
}

std::string version_seek_past_prefix(bucket_id bucket, std::string_view prefix) {
    return key_text::successor(in_bucket(family::version, bucket, prefix));
}

std::string version_bucket_prefix(bucket_id bucket) {
    return numbered(family::version, bucket.value);
}

std::string blob(blob_id id) {
    return numbered(family::blob, id.value);
}
std::string group(group_id id) {
    return numbered(family::group, id.value);
}
std::string group_live(group_id id) {
    return numbered(family::group_live, id.value);
}

std::string upload(bucket_id bucket, std::string_view key, std::string_view upload_id) {
    std::string out = upload_prefix(bucket, key);
    out.append(upload_id);
    return out;
}

std::string upload_prefix(bucket_id bucket, std::string_view key) {
    std::string out = in_bucket(family::upload, bucket, key);
    out.append(key_text::terminator);
    return out;
}

std::string upload_seek(bucket_id bucket, std::string_view key_or_prefix) {
    return in_bucket(family::upload, bucket, key_or_prefix);
}

std::string upload_bucket_prefix(bucket_id bucket) {
    return numbered(family::upload, bucket.value);
}

std::string part(std::string_view upload_id, std::uint32_t number) {
    std::string out = part_prefix(upload_id);
    append_number(out, number);
    return out;
}

std::string part_prefix(std::string_view upload_id) {
    std::string out = family_key(family::part, upload_id.size() + 2 * sizeof(std::uint64_t));
    append_terminated(out, upload_id);
    return out;
}

std::string retired(lsn when, std::string_view version_key) {
    std::string out = family_key(family::retired, sizeof(when.value) + version_key.size());
    append_number(out, when.value);
    out.append(version_key);
    return out;
}

std::string cursor(std::string_view name) {
    std::string out = family_key(family::cursor, name.size());
    out.append(name);
    return out;
}

std::string meta(std::string_view name) {
    std::string out = family_key(family::meta, name.size());
    out.append(name);
    return out;
}

std::optional<version_parts> parse_version(std::string_view row_key) {
    version_parts parts;
    std::uint64_t bucket = 0;
    std::uint64_t position = 0;
    if (!take_family(row_key, family::version) || !read_number(row_key, bucket) ||
        !read_escaped(row_key, parts.key) || !read_number(row_key, position) || !row_key.empty()) {
        return std::nullopt;
    }
    parts.bucket = bucket_id{bucket};
    parts.position = lsn{~position};
    return parts;
}

std::optional<upload_parts> parse_upload(std::string_view row_key) {
    upload_parts parts;
    std::uint64_t bucket = 0;
    if (!take_family(row_key, family::upload) || !read_number(row_key, bucket) ||
        !read_escaped(row_key, parts.key)) {
        return std::nullopt;
    }
    parts.bucket = bucket_id{bucket};
    parts.upload_id = row_key;
    return parts;
}

std::optional<bucket_parts> parse_bucket(std::string_view row_key) {
    bucket_parts parts;
    std::uint64_t position = 0;
    if (!take_family(row_key, family::bucket) || !read_escaped(row_key, parts.name) ||
        !read_number(row_key, position) || !row_key.empty()) {
        return std::nullopt;
    }
    parts.position = lsn{~position};
    return parts;
}

std::optional<std::uint32_t> parse_part_number(std::string_view row_key) {
    std::string upload_id;
    std::uint32_t number = 0;
    if (!take_family(row_key, family::part) || !read_escaped(row_key, upload_id) ||
        !read_number(row_key, number) || !row_key.empty()) {
        return std::nullopt;
    }
    return number;
}

std::optional<std::string> parse_part_upload(std::string_view row_key) {
    std::string upload_id;
    if (!take_family(row_key, family::part) || !read_escaped(row_key, upload_id))
        return std::nullopt;
    return upload_id;
}

std::optional<retired_parts> parse_retired(std::string_view row_key) {
    std::uint64_t when = 0;
    if (!take_family(row_key, family::retired) || !read_number(row_key, when)) return std::nullopt;
    auto version = parse_version(row_key);
    if (!version) return std::nullopt;
    return retired_parts{lsn{when}, std::move(*version)};
}

std::optional<blob_id> parse_blob(std::string_view row_key) {
    const auto number = parse_numbered(row_key, family::blob);
    if (!number) return std::nullopt;
    return blob_id{*number};
}

std::optional<group_id> parse_group(std::string_view row_key) {
    auto number = parse_numbered(row_key, family::group);
    if (!number) number = parse_numbered(row_key, family::group_live);
    if (!number) return std::nullopt;
    return group_id{*number};
}

}  // namespace taicang::index_key
