// Which code a tier's new groups get and on which devices they stand (DESIGN 5): under loss k
// shrinks, never m. Pure over what device_set reports. Threads: the shard's executor. Lifetime:
// none; device pointers are device_set's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "storage/base/result.h"
#include "storage/device/device_set.h"

namespace taicang {

/// k of a tier whose members are all there: 8 with 12 members or more and m >= 3, else 4, or what
/// n-m leaves.
unsigned target_k(std::size_t members, unsigned parity) noexcept;
/// k of the next group; 0 when fewer than m+1 devices are active.
unsigned present_k(std::size_t members, std::size_t active, unsigned parity) noexcept;
/// New groups of `width` extents on distinct devices that these free extents allow.
std::uint64_t groups_possible(std::span<const std::uint64_t> free_extents, unsigned width) noexcept;
/// Free groups of a tier below which only deletes, packing and checkpoints may write.
std::uint64_t reserve_groups(std::uint64_t groups_total) noexcept;

struct group_placement {
    unsigned k = 0;
    unsigned m = 0;
    std::vector<extent_device*> devices;  ///< k+m distinct ones, most free extents first
    std::uint64_t chunk_bytes = 0;        ///< of the smallest extent among them
};

/// errc::stripe_narrow with fewer than m+1 active devices, errc::no_space when fewer than k+m have
/// a free extent.
result<group_placement> place_group(device_set& devices, tier_id tier);

}  // namespace taicang
