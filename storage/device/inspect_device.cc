#include "storage/device/inspect_device.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

namespace taicang {

using device_format::field_list;

namespace {

constexpr std::size_t block_bytes = device_format::directory_block_bytes;

task<field_list> inspect_slot(environment& env, disk_file& file, std::uint64_t at) {
    buffer header = env.buffers.allocate(device_format::root_header_bytes);
    auto done = co_await file.read(at, header.span());
    if (!done) co_return field_list{{"damage", done.error().message}};
    auto decoded = device_format::decode_root_header(header.view());
    if (!decoded) co_return field_list{{"damage", decoded.error().message}};
    const std::uint64_t body = round_up(decoded->body_length, device_format::root_header_bytes);
    buffer slot =
        env.buffers.allocate(device_format::root_header_bytes + static_cast<std::size_t>(body));
    done = co_await file.read(at, slot.span());
    if (!done) co_return field_list{{"damage", done.error().message}};
    co_return device_format::inspect_root(slot.view());
}

/// What stands on the places, counted.
struct directory_census {
    std::uint64_t free = 0, damaged = 0, unreadable = 0;
    std::array<std::uint64_t, device_format::extent_purpose_max + 1> live{};

    void count(bytes_view block, const uuid& device, std::uint64_t first, std::uint64_t places) {
        constexpr std::size_t entry_bytes = device_format::directory_entry_bytes;
        for (std::uint64_t i = 0; i < places; ++i) {
            auto entry = device_format::decode_directory_entry(
                block.subspan(static_cast<std::size_t>(i) * entry_bytes, entry_bytes), device,
                first + i);
            if (!entry) {
                ++damaged;
            } else if (entry->state == device_format::place_state::live) {
                ++live.at(entry->purpose);
            } else {
                ++free;
            }
        }
    }
    [[nodiscard]] field_list fields() const {
        const auto number = [](std::uint64_t value) { return std::to_string(value); };
        return {{"places_journal", number(live[1])},    {"places_stripe", number(live[2])},
                {"places_checkpoint", number(live[3])}, {"places_free", number(free)},
                {"places_damaged", number(damaged)},    {"places_unreadable", number(unreadable)}};
    }
};

task<field_list> inspect_directory(environment& env, disk_file& file,
                                   device_format::superblock identity) {
    field_list places_found;
    directory_census census;
    buffer block = env.buffers.allocate(block_bytes);
    const std::uint64_t places = identity.parts.capacity_extents;
    constexpr std::uint64_t per_block = device_format::directory_entries_per_block;
    for (std::uint64_t first = 0; first < places; first += per_block) {
        const std::uint64_t held = std::min(per_block, places - first);
        const std::uint64_t at = identity.parts.directory_offset + first / per_block * block_bytes;
        auto done = co_await file.read(at, block.span());
        if (!done) {
            census.unreadable += held;
            places_found.emplace_back("place " + std::to_string(first) + " damage",
                                      "the block of " + std::to_string(held) +
                                          " places from here on: " + done.error().message);
            continue;
        }
        census.count(block.view(), identity.device, first, held);
        field_list found = device_format::inspect_directory_block(block.view(), identity.device,
                                                                  first, places - first);
        std::move(found.begin(), found.end(), std::back_inserter(places_found));
    }
    field_list out = census.fields();
    std::move(places_found.begin(), places_found.end(), std::back_inserter(out));
    co_return out;
}

}  // namespace

task<result<std::vector<inspected_part>>> inspect_device(environment& env, std::string path) {
    auto opened = co_await env.files.open(path, open_mode::existing_read);
    if (!opened) co_return opened.error().with_context("inspecting " + path);
    disk_file& file = **opened;
    std::vector<inspected_part> parts;
    std::optional<device_format::superblock> identity;
    buffer copy = env.buffers.allocate(device_format::superblock_bytes);
    for (const std::uint64_t at : device_format::superblock_offsets) {
        inspected_part part;
        part.title = at == 0 ? "superblock A" : "superblock B";
        auto done = co_await file.read(at, copy.span());
        if (done.ok()) {
            part.fields = device_format::inspect_superblock(copy.view());
            auto decoded = device_format::decode_superblock(copy.view());
            if (decoded.ok() && device_format::may_read(decoded->features) &&
                (!identity || identity->epoch < decoded->epoch)) {
                identity = *decoded;
            }
        } else {
            part.fields.emplace_back("damage", done.error().message);
        }
        parts.push_back(std::move(part));
    }
    if (!identity) co_return parts;
    for (unsigned slot = 0; slot < 2; ++slot) {
        inspected_part part;
        part.title = "root slot " + std::to_string(slot);
        const std::uint64_t at = identity->parts.root_slot_offset(slot);
        part.fields = co_await inspect_slot(env, file, at);
        parts.push_back(std::move(part));
    }
    inspected_part directory;
    directory.title = "directory";
    directory.fields = co_await inspect_directory(env, file, *identity);
    parts.push_back(std::move(directory));
    co_return parts;
}

}  // namespace taicang
