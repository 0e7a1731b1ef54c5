// What callers give to and get from the object service: S3's meaning without HTTP.
// Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/digest.h"
#include "storage/base/ids.h"
#include "storage/index/rows.h"

namespace taicang {

/// Conditions of a request. ETags without quotes; "*" is any.
struct conditions {
    std::vector<std::string> if_match;
    std::vector<std::string> if_none_match;
    std::optional<timestamp_ns> if_modified_since;  ///< whole seconds
    std::optional<timestamp_ns> if_unmodified_since;
    [[nodiscard]] bool empty() const {
        return if_match.empty() && if_none_match.empty() && !if_modified_since &&
               !if_unmodified_since;
    }
};

/// What a PUT says beside its bytes.
struct put_attributes {
    content_headers headers;
    std::vector<std::pair<std::string, std::string>> user_metadata;
    std::vector<std::pair<std::string, std::string>> tags;
    storage_class klass = storage_class::standard;
    std::string owner;
};

/// What the client claims of the body; checked before anything is committed
/// (errc::digest_mismatch).
struct put_expectations {
    std::optional<std::uint64_t> length;      ///< errc::incomplete_body when the stream is shorter
    std::optional<std::string> md5;           ///< raw, Content-MD5
    std::optional<std::string> sha256;        ///< raw, signed x-amz-content-sha256
    std::optional<stored_checksum> checksum;  ///< x-amz-checksum-*, by header
};

struct object_info {
    std::string key;
    lsn position;  ///< of the version
    version_row version;
};

struct put_result {
    lsn position;
    std::string etag;
    std::optional<stored_checksum> checksum;
    timestamp_ns modified = 0;
};

struct list_request {
    std::string prefix, delimiter;
    std::string start_after;  ///< keys after this one (marker, start-after, or a token's key)
    bool start_after_is_common_prefix = false;  ///< then all keys under it are passed over
    std::optional<lsn> version_start_after;     ///< ListObjectVersions: within key `start_after`
    std::size_t keys_max = 1000;
    bool versions = false;
};

/// A page: entries in key order; common prefixes are told apart.
struct list_page {
    struct entry {
        bool common_prefix = false;
        std::string key;  ///< or the prefix
        lsn position;
        version_row version;  ///< without what a listing does not show
        bool latest = true;
    };
    std::vector<entry> entries;
    bool truncated = false;
};

struct upload_list_request {
    std::string prefix, delimiter, key_marker, upload_id_marker;
    std::size_t uploads_max = 1000;
};
struct upload_list_page {
    struct entry {
        bool common_prefix = false;
        std::string key;
        upload_row upload;
    };
    std::vector<entry> entries;
    bool truncated = false;
};

struct part_list_page {
    upload_row upload;
    std::vector<part_row> parts;
    bool truncated = false;
};

struct completed_part {
    std::uint32_t number = 0;
    std::string etag;
    std::optional<stored_checksum> checksum;
};

/// A byte range as asked for; resolved against the size when the object is opened.
struct range_request {
    std::optional<std::uint64_t> first,
        last;  ///< first-last, first-, or (first empty) the last `last` bytes
};

struct open_request {
    std::string bucket, key;
    std::optional<std::string> version_id;  ///< "null" or a version's id
    std::optional<range_request> range;
    std::optional<std::uint32_t> part_number;
    conditions when;
    bool head_only = false;
};

/// S3's version id of a row: "null", or 16 hex digits of its LSN.
std::string version_id_text(const version_row& version, lsn position);

}  // namespace taicang
