// Making a hub's device files. The order and its crash points: docs/protocols/boot.md.
#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"
#include "storage/device/device_set.h"
#include "storage/device/directory_format.h"
#include "storage/device/membership_format.h"
#include "storage/device/root_numbers.h"
#include "storage/device/scan.h"

namespace taicang {

using device_format::superblock;

namespace {

/// The embedded hub's number among hubs, until it is told another.
constexpr hub_id first_hub_number{1};

struct new_device {
    std::string file_name;
    superblock identity;
    std::unique_ptr<disk_file> file;
};

error bad_layout(const tier_layout& tier, std::string why) {
    return error(errc::invalid_argument,
                 "tier " + std::string(tier_name(tier.tier)) + ": " + std::move(why));
}

result<void> check_layout(const hub_layout& layout) {
    if (layout.tiers.empty()) {
        return error(errc::invalid_argument, "a hub needs at least one tier of devices");
    }
    std::vector<tier_id> seen;
    for (const tier_layout& tier : layout.tiers) {
        if (static_cast<std::size_t>(tier.tier) >= tier_count ||
            std::find(seen.begin(), seen.end(), tier.tier) != seen.end()) {
            return bad_layout(tier, "it is unknown or named twice");
        }
        seen.push_back(tier.tier);
        if (tier.parity == 0 || tier.parity > limits::chunks_max ||
            tier.devices < tier.parity + 1 || tier.devices > limits::tier_devices_max) {
            return bad_layout(tier, std::to_string(tier.devices) + " devices with parity " +
                                        std::to_string(tier.parity) +
                                        " cannot be: parity is at least 1, devices at least parity "
                                        "+ 1 and at most " +
                                        std::to_string(limits::tier_devices_max));
        }
        if (tier.extent_bytes < limits::extent_bytes_min ||
            tier.extent_bytes > limits::extent_bytes_max ||
            tier.extent_bytes % device_format::block_bytes != 0) {
            return bad_layout(tier, "extents of " + std::to_string(tier.extent_bytes) +
                                        " bytes cannot be: a multiple of 4096 from " +
                                        std::to_string(limits::extent_bytes_min) + " to " +
                                        std::to_string(limits::extent_bytes_max));
        }
        if (tier.capacity_bytes_per_device != 0 &&
            tier.capacity_bytes_per_device < tier.extent_bytes) {
            return bad_layout(tier, "a device holds less than one extent");
        }
    }
    return ok();
}

/// Four fifths of the free space over all devices that were given no capacity, but enough to start
/// with.
std::uint64_t default_capacity(const hub_layout& layout, const disk_space& space) {
    std::uint64_t devices = 0;
    for (const tier_layout& tier : layout.tiers)
        devices += tier.devices;
    const std::uint64_t share = space.free_bytes / 5 * 4 / devices;
    return std::max(share, limits::device_capacity_bytes_min);
}

std::vector<new_device> plan_devices(environment& env, const hub_layout& layout,
                                     const disk_space& space) {
    const uuid hub = env.random.make_uuid();
    const timestamp_ns now = env.home.wall_now();
    std::vector<new_device> all;
    for (const tier_layout& tier : layout.tiers) {
        const std::uint64_t capacity = tier.capacity_bytes_per_device != 0
                                           ? tier.capacity_bytes_per_device
                                           : default_capacity(layout, space);
        const std::uint64_t extents =
            std::clamp<std::uint64_t>(capacity / tier.extent_bytes, 1, limits::device_extents_max);
        for (unsigned i = 0; i < tier.devices; ++i) {
            new_device& each = all.emplace_back();
            each.file_name = std::string(tier_name(tier.tier)) + "-" + std::to_string(i) +
                             std::string(device_file_suffix);
            each.identity.device = env.random.make_uuid();
            each.identity.hub = hub;
            each.identity.hub_number = first_hub_number;
            each.identity.tier = static_cast<std::uint8_t>(tier.tier);
            each.identity.parity = static_cast<std::uint8_t>(tier.parity);
            each.identity.members_created = tier.devices;
            each.identity.index_created = i;
            each.identity.epoch = membership_epoch(1);
            each.identity.created_at = now;
            each.identity.parts = device_format::plan_geometry(tier.extent_bytes, extents);
            for (const tier_layout& shape : layout.tiers) {
                auto& slot = each.identity.tiers[static_cast<std::size_t>(shape.tier)];
                slot.members = static_cast<std::uint16_t>(shape.devices);
                slot.parity = static_cast<std::uint8_t>(shape.parity);
            }
        }
    }
    return all;
}

task<result<void>> write_directory(environment& env, new_device& device) {
    constexpr std::size_t block_bytes = device_format::directory_block_bytes;
    const auto& parts = device.identity.parts;
    buffer piece = env.buffers.allocate(limits::directory_read_bytes);
    const device_format::directory_entry never_used;
    std::uint64_t place = 0;
    for (std::uint64_t at = 0; at < parts.directory_bytes; at += limits::directory_read_bytes) {
        const std::uint64_t length =
            std::min<std::uint64_t>(limits::directory_read_bytes, parts.directory_bytes - at);
        piece.resize(static_cast<std::size_t>(length));
        std::memset(piece.data(), 0, piece.size());
        for (std::size_t in = 0; in < length; in += device_format::directory_entry_bytes) {
            if (place == parts.capacity_extents) break;
            device_format::encode_directory_entry(
                never_used, device.identity.device, place++,
                piece.span().subspan(in, device_format::directory_entry_bytes));
        }
        auto done = co_await device.file->write(parts.directory_offset + at, piece.view());
        if (!done) co_return done;
    }
    static_assert(limits::directory_read_bytes % block_bytes == 0);
    co_return ok();
}

task<result<void>> write_image(environment& env, disk_file& file, std::uint64_t at,
                               std::string image) {
    buffer aligned = env.buffers.allocate(image.size());
    std::memcpy(aligned.data(), image.data(), image.size());
    co_return co_await file.write(at, aligned.view());
}

/// Space, directory and both superblock copies, durable. The space is taken at once so that a root
/// or a directory entry never lacks it.
task<result<void>> make_device(environment& env, std::string directory, new_device& device) {
    const std::string path = join_path(directory, device.file_name);
    auto file = co_await env.files.open(path, open_mode::create_exclusive);
    if (!file) co_return file.error().with_context("making " + path);
    device.file = std::move(*file);
    auto done = co_await device.file->allocate(0, device.identity.parts.extents_offset);
    if (done) done = co_await write_directory(env, device);
    const std::string image = device_format::encode_superblock(device.identity);
    for (const std::uint64_t at : device_format::superblock_offsets) {
        if (done) done = co_await write_image(env, *device.file, at, image);
    }
    if (done) done = co_await device.file->flush();
    if (!done) co_return done.error().with_context("making " + path);
    co_return ok();
}

std::string first_root(const new_device& device, const std::vector<new_device>& all,
                       timestamp_ns now) {
    device_format::membership members;
    members.tier = device.identity.tier;
    members.parity = device.identity.parity;
    members.members_created = device.identity.members_created;
    for (const new_device& each : all) {
        if (each.identity.tier != device.identity.tier) continue;
        device_format::member& record = members.members.emplace_back();
        record.device = each.identity.device;
        record.epoch = each.identity.epoch;
        record.file_name = each.file_name;
    }
    device_format::root_header header;
    header.hub = device.identity.hub;
    header.tier = device.identity.tier;
    header.parity = device.identity.parity;
    header.position = {0, 1, now};
    device_format::root_sections sections;
    sections[root_section_membership] = device_format::encode_membership(members);
    return device_format::encode_root(header, sections);
}

task<result<void>> write_first_root(environment& env, new_device& device, std::string image) {
    auto done = co_await write_image(env, *device.file, device.identity.parts.root_slot_offset(0),
                                     std::move(image));
    if (done) done = co_await device.file->flush();
    if (!done) co_return done.error().with_context("writing the root of " + device.file_name);
    co_return ok();
}

result<void> all_of(const std::vector<result<void>>& outcomes) {
    for (const result<void>& each : outcomes) {
        if (!each) return each;
    }
    return ok();
}

/// Takes away what a format that was cut short has left. A device that was ever opened carries a
/// boot number: then the marker lies, and nothing is touched.
task<result<void>> clear_unfinished(environment& env, std::string directory) {
    auto found = co_await scan_devices(env, directory, open_mode::existing);
    if (!found) co_return found.error();
    for (const found_device& file : *found) {
        if (!file.newest || file.newest->header.position.boot == 0) continue;
        co_return error(errc::already_exists,
                        directory + " holds " + std::string(format_marker_name) + ", but device " +
                            file.file_name +
                            " belongs to a hub that was in use; remove the marker to open it");
    }
    for (found_device& file : *found) {
        TC_MARK("device.format_made_anew");
        file.file.reset();
        auto removed = co_await env.files.remove(file.path);
        if (!removed) co_return removed;
    }
    co_return ok();
}

/// Creates the marker or takes over the one of a format that was cut short; holding it open keeps
/// others out.
task<result<std::unique_ptr<disk_file>>> take_marker(environment& env, std::string directory) {
    auto made = co_await env.files.make_directory(directory);
    if (!made) co_return made.error().with_context("making " + directory);
    auto contents = co_await list_hub_directory(env, directory);
    if (!contents) co_return contents.error();
    if (!contents->format_marker && !contents->device_files.empty()) {
        co_return error(errc::already_exists, directory + " holds device files already (" +
                                                  contents->device_files[0] +
                                                  "); open that hub, or choose an empty directory");
    }
    const open_mode mode =
        contents->format_marker ? open_mode::existing : open_mode::create_exclusive;
    const std::string path = join_path(directory, format_marker_name);
    auto marker = co_await env.files.open(path, mode);
    if (!marker) co_return marker.error().with_context("making a hub in " + directory);
    auto synced = co_await env.files.sync_directory(directory);
    if (!synced) co_return synced.error();
    co_return std::move(*marker);
}

// Crash order: marker durable -> files, their space, directories and superblocks durable -> names
// durable -> first roots durable on all members of all tiers -> marker gone, durably: now the hub
// exists. A crash before leaves the marker, and the next format starts from nothing.
task<result<void>> make_hub(environment& env, hub_layout layout) {
    auto space = co_await env.files.space(layout.directory);
    if (!space) co_return space.error();
    std::vector<new_device> devices = plan_devices(env, layout, *space);
    std::vector<task<result<void>>> makes;
    for (new_device& each : devices)
        makes.push_back(make_device(env, layout.directory, each));
    auto made = co_await when_all(std::move(makes));
    auto done = all_of(made);
    if (done) done = co_await env.files.sync_directory(layout.directory);
    if (!done) co_return done;
    std::vector<task<result<void>>> roots;
    const timestamp_ns now = env.home.wall_now();
    for (new_device& each : devices) {
        roots.push_back(write_first_root(env, each, first_root(each, devices, now)));
    }
    auto written = co_await when_all(std::move(roots));
    co_return all_of(written);
}

}  // namespace

task<result<void>> device_set::format(environment& env, hub_layout layout) {
    auto sane = check_layout(layout);
    if (!sane) co_return sane;
    auto marker = co_await take_marker(env, layout.directory);
    if (!marker) co_return marker.error();
    auto cleared = co_await clear_unfinished(env, layout.directory);
    if (!cleared) co_return cleared;
    auto made = co_await make_hub(env, layout);
    if (!made) co_return made;
    const std::string marker_path = join_path(layout.directory, format_marker_name);
    auto removed = co_await env.files.remove(marker_path);
    if (!removed)
        co_return removed.error().with_context("finishing the hub in " + layout.directory);
    co_return ok();
}

task<result<bool>> device_set::exists(environment& env, std::string directory) {
    auto contents = co_await list_hub_directory(env, directory);
    if (!contents) co_return contents.error();
    if (contents->device_files.empty()) co_return false;
    auto found = co_await scan_devices(env, directory, open_mode::existing_read);
    if (!found) co_return found.error();
    for (const found_device& file : *found) {
        const bool used = file.newest && file.newest->header.position.boot > 0;
        if (contents->format_marker ? used : file.identity.has_value()) co_return true;
    }
    if (contents->format_marker) co_return false;
    const found_device& first = found->front();
    co_return error(first.trouble ? first.trouble->code : errc::corrupt,
                    directory + " holds device files, but none that can be read; " +
                        first.file_name + ": " +
                        (first.trouble ? first.trouble->message : std::string("no superblock")) +
                        ". Put the right files back; for a new hub choose an empty directory");
}

}  // namespace taicang
