// One extent group in memory: its row, its code, and what is going on with it. State of the group
// table. Threads: the shard's executor. Lifetime: shared by the table, by pins and by operations in
// flight. Invariants: next_block only grows, so each offset gets one content in the extents' life;
// a group that is not open never becomes open; a released group keeps its extents while a pin
// lives.
#pragma once

#include <cstdint>
#include <memory>

#include "erasure/reed_solomon.h"
#include "storage/base/async.h"
#include "storage/stripe/piece.h"
#include "storage/stripe/run_layout.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

struct stripe_group {
    group_row row;
    std::shared_ptr<const erasure::reed_solomon> code;
    group_state state = group_state::sealed;
    std::uint32_t chunk_blocks = 0;  ///< room of every chunk; 0 for groups of an earlier start
    std::uint32_t next_block = 0;    ///< first block of the next run
    unsigned writes_in_flight = 0;
    bool damaged =
        false;  ///< a write to it failed or one of its devices was fenced since it was opened
    bool sealing = false;  ///< its extents are being told
    bool released = false;
    bool removing = false;
    erasure::chunk_mask bad_logged =
        0;                     ///< chunks whose first fault was logged; the rest is counted
    event extents_sealed;      ///< its extents were told, after the last write
    std::weak_ptr<void> pins;  ///< expired: nobody holds it
};

/// Room for one run in a group, held by one writer.
struct write_slot {
    std::shared_ptr<stripe_group> group;
    std::uint32_t run_block = 0;
    run_layout layout;
    group_pin pin;
};

}  // namespace taicang
