// Formats of checkpoints: the manifest (what files an index consists of and where their bytes lie)
// and the root's section (where the manifests of the kept checkpoints lie).
// docs/formats/checkpoint.md has grammar and example. Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/index/checkpoint.h"
#include "storage/stripe/piece.h"

namespace taicang {

/// One file of an index. Small ones lie in the manifest itself.
struct checkpoint_file {
    std::string name;  ///< within the index directory
    std::uint64_t size = 0;
    std::uint32_t crc = 0;      ///< CRC32C of all its bytes
    std::string inlined;        ///< all bytes, when there are no pieces
    std::vector<piece> pieces;  ///< in order; lengths add up to size
    bool operator==(const checkpoint_file&) const = default;
};

struct checkpoint_manifest {
    std::uint64_t number = 0;
    lsn applied;  ///< at least this much is in the files
    timestamp_ns taken = 0;
    std::vector<checkpoint_file> files;
    std::vector<group_row> groups;  ///< of the files' pieces
    bool operator==(const checkpoint_manifest&) const = default;
};

/// What the root says of one checkpoint.
struct checkpoint_root_entry {
    checkpoint_info info;
    std::uint64_t manifest_length = 0;
    std::uint32_t manifest_crc = 0;
    std::vector<piece> pieces;      ///< of the manifest's bytes
    std::vector<group_row> groups;  ///< of those pieces
};

std::string encode_manifest(const checkpoint_manifest& manifest);
/// errc::corrupt, errc::version_unsupported. Files without pieces hold their bytes; names are plain
/// file names.
result<checkpoint_manifest> decode_manifest(bytes_view bytes);

/// Newest first, at most limits::checkpoints_kept.
std::string encode_checkpoint_root(const std::vector<checkpoint_root_entry>& entries);
result<std::vector<checkpoint_root_entry>> decode_checkpoint_root(bytes_view bytes);

}  // namespace taicang
