#include "storage/stripe/placement.h"

#include <algorithm>
#include <string>

#include "storage/base/limits.h"

namespace taicang {

namespace {

constexpr std::size_t wide_members = 12;
constexpr unsigned wide_parity = 3;
constexpr unsigned wide_k = 8;
constexpr unsigned narrow_k = 4;

std::string tier_text(tier_id tier) {
    return "tier " + std::string(tier_name(tier));
}

error too_few(tier_id tier, std::size_t active, unsigned parity) {
    return error(errc::stripe_narrow,
                 tier_text(tier) + ": " + std::to_string(active) +
                     " devices are active, writes need " + std::to_string(parity + 1) +
                     "; reads go on. See `taicang device ls`, then bring devices back or add some");
}

error too_full(tier_id tier, std::size_t with_room, std::size_t width) {
    return error(errc::no_space, tier_text(tier) + ": a new group needs a free extent on " +
                                     std::to_string(width) + " devices, " +
                                     std::to_string(with_room) +
                                     " have one; delete objects or add devices");
}

}  // namespace

unsigned target_k(std::size_t members, unsigned parity) noexcept {
    if (members >= wide_members && parity >= wide_parity) return wide_k;
    if (members <= parity) return 1;
    return static_cast<unsigned>(std::min<std::size_t>(narrow_k, members - parity));
}

unsigned present_k(std::size_t members, std::size_t active, unsigned parity) noexcept {
    if (active < std::size_t{parity} + 1) return 0;
    return static_cast<unsigned>(std::min<std::size_t>(target_k(members, parity), active - parity));
}

std::uint64_t groups_possible(std::span<const std::uint64_t> free_extents,
                              unsigned width) noexcept {
    if (width == 0 || free_extents.size() < width) return 0;
    std::uint64_t most = 0;
    for (const std::uint64_t one : free_extents)
        most += one;
    // g groups fit exactly when no device gives more than g extents and g * width come together.
    std::uint64_t low = 0;
    std::uint64_t high = most / width;
    while (low < high) {
        const std::uint64_t tried = low + (high - low + 1) / 2;
        std::uint64_t sum = 0;
        for (const std::uint64_t one : free_extents)
            sum += std::min(one, tried);
        if (sum >= tried * width) {
            low = tried;
        } else {
            high = tried - 1;
        }
    }
    return low;
}

std::uint64_t reserve_groups(std::uint64_t groups_total) noexcept {
    return std::clamp<std::uint64_t>(groups_total / limits::reserve_groups_share, 1,
                                     limits::reserve_groups_max);
}

result<group_placement> place_group(device_set& devices, tier_id tier) {
    const std::vector<extent_device*> active = devices.active(tier);
    group_placement placement;
    placement.m = devices.parity(tier);
    placement.k = present_k(devices.member_count(tier), active.size(), placement.m);
    if (placement.k == 0) return too_few(tier, active.size(), placement.m);
    const std::size_t width = placement.k + placement.m;
    TC_ASSERT(width <= limits::chunks_max);
    std::size_t with_room = 0;
    for (extent_device* device : active) {
        if (device->free_extents() == 0) continue;
        ++with_room;
        if (placement.devices.size() == width) continue;
        placement.devices.push_back(device);
        placement.chunk_bytes = placement.devices.size() == 1
                                    ? device->extent_bytes()
                                    : std::min(placement.chunk_bytes, device->extent_bytes());
    }
    if (placement.devices.size() < width) return too_full(tier, with_room, width);
    return placement;
}

}  // namespace taicang
