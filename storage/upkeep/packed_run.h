// The inside of a packed run: a directory of its blobs, then their bytes, each blob inside one unit
// so that reading it back is one disk read. docs/formats/packed_run.md has the grammar. Pure
// functions and values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"

namespace taicang::packed_run {

inline constexpr std::uint32_t magic = 0x4b504354;  // "TCPK"
inline constexpr std::size_t header_bytes = 16;  // magic, version, count, crc32c of the directory
inline constexpr std::size_t entry_bytes = 16;   // blob id, skip, length
inline constexpr std::uint16_t version = 1;

struct entry {
    blob_id blob;
    std::uint32_t skip = 0;  ///< first byte of the blob within the run's data
    std::uint32_t length = 0;
    bool operator==(const entry&) const = default;
};

/// Where blobs of these lengths go in a run of at most `bytes_max` data bytes with units of `unit`
/// bytes; as many of them, in order, as fit. The lengths are at least 1 and at most `unit`.
struct layout {
    std::vector<entry> entries;  ///< blob ids not set
    std::uint32_t data_length = 0;
};
layout plan(const std::vector<std::uint32_t>& lengths, std::uint32_t unit, std::uint32_t bytes_max);

/// The unit for blobs of these lengths over `k` columns: small for little data, at most `unit_max`.
std::uint32_t choose_unit(const std::vector<std::uint32_t>& lengths, unsigned k,
                          std::uint32_t unit_max);

/// The directory's bytes, to be put at the front of the run's data.
std::string encode_directory(const std::vector<entry>& entries);
[[nodiscard]] std::size_t directory_bytes(std::size_t count);
/// How many entries a directory has, from its first header_bytes.
result<std::uint32_t> directory_count(bytes_view header);
result<std::vector<entry>> decode_directory(bytes_view directory);

}  // namespace taicang::packed_run
