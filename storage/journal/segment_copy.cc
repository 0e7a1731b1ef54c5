#include "storage/journal/segment_copy.h"

#include <algorithm>
#include <cstring>

#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/journal/segment_walker.h"

namespace taicang {

namespace {

/// Collects verified batches and writes them to the new copies in windows.
class copy_target {
  public:
    copy_target(segment_io& io, std::vector<segment_member> targets, nanoseconds pause)
        : io_(io), targets_(std::move(targets)), pause_(pause) {}

    task<bool> add(bytes_view batch) {
        if (used_ + batch.size() > held_.size()) {
            const bool written = co_await write_out();
            if (!written) co_return false;
        }
        if (held_.size() < batch.size()) {
            const std::size_t size =
                std::max<std::size_t>(batch.size(), limits::journal_recovery_window_bytes);
            held_ = io_.env().buffers.allocate(size);
        }
        std::memcpy(held_.data() + used_, batch.data(), batch.size());
        used_ += batch.size();
        co_return true;
    }

    task<bool> write_out() {
        if (used_ == 0) co_return true;
        const bytes_view bytes = held_.view().first(used_);
        const bool written = co_await io_.write_all(targets_, offset_, bytes, false);
        offset_ += used_;
        used_ = 0;
        if (pause_ != 0) co_await sleep_for(pause_);
        co_return written;
    }

  private:
    segment_io& io_;
    std::vector<segment_member> targets_;
    nanoseconds pause_;
    buffer held_;
    std::size_t used_ = 0;
    std::uint64_t offset_ = 0;
};

/// Copies [0, length) of the segment to `targets` and flushes them.
task<result<bool>> copy_batches(segment_io& io, segment_ptr from,
                                std::vector<segment_member> targets, nanoseconds pause) {
    walk_position start;
    start.next = from->first;
    start.chain = from->chain_start;
    walk_options options;
    options.window_bytes = limits::journal_recovery_window_bytes;
    segment_walker walker(io.env(), io.devices(), source_of(*from), start, options);
    copy_target target(io, targets, pause);
    while (walker.position().offset < from->length) {
        auto step = co_await walker.next(from->length);
        if (!step) co_return std::move(step).error();
        if (*step == nullptr) {
            co_return segment_unreadable(io.devices(), *from, walker.position().offset,
                                         walker.position().next, walker.end_reason());
        }
        const bool added = co_await target.add((*step)->bytes);
        if (!added) co_return false;
    }
    TC_ASSERT_WHY(walker.position().chain == from->chain_end &&
                      walker.position().next.value == from->last.value + 1,
                  "a verified segment ends where the map says");
    const bool written = co_await target.write_out();
    if (!written) co_return false;
    co_return co_await io.flush_all(targets);
}

std::vector<uuid> devices_of(const std::vector<segment_member>& a,
                             const std::vector<segment_member>& b) {
    std::vector<uuid> list;
    for (const segment_member& member : a)
        list.push_back(member.device);
    for (const segment_member& member : b)
        list.push_back(member.device);
    return list;
}

}  // namespace

error segment_unreadable(device_set& devices, const segment& from, std::uint64_t offset, lsn wanted,
                         std::string_view found) {
    std::string missing;
    for (const segment_member& member : from.members) {
        if (devices.find(member.device) != nullptr) continue;
        missing += (missing.empty() ? "" : ", ") + member.device.text();
    }
    std::string text = "journal segment " + std::to_string(from.id.value) + ", offset " +
                       std::to_string(offset) + ": record " + std::to_string(wanted.value) +
                       " was acknowledged and no copy of it verifies";
    if (!found.empty()) text += " (" + std::string(found) + ")";
    if (!missing.empty()) text += "; bring back the missing devices " + missing;
    text += missing.empty() ? "; start" : ", or start";
    text += " with --accept-loss to go on without this record and all after it";
    return error(errc::journal_damaged, std::move(text));
}

task<result<restored_copies>> restore_copies(segment_io& io, segment_ptr from,
                                             std::vector<device_load> loads, nanoseconds pause) {
    // Ends: a round that fails has cost a device, and devices do not come back while we run.
    for (;;) {
        restored_copies out;
        for (const segment_member& member : from->members) {
            const bool active = io.devices().find(member.device) != nullptr;
            (active ? out.members : out.replaced).push_back(member);
        }
        if (out.replaced.empty()) co_return out;
        std::vector<segment_member> fresh;
        while (out.members.size() + fresh.size() < io.ensemble_size()) {
            // A lost member's device is excluded by not being active.
            std::vector<uuid> taken = devices_of(out.members, fresh);
            auto member = co_await io.create_member(std::move(taken), loads, from->capacity);
            if (!member) {
                co_await io.remove(std::move(fresh));
                co_return std::move(member).error();
            }
            fresh.push_back(*member);
        }
        auto copied = co_await copy_batches(io, from, fresh, pause);
        if (!copied) {
            co_await io.remove(std::move(fresh));
            co_return std::move(copied).error();
        }
        if (*copied) {
            out.members.insert(out.members.end(), fresh.begin(), fresh.end());
            co_return out;
        }
        co_await io.remove(std::move(fresh));
    }
}

}  // namespace taicang
