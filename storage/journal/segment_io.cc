#include "storage/journal/segment_io.h"

#include <algorithm>

#include "storage/base/async.h"
#include "storage/base/canary.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/when_all.h"

namespace taicang {

namespace {

std::size_t members_for(unsigned parity) {
    // The planted bug: an ensemble that the loss of m devices can wipe out.
    if (canary::active(canary::bug::small_ensemble)) return std::max(1U, parity);
    return std::size_t{parity} + 1;
}

std::size_t load_of(const std::vector<device_load>& loads, const uuid& device) {
    for (const device_load& load : loads) {
        if (load.device == device) return load.extents;
    }
    return 0;
}

bool contains(const std::vector<uuid>& list, const uuid& device) {
    return std::find(list.begin(), list.end(), device) != list.end();
}

task<bool> all_ok(std::vector<task<result<void>>> running) {
    auto results = co_await when_all(std::move(running));
    co_return std::all_of(results.begin(), results.end(),
                          [](const result<void>& one) { return one.ok(); });
}

}  // namespace

segment_io::segment_io(environment& env, device_set& devices, tier_id tier,
                       unsigned parity) noexcept
    : env_(env), devices_(devices), tier_(tier), ensemble_size_(members_for(parity)) {}

bool segment_io::wide_enough() const {
    return devices_.active(tier_).size() >= ensemble_size_;
}

error segment_io::too_narrow() const {
    return error(errc::stripe_narrow,
                 "the journal needs " + std::to_string(ensemble_size_) +
                     " active devices of tier " + std::string(tier_name(tier_)) + " and has " +
                     std::to_string(devices_.active(tier_).size()) +
                     "; reads go on, writes wait: see `taicang device ls` and bring devices back");
}

bool segment_io::whole(const segment& held) const {
    return std::all_of(
        held.members.begin(), held.members.end(),
        [this](const segment_member& member) { return devices_.find(member.device) != nullptr; });
}

std::vector<extent_device*> segment_io::candidates(const std::vector<uuid>& taken,
                                                   const std::vector<device_load>& loads) {
    std::vector<extent_device*> found = devices_.active(tier_);
    std::erase_if(found, [&](extent_device* device) { return contains(taken, device->id()); });
    // Least journal extents first; active() has put those with the most free space before others.
    std::stable_sort(found.begin(), found.end(), [&](extent_device* a, extent_device* b) {
        return load_of(loads, a->id()) < load_of(loads, b->id());
    });
    return found;
}

void segment_io::fence_after(const uuid& device, const error& why, const char* what) {
    // The device room fences on its own when a write or flush fails; saying it again is harmless,
    // and leaves no way for a device that lost a write to stay in an ensemble.
    if (why.code == errc::no_space || why.code == errc::not_found) {
        log_event(log_level::warn, "journal_copy_failed")
            .with("device", device.text())
            .with("doing", what)
            .with("reason", why.message);
    }
    if (devices_.find(device) != nullptr) {
        devices_.fence(device, std::string("journal ") + what + " failed: " + why.message);
    }
}

task<result<segment_member>> segment_io::create_member(std::vector<uuid> taken,
                                                       std::vector<device_load> loads,
                                                       std::uint64_t capacity) {
    bool full = false;
    // Ends: every round either succeeds or adds a device to `taken`.
    for (;;) {
        const std::vector<extent_device*> found = candidates(taken, loads);
        if (found.empty()) break;
        extent_device* device = found.front();
        taken.push_back(device->id());
        if (capacity != 0 && device->extent_bytes() < capacity) continue;
        segment_member member{device->id(), devices_.next_extent_name()};
        auto created = co_await device->create(member.extent, extent_purpose::journal);
        if (!created) {
            full = full || created.is(errc::no_space);
            continue;
        }
        // Crash order: the extent is durable before any root names it; until then it is an orphan
        // that open() sweeps.
        auto flushed = co_await flush_copy(member.device);
        if (!flushed) continue;
        co_return member;
    }
    if (full) {
        co_return error(errc::no_space,
                        "no device of tier " + std::string(tier_name(tier_)) +
                            " has room for another journal segment; delete objects or add space");
    }
    co_return too_narrow();
}

task<result<segment_ptr>> segment_io::create(segment_id id, ensemble_epoch epoch,
                                             std::vector<device_load> loads) {
    auto made = std::make_shared<segment>();
    made->id = id;
    made->epoch = epoch;
    std::vector<uuid> taken;
    while (made->members.size() < ensemble_size_) {
        // One after the other: creation may have to pre-write 16 MiB, and foreground commits share
        // the disks.
        auto member = co_await create_member(taken, loads, 0);
        if (!member) {
            co_await remove(made->members);
            co_return std::move(member).error();
        }
        taken.push_back(member->device);
        extent_device* device = devices_.find(member->device);
        const std::uint64_t bytes = device == nullptr ? 0 : device->extent_bytes();
        if (bytes != 0 && (made->capacity == 0 || bytes < made->capacity)) made->capacity = bytes;
        made->members.push_back(*member);
    }
    made->capacity = std::min(made->capacity, limits::journal_segment_bytes_max);
    made->capacity = round_down(made->capacity, journal_format::batch_alignment);
    if (!whole(*made)) {
        // A member was fenced while the others were created: begin again with what is left.
        co_await remove(made->members);
        auto again = co_await create(id, epoch, std::move(loads));
        co_return again;
    }
    co_return made;
}

task<result<void>> segment_io::write_copy(segment_member member, std::uint64_t offset,
                                          bytes_view bytes, bool flush) {
    extent_device* device = devices_.find(member.device);
    if (device == nullptr) {
        co_return error(errc::device_fenced, "device " + member.device.text() + " is not active");
    }
    auto written = co_await device->write(member.extent, offset, bytes);
    if (!written) {
        fence_after(member.device, written.error(), "write");
        co_return written;
    }
    if (!flush) co_return ok();
    // Issued only now that the write has completed.
    auto flushed = co_await flush_copy(member.device);
    co_return flushed;
}

task<result<void>> segment_io::flush_copy(uuid id) {
    extent_device* device = devices_.find(id);
    if (device == nullptr) {
        co_return error(errc::device_fenced, "device " + id.text() + " is not active");
    }
    auto flushed = co_await device->flush();
    if (!flushed) fence_after(id, flushed.error(), "flush");
    co_return flushed;
}

task<bool> segment_io::write_all(std::vector<segment_member> members, std::uint64_t offset,
                                 bytes_view bytes, bool flush) {
    std::vector<task<result<void>>> running;
    running.reserve(members.size());
    for (const segment_member& member : members) {
        running.push_back(write_copy(member, offset, bytes, flush));
    }
    co_return co_await all_ok(std::move(running));
}

task<bool> segment_io::flush_all(std::vector<segment_member> members) {
    std::vector<task<result<void>>> running;
    running.reserve(members.size());
    for (const segment_member& member : members)
        running.push_back(flush_copy(member.device));
    co_return co_await all_ok(std::move(running));
}

task<void> segment_io::remove(std::vector<segment_member> members) {
    for (const segment_member& member : members) {
        extent_device* device = devices_.find(member.device);
        if (device == nullptr) continue;
        auto removed = co_await device->remove(member.extent);
        if (!removed && !removed.is(errc::device_fenced) && !removed.is(errc::not_found)) {
            log_event(log_level::warn, "journal_extent_left")
                .with("device", member.device.text())
                .with("extent", member.extent.text())
                .with("reason", removed.error().message);
        }
    }
}

task<void> segment_io::sweep_orphans(std::vector<segment_member> named) {
    const std::vector<extent_device*> all = devices_.active(tier_);
    for (extent_device* device : all) {
        const uuid id = device->id();
        const std::vector<extent_info> present = device->list();
        std::vector<segment_member> orphans;
        for (const extent_info& extent : present) {
            const segment_member member{id, extent.name};
            if (extent.purpose != extent_purpose::journal) continue;
            if (std::find(named.begin(), named.end(), member) != named.end()) continue;
            orphans.push_back(member);
        }
        co_await remove(std::move(orphans));
    }
}

}  // namespace taicang
