// The segment map: what the root of the tier says of the journal (section root_section::journal).
// It decides which segments exist, on which extents their copies lie, and where a segment ends that
// was sealed. Values; any thread. Invariants: ids increase; sealed segments come before live ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/device/extent_device.h"

namespace taicang {

/// One copy of a segment.
struct segment_member {
    uuid device;
    extent_name extent;
    bool operator==(const segment_member&) const = default;
};

enum class segment_state : std::uint8_t {
    live =
        1,  ///< prepared, open, or full without the root knowing: recovery finds its end by reading
    sealed = 2,  ///< ends where the map says, whatever lies behind
};

struct segment_entry {
    segment_id id;
    ensemble_epoch epoch;
    segment_state state = segment_state::live;
    std::uint64_t capacity = 0;
    std::vector<segment_member> members;
    // Of sealed ones:
    std::uint64_t length = 0;
    lsn first, last;
    sha256_digest chain_end{};
    bool operator==(const segment_entry&) const = default;
};

struct segment_map {
    shard_id shard;
    ensemble_epoch epoch;        ///< the highest ever opened
    segment_id next_segment{1};  ///< the next id to give
    lsn base_next{1};            ///< first LSN of the first segment
    sha256_digest base_chain{};  ///< chain before it
    std::vector<segment_entry> segments;
    bool operator==(const segment_map&) const = default;
};

[[nodiscard]] std::string encode_segment_map(const segment_map& map);
/// errc::corrupt, errc::version_unsupported.
[[nodiscard]] result<segment_map> decode_segment_map(bytes_view bytes);

}  // namespace taicang
