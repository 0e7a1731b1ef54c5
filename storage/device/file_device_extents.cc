// Life of extents on a device (create, seal, remove, and the directory block that says so);
// superblock and root slots.
#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/device/file_device.h"
#include "storage/device/root_format.h"

namespace taicang {

// Crash order of create: space allocated (and for the journal written, unless it was before) ->
// directory entry written -> the caller's data written -> the caller's flush. The entry needs no
// flush of its own: the one that makes the first data durable was issued after the entry's write
// completed, so it covers both. A crash before it leaves the entry old (the extent never was) or
// new (an orphan, which its owner removes at start since no durable record names it).
task<result<extent_info>> file_device::create(extent_name name, extent_purpose purpose) {
    operation held(*this);
    if (!held.entered()) co_return closed_error();
    auto fit = usable(true);
    if (!fit) co_return fit.error();
    if (directory_.find(name) || creating_.contains(name)) {
        co_return error(errc::already_exists,
                        "extent " + name.text() + " stands on device " + label_ + " already");
    }
    const auto place = directory_.take(purpose);
    if (!place) {
        co_return error(errc::no_space, "device " + label_ + ": all " +
                                            std::to_string(total_extents()) +
                                            " extents are in use; delete objects or add devices");
    }
    creating_.insert(name);
    auto made = co_await create_on(*place, name, purpose);
    creating_.erase(name);
    if (made.is(errc::no_space)) co_await return_kept_space();
    if (!made) co_return made.error();
    co_return directory_.info(*place);
}

task<result<void>> file_device::create_on(std::uint64_t place, extent_name name,
                                          extent_purpose purpose) {
    auto space = co_await take_space(place, purpose);
    if (!space) {
        directory_.give_back(place);
        co_return space;
    }
    const bool written = directory_.at(place).written || purpose == extent_purpose::journal;
    directory_.create(place, name, purpose, written);
    auto entered = co_await write_entry(place);
    if (!entered) {
        directory_.retire(place, written);
        directory_.release(place);
        co_return entered;
    }
    // Pre-writing turned the place's unwritten file-system extents into written ones; committing
    // that here keeps it out of the first group commit.
    if (purpose == extent_purpose::journal) co_return co_await join_flush();
    co_return ok();
}

task<result<void>> file_device::take_space(std::uint64_t place, extent_purpose purpose) {
    const std::uint64_t at = identity_.parts.place_offset(place);
    const bool kept = directory_.at(place).written;
    // The journal and checkpoints may always use what is kept; stripes leave the reserve alone even
    // where they take nothing from it, since what they hold makes the index grow.
    if (!kept || purpose == extent_purpose::stripe) {
        auto room = co_await leave_reserve(purpose, kept ? 0 : extent_bytes());
        if (!room) co_return room;
    }
    // Also for places that were written before: a crash may have lost the entry that said their
    // space was given back.
    auto space = co_await file_->allocate(at, extent_bytes());
    if (space && purpose == extent_purpose::journal && !directory_.at(place).written) {
        space = co_await zero_fill(place);
    }
    if (space) co_return ok();
    if (!space.is(errc::no_space)) co_return at_fault("allocating an extent", space.error());
    TC_MARK("device.create_no_space");
    // What was allocated in part goes back at once. A place that was taken for written and had no
    // space is not tried before the others again.
    directory_.forget_written(place);
    if (at < file_->size()) co_await return_space(place);
    co_return error(errc::no_space, "device " + label_ + ": no space for an extent of " +
                                        std::to_string(extent_bytes()) +
                                        " bytes; delete objects or free space on its file system");
}

// The index, its log and the configuration live on the same file system as often as not: a device
// that takes the last byte would keep the hub from starting, and so from deleting.
task<result<void>> file_device::leave_reserve(extent_purpose purpose, std::uint64_t needed_bytes) {
    auto space = co_await file_system_space();
    if (!space) co_return ok();  // not to be known: the allocation itself will tell
    const std::uint64_t reserve =
        std::min<std::uint64_t>(limits::filesystem_reserve_bytes_max,
                                space->capacity_bytes / limits::filesystem_reserve_share);
    // Journal and checkpoints may use half of it, so that deletes and packing go on when objects
    // have filled the rest.
    const std::uint64_t kept = purpose == extent_purpose::stripe ? reserve : reserve / 2;
    if (space->free_bytes >= kept + needed_bytes) co_return ok();
    TC_MARK("device.reserve_kept");
    co_return error(
        errc::no_space,
        "device " + label_ + ": its file system has " + std::to_string(space->free_bytes >> 20) +
            " MiB left, of which " + std::to_string(kept >> 20) +
            " MiB are kept for the index and for deletes; delete objects or free space there");
}

task<result<void>> file_device::zero_fill(std::uint64_t place) {
    const std::uint64_t piece =
        std::min<std::uint64_t>(limits::device_zero_fill_bytes, extent_bytes());
    buffer zeros = env_.buffers.allocate_zeroed(static_cast<std::size_t>(piece));
    for (std::uint64_t at = 0; at < extent_bytes(); at += piece) {
        const std::uint64_t length = std::min(piece, extent_bytes() - at);
        auto done = co_await put(identity_.parts.place_offset(place) + at,
                                 zeros.view().first(static_cast<std::size_t>(length)),
                                 "pre-writing an extent");
        if (!done) co_return done;
    }
    co_return ok();
}

// In place, one block at a time: a block is encoded under the lock, so a later write never carries
// older entries. A torn block is harmless, since no entry straddles a sector.
task<result<void>> file_device::write_entry(std::uint64_t place) {
    auto lock = co_await directory_writes_.lock();
    constexpr std::size_t bytes = device_format::directory_block_bytes;
    const std::uint64_t block = extent_directory::block_of(place);
    buffer image = env_.buffers.allocate(bytes);
    directory_.encode_block(block, image.span());
    co_return co_await put(identity_.parts.directory_offset + block * bytes, image.view(),
                           "writing the extent directory");
}

task<result<void>> file_device::seal(extent_name name, std::uint64_t length) {
    operation held(*this);
    if (!held.entered()) co_return closed_error();
    auto fit = usable(true);
    if (!fit) co_return fit;
    const auto place = directory_.find(name);
    if (!place) {
        co_return error(errc::not_found, "extent " + name.text() + " is not on device " + label_);
    }
    const device_format::directory_entry& entry = directory_.at(*place);
    if (entry.sealed && entry.sealed_length == length) co_return ok();
    if (entry.sealed || length > extent_bytes()) {
        co_return error(
            errc::invalid_argument,
            "extent " + name.text() + " on device " + label_ + " cannot be sealed at " +
                std::to_string(length) +
                (entry.sealed ? ": it is sealed at " + std::to_string(entry.sealed_length)
                              : ": it is shorter"));
    }
    held.use(*place);
    directory_.seal(*place, length);
    co_return co_await write_entry(*place);
}

// Crash order of remove: the freeing is durable with the caller -> entry freed -> space given back
// -> place usable again. A crash in between brings the extent back as an orphan, with or without
// its bytes; nothing names it any more, and its owner removes it again at start.
// A bounded number of places that were written keep their space: who writes over blocks that the
// file system has needs no allocation, no conversion of unwritten blocks and no discard, each of
// which makes a flush commit the file system's journal too.
task<result<void>> file_device::remove(extent_name name) {
    operation held(*this);
    if (!held.entered()) co_return closed_error();
    auto fit = usable(true);
    if (!fit) co_return fit;
    const auto found = directory_.find(name);
    if (!found) {
        co_return error(errc::not_found, "extent " + name.text() + " is not on device " + label_);
    }
    const std::uint64_t place = *found;
    const bool of_journal =
        directory_.at(place).purpose == static_cast<std::uint8_t>(extent_purpose::journal);
    // Retired before anything is awaited: from now on the extent is not there for anybody.
    bool keep =
        written_nearly_whole(place) && directory_.warm_count() < limits::device_warm_extents_max;
    directory_.retire(place, keep);
    // The journal's own few are kept whatever the file system says: it cannot do without them.
    bool roomy = true;
    if ((keep && !of_journal) ||
        directory_.warm_count() > limits::device_journal_warm_extents_max) {
        roomy = co_await file_system_is_roomy();
    }
    if (!roomy) {
        keep = false;
        directory_.forget_written(place);
    }
    co_await wait_unused(place);
    auto entered = co_await write_entry(place);
    if (!entered && !entered.is(errc::no_space)) co_return entered;
    if (entered && !keep) co_await return_space(place);
    directory_.release(place);
    if (!roomy) co_await return_kept_space();
    co_return entered;
}

// Crash order as in remove: entry written -> space given back -> place usable again.
task<void> file_device::return_kept_space() {
    while (const auto place = directory_.take_kept()) {
        TC_MARK("device.kept_space_returned");
        auto entered = co_await write_entry(*place);
        if (entered) co_await return_space(*place);
        directory_.give_back(*place);
        if (!entered) co_return;
    }
}

task<void> file_device::return_space(std::uint64_t place) {
    auto returned = co_await file_->discard(identity_.parts.place_offset(place), extent_bytes());
    if (!returned) log_event(log_level::warn, "discard_failed").with("device", label_);
}

task<result<disk_space>> file_device::file_system_space() {
    const std::string& path = file_->path();
    co_return co_await env_.files.space(path.substr(0, path.rfind('/')));
}

task<bool> file_device::file_system_is_roomy() {
    auto space = co_await file_system_space();
    co_return space && space->free_bytes >= space->capacity_bytes / limits::filesystem_roomy_share;
}

bool file_device::written_nearly_whole(std::uint64_t place) const {
    const device_format::directory_entry& entry = directory_.at(place);
    return entry.written ||
           (entry.sealed && extent_bytes() - entry.sealed_length <=
                                extent_bytes() / limits::device_warm_unwritten_share);
}

// Crash order: the older slot is written and flushed; the newer one is not touched, so one whole
// root is there at any instant. A torn slot does not verify.
task<result<void>> file_device::write_root(std::string image) {
    auto fit = usable(true);
    if (!fit) co_return fit;
    TC_ASSERT(image.size() % page_size == 0 && image.size() <= identity_.parts.root_slot_bytes);
    const unsigned slot = 1 - newest_root_slot_;
    buffer aligned = env_.buffers.allocate(image.size());
    std::memcpy(aligned.data(), image.data(), image.size());
    auto done =
        co_await put(identity_.parts.root_slot_offset(slot), aligned.view(), "writing the root");
    if (done) done = co_await join_flush();
    if (done) newest_root_slot_ = slot;
    co_return done;
}

task<result<void>> file_device::write_epoch(membership_epoch epoch) {
    auto fit = usable(true);
    if (!fit) co_return fit;
    device_format::superblock next = identity_;
    next.epoch = epoch;
    const std::string image = device_format::encode_superblock(next);
    buffer aligned = env_.buffers.allocate(image.size());
    std::memcpy(aligned.data(), image.data(), image.size());
    for (const std::uint64_t at : device_format::superblock_offsets) {
        auto done = co_await put(at, aligned.view(), "writing the superblock");
        if (done) done = co_await join_flush();
        if (!done) co_return done;
    }
    identity_ = next;
    co_return ok();
}

task<result<void>> file_device::verify_superblock() {
    operation held(*this);
    if (!held.entered()) co_return closed_error();
    auto fit = usable(false);
    if (!fit) co_return fit;
    buffer copy = env_.buffers.allocate(device_format::superblock_bytes);
    std::string why = "no copy could be read";
    for (const std::uint64_t at : device_format::superblock_offsets) {
        auto done = co_await file_->read(at, copy.span());
        if (!done) continue;
        auto decoded = device_format::decode_superblock(copy.view());
        if (decoded.ok() && decoded->device == identity_.device && decoded->hub == identity_.hub) {
            co_return ok();
        }
        why = decoded.ok() ? "it names another device" : decoded.error().message;
    }
    TC_MARK("device.superblock_lost");
    co_return at_fault("verifying the superblock", error(errc::corrupt, why));
}

}  // namespace taicang
