// The rows of the index and what they mean. Versions name blobs; only blob rows name groups; only
// group rows name devices. Bucket and version rows are versioned by LSN; all others are read
// at head. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/stripe/piece.h"

namespace taicang {

struct bucket_row {
    bucket_id id;
    std::string name;
    tenant_id tenant;
    std::string owner;  ///< access key's owner name
    timestamp_ns created = 0;
    std::string region;
    bool tombstone = false;  ///< the bucket ended here (kept only while a view may need to know)
    bool operator==(const bucket_row&) const = default;
};

enum class storage_class : std::uint8_t {
    standard = 0,
    standard_ia = 1,
    glacier_ir = 2,
    glacier = 3
};

/// A part of a version's bytes: a blob, whole.
struct blob_ref {
    blob_id blob;
    std::uint64_t length = 0;
    bool operator==(const blob_ref&) const = default;
};

/// Headers kept as the client gave them; empty: not given.
struct content_headers {
    std::string content_type, content_encoding, content_disposition, content_language,
        cache_control, expires;
    bool operator==(const content_headers&) const = default;
};

/// A checksum that a client asked for or sent (x-amz-checksum-*).
struct stored_checksum {
    digest_kind kind{};
    bool full_object = true;  ///< false: COMPOSITE, a checksum of part checksums
    std::string value;        ///< raw bytes
    bool operator==(const stored_checksum&) const = default;
};

/// One version of a key. Its LSN (in the row's key) orders the versions; the newest is current.
struct version_row {
    bool tombstone = false;      ///< the key ended here (kept only while a view may need to know)
    bool delete_marker = false;  ///< S3's, for versioned buckets
    bool null_version = true;    ///< made while versioning was off
    std::uint64_t size = 0;
    timestamp_ns modified = 0;
    hybrid_clock clock;
    std::string etag;  ///< without quotes: 32 hex, or 32 hex "-" parts
    storage_class klass = storage_class::standard;
    content_headers headers;
    std::vector<std::pair<std::string, std::string>>
        user_metadata;  ///< names lower case, without x-amz-meta-
    std::vector<std::pair<std::string, std::string>> tags;
    std::optional<stored_checksum> checksum;
    std::vector<blob_ref> blobs;
    std::vector<std::uint64_t> part_sizes;  ///< of a multipart object, for GET partNumber
    std::string owner;
    bool operator==(const version_row&) const = default;
};

/// Where a blob's bytes are before packing: in the payload of a journal record. In a record's own
/// effects position 0 means that record (its LSN is not known while the body is encoded); rows_of()
/// puts the LSN in.
struct journal_place {
    lsn position;
    std::uint64_t offset = 0;
    bool operator==(const journal_place&) const = default;
};

enum class blob_codec : std::uint8_t { none = 0, zstd_seekable = 1 };
enum class blob_cipher : std::uint8_t { none = 0, aes256_gcm = 1, sm4_ctr_hmac = 2 };

/// An immutable run of bytes with a reference count.
struct blob_row {
    std::uint32_t references = 1;
    std::uint64_t logical_length = 0;
    std::uint64_t stored_length = 0;
    tier_id tier = tier_id::nvme;  ///< where packing and writers put the bytes
    blob_codec codec = blob_codec::none;
    blob_cipher cipher = blob_cipher::none;
    std::uint64_t key_id = 0;
    std::string nonce;
    sha256_digest digest{};             ///< root of the digest tree over the logical bytes
    std::vector<sha256_digest> leaves;  ///< of blobs above one leaf; may be empty when not required
    std::uint32_t crc = 0;              ///< CRC32C of the stored bytes of a blob in the journal
    std::optional<journal_place> journal;  ///< before packing
    std::vector<piece> pieces;             ///< after; lengths add up to stored_length
    bool operator==(const blob_row&) const = default;
};

struct upload_row {
    std::string upload_id;
    bucket_id bucket;
    std::string key;
    timestamp_ns created = 0;
    std::string owner;
    version_row version;  ///< headers, metadata, class of the object to be
    std::optional<digest_kind> checksum_kind;
    bool checksum_full_object = false;
    bool operator==(const upload_row&) const = default;
};

struct part_row {
    std::uint32_t number = 0;
    std::uint64_t size = 0;
    std::string etag;
    timestamp_ns modified = 0;
    std::optional<stored_checksum> checksum;
    std::vector<blob_ref> blobs;  ///< one, or several after UploadPartCopy
    bool operator==(const part_row&) const = default;
};

/// Value codecs: each row opens with its format version; an unknown version is
/// errc::version_unsupported.
std::string encode_row(const bucket_row& row);
std::string encode_row(const version_row& row);
std::string encode_row(const blob_row& row);
std::string encode_row(const upload_row& row);
std::string encode_row(const part_row& row);
std::string encode_row(const group_row& row);
result<bucket_row> decode_bucket_row(bytes_view bytes);
result<version_row> decode_version_row(bytes_view bytes);
result<blob_row> decode_blob_row(bytes_view bytes);
result<upload_row> decode_upload_row(bytes_view bytes);
result<part_row> decode_part_row(bytes_view bytes);
result<group_row> decode_group_row(bytes_view bytes);

/// Values of group_live rows (i64) and of cursor rows and the applied LSN (u64): bare little-endian
/// numbers.
std::string encode_live(std::int64_t bytes_live);
result<std::int64_t> decode_live(bytes_view bytes);
std::string encode_position(lsn position);
result<lsn> decode_position(bytes_view bytes);

/// A list of pieces as it stands in a blob row; manifests of checkpoints use it too.
void encode_pieces(std::string& bytes, const std::vector<piece>& pieces);
std::vector<piece> decode_pieces(decoder& in);

}  // namespace taicang
