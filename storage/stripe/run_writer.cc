#include "storage/stripe/run_writer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "storage/base/canary.h"
#include "storage/base/digest.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"

namespace taicang {

namespace {

result<void> check_request(const run_request& request) {
    constexpr std::uint64_t most = limits::run_data_blocks_max * limits::block_bytes;
    if (request.data.empty() || request.data.size() > most) {
        return error(errc::invalid_argument, "write_run: " + std::to_string(request.data.size()) +
                                                 " bytes; 1 to run_bytes_max() fit a run");
    }
    if (!request.packed) return ok();
    const std::uint32_t unit = request.packed_unit;
    if (unit == 0 || unit % limits::block_bytes != 0 ||
        round_up(request.data.size(), unit) > most) {
        return error(errc::invalid_argument, "write_run: a packed unit of " + std::to_string(unit) +
                                                 " bytes; it is a multiple of 4096 and whole ones "
                                                 "of it fit a run");
    }
    return ok();
}

task<result<void>> write_chunk(extent_device* device, extent_name extent, std::uint64_t offset,
                               std::shared_ptr<encoded_run> run, std::size_t chunk) {
    auto done = co_await device->write(extent, offset, run->chunks[chunk].view());
    co_return done;
}

/// Canary flush_before_last_write: the last write goes on after write_run() has answered.
task<void> write_behind(task<result<void>> write) {
    const auto done = co_await std::move(write);
    if (!done) log_event(log_level::warn, "planted_late_write_failed");
}

}  // namespace

task<encoded_run> run_writer::encode(const write_slot& slot, const run_request& request) {
    const run_plan plan = make_run_plan(slot.group->row, slot.run_block, slot.layout, request);
    const erasure::reed_solomon& code = *slot.group->code;
    auto encoding = [this, &plan, &code, data = request.data] {
        return encode_run(plan, code, data, env_.buffers);
    };
    if (request.data.size() <= limits::encode_on_shard_bytes_max) co_return encoding();
    auto encoded = co_await offload(env_.compute, std::move(encoding));
    co_return encoded;
}

task<result<void>> run_writer::write_chunks(const write_slot& slot,
                                            std::shared_ptr<encoded_run> run) {
    const std::uint64_t offset = std::uint64_t{slot.run_block} * limits::block_bytes;
    const auto& places = slot.group->row.chunks;
    std::vector<task<result<void>>> writes;
    for (std::size_t chunk = 0; chunk < places.size(); ++chunk) {
        extent_device* device = devices_.find(places[chunk].device);
        if (device == nullptr) {
            co_return error(errc::device_fenced, "a device of the group was fenced");
        }
        writes.push_back(write_chunk(device, places[chunk].extent, offset, run, chunk));
    }
    if (canary::active(canary::bug::flush_before_last_write)) {
        auto last = std::move(writes.back());
        writes.pop_back();
        if (!spawn(groups_.work(), write_behind(std::move(last)))) {
            co_return error(errc::stopped, "the stripe store has stopped");
        }
    }
    const auto results = co_await when_all(std::move(writes));
    for (const auto& one : results) {
        if (!one) co_return one;
    }
    co_return ok();
}

task<result<run_writer::written>> run_writer::write(run_request request) {
    TC_CO_TRY(check_request(request));
    const group_table::slot_request wanted{
        .tier = request.tier,
        .purpose = request.purpose,
        .length = static_cast<std::uint32_t>(request.data.size()),
        .packed_unit = request.packed ? request.packed_unit : 0};
    auto& of_tier = counters_.of(request.tier);
    const nanoseconds began = env_.home.monotonic_now();
    std::optional<error> failure;
    for (std::size_t attempt = 0; attempt < limits::run_attempts_max; ++attempt) {
        TC_CO_TRY_ASSIGN(slot, co_await groups_.take_slot(wanted));
        auto encoded = co_await encode(slot, request);
        auto run = std::make_shared<encoded_run>(std::move(encoded));
        auto done = co_await write_chunks(slot, run);
        groups_.finish_slot(slot, !done.ok());
        if (done) {
            of_tier.written_bytes.add(request.data.size());
            of_tier.run_write.observe_ns(env_.home.monotonic_now() - began);
            const piece where{.group = slot.group->row.id,
                              .run_block = slot.run_block,
                              .unit_blocks = static_cast<std::uint16_t>(slot.layout.unit_blocks()),
                              .skip = 0,
                              .length = slot.layout.length,
                              .crc = run->data_crc};
            co_return written{.where = where, .pin = slot.pin};
        }
        failure = done.error();
        // Trying again helps only where a device is gone; anything else would fail the same way.
        if (failure->code != errc::device_fenced && failure->code != errc::device_missing) break;
        TC_MARK("stripe.run_rewritten");
        of_tier.rewritten_runs.add();
    }
    co_return failure->with_context("writing a run of " + std::to_string(request.data.size()) +
                                    " bytes to tier " + std::string(tier_name(request.tier)));
}

bool run_writer::is_whole(const written& one) const {
    const auto group = groups_.resolve(one.where.group);
    TC_ASSERT_WHY(group, "a pinned group cannot be gone");
    return groups_.is_whole(*group);
}

task<result<void>> run_writer::make_durable(std::vector<written>& pieces) {
    for (std::size_t round = 0; round < limits::durable_rounds_max; ++round) {
        // A device that failed after the writes must not be counted on: its part moves to a fresh
        // group first.
        TC_CO_TRY(co_await rewrite_damaged(pieces));
        TC_CO_TRY_ASSIGN(flushed, co_await flush_devices(pieces));
        const bool whole = std::all_of(pieces.begin(), pieces.end(),
                                       [this](const written& one) { return is_whole(one); });
        if (flushed && whole) co_return ok();
    }
    co_return error(errc::device_fenced, "making runs durable: devices failed in every one of " +
                                             std::to_string(limits::durable_rounds_max) +
                                             " attempts; see `taicang device ls`");
}

task<result<bool>> run_writer::flush_devices(const std::vector<written>& pieces) {
    std::vector<uuid> devices;
    for (const written& one : pieces) {
        const auto group = groups_.resolve(one.where.group);
        for (const chunk_place& place : group->row.chunks)
            devices.push_back(place.device);
    }
    std::sort(devices.begin(), devices.end());
    devices.erase(std::unique(devices.begin(), devices.end()), devices.end());
    std::vector<task<result<void>>> flushes;
    for (const uuid& id : devices) {
        extent_device* device = devices_.find(id);
        if (device == nullptr) co_return false;
        flushes.push_back(device->flush());
    }
    const auto results = co_await when_all(std::move(flushes));
    bool all = true;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i]) continue;
        all = false;
        // A failed flush fences its device. If it did not, no other round could do better.
        if (devices_.find(devices[i]) != nullptr) co_return results[i].error();
    }
    co_return all;
}

task<result<void>> run_writer::rewrite_damaged(std::vector<written>& pieces) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (is_whole(pieces[i])) continue;
        // The run's other pieces leave the damaged group with it and are found whole when their
        // turn comes.
        written damaged = pieces[i];
        TC_CO_TRY(co_await rewrite_run(pieces, std::move(damaged)));
    }
    co_return ok();
}

task<result<void>> run_writer::rewrite_run(std::vector<written>& pieces, written damaged) {
    const piece old = damaged.where;
    const auto group = groups_.resolve(old.group);
    TC_CO_TRY_ASSIGN(run, co_await reader_.read_run(group, old.run_block));
    const run_request request{.tier = group->row.tier,
                              .purpose = group->row.purpose,
                              .owner = {run.header.owner_blob, run.header.owner_offset},
                              .data = run.data.view(),
                              .packed = run.header.packed,
                              .packed_unit = run.header.packed_unit};
    for (const written& one : pieces) {
        const piece& at = one.where;
        if (at.group != old.group || at.run_block != old.run_block) continue;
        const bool inside = std::uint64_t{at.skip} + at.length <= request.data.size();
        if (inside && crc32c(request.data.subspan(at.skip, at.length)) == at.crc) continue;
        co_return error(errc::stripe_unreadable,
                        "moving a run off a failed device: what is read back does not match the "
                        "piece's checksum; the write failed, repeat it");
    }
    TC_CO_TRY_ASSIGN(moved, co_await write(request));
    for (written& one : pieces) {
        if (one.where.group != old.group || one.where.run_block != old.run_block) continue;
        TC_MARK("stripe.piece_rewritten");
        ++counters_.rewritten_pieces;
        one.where.group = moved.where.group;
        one.where.run_block = moved.where.run_block;
        one.where.unit_blocks = moved.where.unit_blocks;
        one.pin = moved.pin;
    }
    co_return ok();
}

}  // namespace taicang
