// The XML bodies that clients send, read into plain values. Every reader refuses what is not
// well-formed, has a DTD, nests too deep, or does not fit S3's schema with errc::xml_malformed, and
// a sentence that says where. Threads: pure functions. Lifetime: results own their strings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace taicang {

namespace limits {
inline constexpr std::size_t xml_body_bytes_max =
    std::size_t{2} << 20;  ///< a body read whole; bigger ones are refused
inline constexpr std::size_t xml_depth_max = 16;
inline constexpr std::size_t xml_elements_max = 200'000;
}  // namespace limits

struct create_bucket_body {
    std::string location_constraint;  ///< "" when not given
};
/// `body` may be empty (no configuration).
[[nodiscard]] result<create_bucket_body> parse_create_bucket(std::string_view body);

struct delete_objects_body {
    struct object {
        std::string key;
        std::optional<std::string> version_id;
        std::optional<std::string> etag;
        /// Condition fields of directory buckets, which we do not know, make the request malformed.
    };
    bool quiet = false;
    std::vector<object> objects;  ///< 1 to 1000
};
[[nodiscard]] result<delete_objects_body> parse_delete_objects(std::string_view body);

struct complete_multipart_body {
    struct part {
        std::uint32_t number = 0;
        std::string etag;  ///< without quotes
        /// Base64 as sent; empty ones were not sent.
        std::string crc32, crc32c, crc64nvme, sha1, sha256;
    };
    std::vector<part>
        parts;  ///< 1 to 10000, order as sent (InvalidPartOrder is the caller's to say)
};
[[nodiscard]] result<complete_multipart_body> parse_complete_multipart(std::string_view body);

}  // namespace taicang
