#include "storage/device/superblock_format.h"

#include <cstring>
#include <limits>

#include "storage/base/digest.h"
#include "storage/device/directory_format.h"
#include "storage/device/root_format.h"

namespace taicang::device_format {

namespace {

constexpr std::uint64_t roots_begin = 128 * limits::kib;
constexpr std::uint64_t part_alignment = 64 * limits::kib;
constexpr std::uint64_t extents_alignment = 1 * limits::mib;

void put_uuid(std::byte* into, const uuid& id) noexcept {
    std::memcpy(into, id.bytes.data(), id.bytes.size());
}

uuid get_uuid(const std::byte* from) noexcept {
    uuid id;
    std::memcpy(id.bytes.data(), from, id.bytes.size());
    return id;
}

error damaged(std::string why) {
    return error(errc::corrupt, "superblock: " + std::move(why));
}

void put_geometry(std::byte* at, const geometry& parts) noexcept {
    store_le(at + superblock_at::extent_bytes, parts.extent_bytes);
    store_le(at + superblock_at::capacity_extents, parts.capacity_extents);
    store_le(at + superblock_at::root_offset, parts.root_offset);
    store_le(at + superblock_at::root_slot_bytes, parts.root_slot_bytes);
    store_le(at + superblock_at::directory_offset, parts.directory_offset);
    store_le(at + superblock_at::directory_bytes, parts.directory_bytes);
    store_le(at + superblock_at::extents_offset, parts.extents_offset);
}

geometry get_geometry(const std::byte* at) noexcept {
    geometry parts;
    parts.extent_bytes = load_le<std::uint64_t>(at + superblock_at::extent_bytes);
    parts.capacity_extents = load_le<std::uint64_t>(at + superblock_at::capacity_extents);
    parts.root_offset = load_le<std::uint64_t>(at + superblock_at::root_offset);
    parts.root_slot_bytes = load_le<std::uint64_t>(at + superblock_at::root_slot_bytes);
    parts.directory_offset = load_le<std::uint64_t>(at + superblock_at::directory_offset);
    parts.directory_bytes = load_le<std::uint64_t>(at + superblock_at::directory_bytes);
    parts.extents_offset = load_le<std::uint64_t>(at + superblock_at::extents_offset);
    return parts;
}

bool aligned(std::uint64_t value) noexcept {
    return value % block_bytes == 0;
}

}  // namespace

geometry plan_geometry(std::uint64_t extent_bytes, std::uint64_t capacity_extents) noexcept {
    geometry parts;
    parts.extent_bytes = extent_bytes;
    parts.capacity_extents = capacity_extents;
    parts.root_offset = roots_begin;
    parts.root_slot_bytes = root_header_bytes + limits::root_bytes_max;
    parts.directory_offset = round_up(roots_begin + 2 * parts.root_slot_bytes, part_alignment);
    parts.directory_bytes =
        round_up(capacity_extents, directory_entries_per_block) * directory_entry_bytes;
    parts.extents_offset =
        round_up(parts.directory_offset + parts.directory_bytes, extents_alignment);
    return parts;
}

result<void> check_geometry(const geometry& parts) {
    constexpr std::uint64_t offset_max = std::numeric_limits<std::int64_t>::max();
    if (parts.extent_bytes < limits::extent_bytes_min ||
        parts.extent_bytes > limits::extent_bytes_max || !aligned(parts.extent_bytes)) {
        return damaged("extent size " + std::to_string(parts.extent_bytes) + " is out of range");
    }
    if (parts.capacity_extents == 0 || parts.capacity_extents > limits::device_extents_max) {
        return damaged("capacity of " + std::to_string(parts.capacity_extents) +
                       " extents is out of range");
    }
    // Each term is bounded before it is added to, so no sum below overflows.
    const std::uint64_t header_max = 1 * limits::gib;
    if (!aligned(parts.root_offset) || !aligned(parts.root_slot_bytes) ||
        !aligned(parts.directory_offset) || !aligned(parts.directory_bytes) ||
        !aligned(parts.extents_offset) || parts.root_offset > header_max ||
        parts.root_slot_bytes > header_max || parts.directory_offset > 4 * header_max ||
        parts.directory_bytes > header_max || parts.extents_offset > 8 * header_max) {
        return damaged("a part is not aligned or lies beyond the header");
    }
    if (parts.root_offset < superblock_offsets[1] + superblock_bytes ||
        parts.root_slot_bytes <= root_header_bytes ||
        parts.directory_offset < parts.root_slot_offset(2) ||
        parts.directory_bytes < parts.capacity_extents * directory_entry_bytes ||
        parts.extents_offset < parts.directory_offset + parts.directory_bytes ||
        parts.place_offset(parts.capacity_extents) > offset_max) {
        return damaged("parts overlap");
    }
    return ok();
}

std::string encode_superblock(const superblock& from) {
    std::string copy(superblock_bytes, '\0');
    auto* at = reinterpret_cast<std::byte*>(copy.data());
    std::memcpy(at, superblock_magic.data(), superblock_magic.size());
    store_le(at + superblock_at::version, superblock_version);
    store_le(at + superblock_at::length, static_cast<std::uint32_t>(superblock_bytes));
    store_le(at + superblock_at::compat, from.features.compat);
    store_le(at + superblock_at::ro_compat, from.features.ro_compat);
    store_le(at + superblock_at::incompat, from.features.incompat);
    put_uuid(at + superblock_at::device, from.device);
    put_uuid(at + superblock_at::hub, from.hub);
    store_le(at + superblock_at::hub_number, from.hub_number.value);
    store_le(at + superblock_at::tier, from.tier);
    store_le(at + superblock_at::parity, from.parity);
    store_le(at + superblock_at::members_created, from.members_created);
    store_le(at + superblock_at::index_created, from.index_created);
    store_le(at + superblock_at::epoch, from.epoch.value);
    store_le(at + superblock_at::created_at, static_cast<std::uint64_t>(from.created_at));
    put_geometry(at, from.parts);
    for (std::size_t i = 0; i < tiers_max; ++i) {
        store_le(at + superblock_at::tiers + 4 * i, from.tiers[i].members);
        store_le(at + superblock_at::tiers + 4 * i + 2, from.tiers[i].parity);
    }
    store_le(at + superblock_at::crc, crc32c({at, superblock_at::crc}));
    return copy;
}

result<superblock> decode_superblock(bytes_view copy) {
    if (copy.size() != superblock_bytes) return damaged("it is not 4096 bytes long");
    const std::byte* at = copy.data();
    if (as_text(copy.first(superblock_magic.size())) != superblock_magic) {
        return damaged("no magic number");
    }
    if (load_le<std::uint32_t>(at + superblock_at::crc) != crc32c(copy.first(superblock_at::crc))) {
        return damaged("checksum mismatch");
    }
    const auto version = load_le<std::uint32_t>(at + superblock_at::version);
    if (version != superblock_version) {
        return error(errc::version_unsupported,
                     "superblock: format version " + std::to_string(version) +
                         " is not known to this build, which knows " +
                         std::to_string(superblock_version) + "; use a newer taicang");
    }
    superblock found;
    found.features.compat = load_le<std::uint64_t>(at + superblock_at::compat);
    found.features.ro_compat = load_le<std::uint64_t>(at + superblock_at::ro_compat);
    found.features.incompat = load_le<std::uint64_t>(at + superblock_at::incompat);
    found.device = get_uuid(at + superblock_at::device);
    found.hub = get_uuid(at + superblock_at::hub);
    found.hub_number = hub_id(load_le<std::uint16_t>(at + superblock_at::hub_number));
    found.tier = load_le<std::uint8_t>(at + superblock_at::tier);
    found.parity = load_le<std::uint8_t>(at + superblock_at::parity);
    found.members_created = load_le<std::uint32_t>(at + superblock_at::members_created);
    found.index_created = load_le<std::uint32_t>(at + superblock_at::index_created);
    found.epoch = membership_epoch(load_le<std::uint64_t>(at + superblock_at::epoch));
    found.created_at =
        static_cast<timestamp_ns>(load_le<std::uint64_t>(at + superblock_at::created_at));
    found.parts = get_geometry(at);
    for (std::size_t i = 0; i < tiers_max; ++i) {
        found.tiers[i].members = load_le<std::uint16_t>(at + superblock_at::tiers + 4 * i);
        found.tiers[i].parity = load_le<std::uint8_t>(at + superblock_at::tiers + 4 * i + 2);
    }
    // A later build's incompat bits may mean other parts; they are refused by their bits, not here.
    if (!may_read(found.features)) return found;
    if (found.tier >= tiers_max || found.members_created > limits::tier_devices_max ||
        found.parity >= found.members_created) {
        return damaged("tier " + std::to_string(found.tier) + ", members or parity out of range");
    }
    TC_TRY(check_geometry(found.parts));
    return found;
}

}  // namespace taicang::device_format
