// Keys of the index. The first byte is the row's family; numbers are big-endian, LSNs of versions
// inverted so that the newest comes first; an object key is escaped (00 -> 00 ff) and ended with 00
// 01, so that `a` sorts before `a/b` and no key is a prefix of another. docs/formats/index.md has
// the grammar. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/ids.h"

namespace taicang::index_key {

enum class family : char {
    bucket = 'b',      ///< bucket name -> bucket_row, versioned by inverted LSN
    blob = 'o',        ///< blob id -> blob_row
    cursor = 'c',      ///< consumer name -> LSN (u64)
    group = 'g',       ///< group id -> group_row
    group_live = 'l',  ///< group id -> live bytes (i64, merge: add)
    meta = 'm',        ///< name -> value (applied LSN and the like)
    part = 'p',        ///< upload id, part number -> part_row
    retired = 'r',  ///< LSN of retirement, version's key -> empty: superseded rows that a view may
                    ///< still need
    upload = 'u',   ///< bucket, object key, upload id -> upload_row
    version = 'v',  ///< bucket, object key, inverted LSN -> version_row
};

std::string bucket(std::string_view name, lsn position);
/// All rows of a name; of all buckets for the empty name (no bucket has it).
std::string bucket_prefix(std::string_view name);
std::string version(bucket_id bucket, std::string_view key, lsn position);
/// Prefix of all versions of a key (ends with the terminator).
std::string version_prefix(bucket_id bucket, std::string_view key);
/// First possible row at or after `key` (not escaped-terminated): where a listing starts.
std::string version_seek(bucket_id bucket, std::string_view key_or_prefix);
/// First possible row after every key that begins with `prefix`; for skip-scans over a common
/// prefix.
std::string version_seek_past_prefix(bucket_id bucket, std::string_view prefix);
/// All rows of a bucket.
std::string version_bucket_prefix(bucket_id bucket);
std::string blob(blob_id id);
std::string group(group_id id);
std::string group_live(group_id id);
std::string upload(bucket_id bucket, std::string_view key, std::string_view upload_id);
std::string upload_prefix(bucket_id bucket, std::string_view key);
std::string upload_seek(bucket_id bucket, std::string_view key_or_prefix);
std::string upload_bucket_prefix(bucket_id bucket);
std::string part(std::string_view upload_id, std::uint32_t number);
std::string part_prefix(std::string_view upload_id);
std::string retired(lsn when, std::string_view version_key);
std::string cursor(std::string_view name);
std::string meta(std::string_view name);

/// The parts of a version row's key.
struct version_parts {
    bucket_id bucket;
    std::string key;
    lsn position;
};
std::optional<version_parts> parse_version(std::string_view row_key);
struct upload_parts {
    bucket_id bucket;
    std::string key;
    std::string upload_id;
};
std::optional<upload_parts> parse_upload(std::string_view row_key);
struct bucket_parts {
    std::string name;
    lsn position;
};
std::optional<bucket_parts> parse_bucket(std::string_view row_key);
struct retired_parts {
    lsn when;  ///< position of the record that superseded the version
    version_parts version;
};
std::optional<retired_parts> parse_retired(std::string_view row_key);
std::optional<std::uint32_t> parse_part_number(std::string_view row_key);
std::optional<std::string> parse_part_upload(std::string_view row_key);
std::optional<blob_id> parse_blob(std::string_view row_key);
/// Of a group row or a group_live row.
std::optional<group_id> parse_group(std::string_view row_key);

}  // namespace taicang::index_key
