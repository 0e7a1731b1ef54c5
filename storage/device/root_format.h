// Root of a tier, format v1 (docs/formats/superblock.md): sections under one header, in two
// alternating slots. Values and pure functions; any thread. Free of coroutines and I/O: fuzzers and
// `inspect` use it. Invariants: of all roots that verify, the one with the highest (boot, sequence)
// is the tier's; a slot that does not verify is as if it were not there.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/ids.h"
#include "storage/base/limits.h"
#include "storage/base/result.h"

namespace taicang::device_format {

inline constexpr std::size_t root_header_bytes = 4096;
inline constexpr std::string_view root_magic{"TAICROOT", 8};
inline constexpr std::uint32_t root_version = 1;
inline constexpr std::size_t root_sections_max = 64;
inline constexpr std::size_t root_section_header_bytes = 8;

/// Section number to bytes, written in ascending order.
using root_sections = std::map<std::uint16_t, std::string>;

/// Boots are claimed, sequences count every root of the tier. Two starts that could not see each
/// other may claim the same boot (docs/protocols/boot.md); the later one by the wall clock is then
/// the one that went on.
struct root_position {
    std::uint64_t boot = 0;
    std::uint64_t sequence = 0;
    timestamp_ns written_at = 0;
    auto operator<=>(const root_position&) const = default;
};

struct root_header {
    uuid hub;
    std::uint8_t tier = 0;
    std::uint8_t parity = 0;
    root_position position;
    std::uint32_t body_length = 0;
    std::uint32_t body_crc = 0;
    sha256_digest body_digest{};
    bool operator==(const root_header&) const = default;
};

struct root {
    root_header header;
    root_sections sections;
    bool operator==(const root&) const = default;
};

namespace root_at {
inline constexpr std::size_t magic = 0;
inline constexpr std::size_t version = 8;
inline constexpr std::size_t length = 12;  ///< of the header
inline constexpr std::size_t hub = 16;
inline constexpr std::size_t tier = 32;
inline constexpr std::size_t parity = 33;
inline constexpr std::size_t boot = 40;
inline constexpr std::size_t sequence = 48;
inline constexpr std::size_t written_at = 56;
inline constexpr std::size_t body_length = 64;
inline constexpr std::size_t body_crc = 68;
inline constexpr std::size_t body_digest = 72;
inline constexpr std::size_t end = 104;
inline constexpr std::size_t crc = root_header_bytes - 4;  ///< CRC32C of all header bytes before
}  // namespace root_at

static_assert(root_magic.size() == root_at::version - root_at::magic);
static_assert(root_at::tier - root_at::hub == sizeof(uuid::bytes));
static_assert(root_at::boot % 8 == 0 && root_at::body_digest % 8 == 0);
static_assert(root_at::end - root_at::body_digest == sizeof(sha256_digest));
static_assert(root_at::end <= root_at::crc);

/// Bytes of the body of these sections; what limits::root_bytes_max bounds.
std::size_t root_body_bytes(const root_sections& sections) noexcept;

/// Header and body as they lie in a slot, padded with zeros to whole blocks. Lengths and digests of
/// `identity` are filled in.
std::string encode_root(root_header identity, const root_sections& sections);
/// errc::corrupt, errc::version_unsupported.
result<root_header> decode_root_header(bytes_view block);
/// `body` may be longer than the header says. errc::corrupt.
result<root> decode_root_body(const root_header& header, bytes_view body);

}  // namespace taicang::device_format
