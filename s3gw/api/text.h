// Texts of the protocol: dates, base64, ETags, checksum names.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/digest.h"

namespace taicang {

/// "2015-10-21T07:28:00.000Z", as S3's documents say times.
std::string iso_date(std::int64_t wall_ns);

std::string base64(std::string_view raw);
/// Strict; empty on anything that is not base64 with its padding.
std::optional<std::string> parse_base64(std::string_view text);

/// With its quotes.
std::string quoted_etag(std::string_view etag);

/// "crc32" of x-amz-checksum-crc32; upper case as in ChecksumAlgorithm: "CRC32".
std::string_view checksum_header_word(digest_kind kind);
std::string_view checksum_algorithm_word(digest_kind kind);
/// The XML element, "ChecksumCRC32".
std::string_view checksum_element(digest_kind kind);
/// From either word, without regard to case; md5 is not one.
std::optional<digest_kind> parse_checksum_word(std::string_view word);
/// Bytes of a checksum of this kind.
std::size_t checksum_bytes(digest_kind kind);

}  // namespace taicang
