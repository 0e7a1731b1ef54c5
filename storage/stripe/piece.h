// Where bytes of a blob lie: pieces. A run is what one write put on all k+m chunks of a group at
// the same chunk offset: one header block, then rows of k units; a piece is a span of a run's data
// (all of it for large blobs, one object's bytes inside a single unit for packed ones). Values; any
// thread.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/base/ids.h"
#include "storage/device/device_set.h"

namespace taicang {

struct piece {
    group_id group;
    std::uint32_t run_block = 0;    ///< chunk offset of the run's header, in blocks of 4 KiB
    std::uint16_t unit_blocks = 0;  ///< unit of the run, in blocks
    std::uint32_t skip =
        0;  ///< first byte within the run's data (data bytes count row by row over k units)
    std::uint32_t length = 0;  ///< bytes
    std::uint32_t crc = 0;     ///< CRC32C of the piece's bytes: the referrer's own checksum
    bool operator==(const piece&) const = default;
};

/// One chunk of a group: an extent on a device.
struct chunk_place {
    uuid device;
    extent_name extent;
    generation life;
    bool operator==(const chunk_place&) const = default;
};

enum class group_state : std::uint8_t { open = 1, sealed = 2 };

/// A row of the group table. k data chunks first, then m parity chunks, on distinct devices.
struct group_row {
    group_id id;
    tier_id tier{};
    extent_purpose purpose = extent_purpose::stripe;
    std::uint8_t k = 0;
    std::uint8_t m = 0;
    std::vector<chunk_place> chunks;
    bool operator==(const group_row&) const = default;
};

}  // namespace taicang
