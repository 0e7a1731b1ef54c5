#include "storage/hub/boot.h"

#include <algorithm>
#include <set>

#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/index/keys.h"

namespace taicang {

namespace {

index_options index_options_of(const hub_options& options, const device_set& devices) {
    index_options wanted;
    wanted.directory = options.index_directory;
    wanted.in_memory = options.memory_index != nullptr;
    wanted.media = options.memory_index;
    wanted.block_cache_bytes = options.index_cache_bytes;
    wanted.memtable_bytes = options.index_memtable_bytes;
    wanted.tidy_rows_min = options.index_tidy_rows_min;
    wanted.identity = devices.hub().text();
    return wanted;
}

/// The index as it is on disk, or restored from a checkpoint, or empty for a hub that has no
/// journal yet.
task<result<void>> open_index(environment& env, const hub_options& options, booted& parts,
                              bool fresh) {
    const index_options wanted = index_options_of(options, *parts.devices);
    if (!fresh) {
        auto opened = co_await index::open(env, wanted);
        if (opened) {
            parts.rows = std::move(*opened);
            co_return ok();
        }
        if (!opened.is(errc::index_lost)) co_return std::move(opened).error();
        log_event(log_level::warn, "index_lost").with("reason", opened.error().message);
        if (!parts.checkpoints->kept().empty()) {
            auto restored = co_await parts.checkpoints->restore(wanted);
            if (!restored)
                co_return restored.error().with_context("restoring the index from a checkpoint");
            TC_MARK("boot.index_restored");
            parts.index_restored = true;
            log_event(log_level::info, "index_restored").with("lsn", restored->applied.value);
            auto again = co_await index::open(env, wanted);
            if (!again) co_return std::move(again).error();
            parts.rows = std::move(*again);
            co_return ok();
        }
        // No checkpoint was ever taken: the journal still holds everything from LSN 1 (replay
        // checks that).
        TC_MARK("boot.index_rebuilt_from_journal");
        parts.index_restored = true;
    }
    auto created = co_await index::create(env, wanted);
    if (!created) co_return std::move(created).error();
    parts.rows = std::move(*created);
    co_return ok();
}

task<result<void>> replay(environment& env, booted& parts) {
    (void)env;
    lsn next{parts.rows->applied().value + 1};
    const lsn last = parts.log->last_durable();
    if (parts.rows->applied() > last) {
        co_return error(errc::journal_damaged,
                        "the index is at LSN " + std::to_string(parts.rows->applied().value) +
                            " and the journal ends at " + std::to_string(last.value) +
                            ": devices of an older copy of this hub were put in; put the newest "
                            "ones back, or remove "
                            "the index directory and start with --accept-loss");
    }
    if (next <= last && next < parts.log->first_retained()) {
        co_return error(
            errc::journal_damaged,
            "the index needs the journal from LSN " + std::to_string(next.value) +
                " and it begins at " + std::to_string(parts.log->first_retained().value) +
                ": both the index directory and the checkpoints that cover the gap are lost; see "
                "`taicang inspect journal`");
    }
    while (next <= last) {
        auto records = co_await parts.log->read_from(next, limits::replay_read_bytes, false);
        if (!records) co_return records.error().with_context("replaying the journal");
        TC_ASSERT_WHY(!records->empty(), "the journal ends before its last durable record");
        std::vector<row_op> rows;
        for (const journal_record& record : *records) {
            TC_ASSERT(record.header.position == next);
            auto effects = decode_effects(as_bytes(record.body));
            if (!effects) {
                co_return effects.error().with_context("replaying LSN " +
                                                       std::to_string(next.value));
            }
            for (row_op& row : rows_of(*effects, next))
                rows.push_back(std::move(row));
            next = lsn{next.value + 1};
            ++parts.records_replayed;
        }
        TC_CO_TRY(co_await parts.rows->apply(std::move(rows), lsn{next.value - 1}));
    }
    co_return ok();
}

task<result<void>> load_groups(booted& parts) {
    std::vector<group_row> groups;
    auto read = co_await parts.rows->with_cursor([&groups](index_cursor& cursor) -> result<void> {
        const std::string prefix(1, static_cast<char>(index_key::family::group));
        for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix);
             cursor.next()) {
            TC_TRY_ASSIGN(row, decode_group_row(as_bytes(cursor.value())));
            groups.push_back(std::move(row));
        }
        return cursor.status();
    });
    if (!read) co_return std::move(read).error();
    for (group_row& group : groups)
        parts.stripes->adopt(std::move(group));
    co_return ok();
}

/// Removes extents that neither the root nor a group row names: left by a crash between creating an
/// extent and the record that names it, or between the record that frees it and its removal.
task<result<void>> remove_orphans(booted& parts) {
    std::set<std::pair<uuid, extent_name>> named;
    for (const auto& [device, name] : parts.log->extents())
        named.insert({device, name});
    for (const group_row& group : parts.stripes->groups()) {
        for (const chunk_place& chunk : group.chunks)
            named.insert({chunk.device, chunk.extent});
    }
    for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
        if (!parts.devices->has_tier(tier)) continue;
        for (extent_device* device : parts.devices->active(tier)) {
            for (const extent_info& extent : device->list()) {
                // The journal sweeps its own at open, and may be preparing segments right now.
                if (extent.purpose == extent_purpose::journal) continue;
                if (named.contains({device->id(), extent.name})) continue;
                auto removed = co_await device->remove(extent.name);
                // A device that fails here is fenced by its own room; the extent waits for the next
                // start.
                if (!removed && !removed.is(errc::device_fenced))
                    co_return std::move(removed).error();
                TC_MARK("boot.orphan_removed");
                ++parts.orphans_removed;
            }
        }
    }
    co_return ok();
}

std::uint64_t journal_cap(const hub_options& options, const device_set& devices) {
    if (options.journal_bytes_max != 0) return options.journal_bytes_max;
    std::uint64_t capacity = 0;
    std::uint64_t extent_bytes = 0;
    for (const device_info& device : devices.devices()) {
        if (device.tier != tier_id::nvme) continue;
        capacity += device.bytes_capacity;
        extent_bytes = std::max(extent_bytes, device.extent_bytes);
    }
    const std::uint64_t wanted =
        std::clamp(capacity / limits::journal_share_of_tier, limits::journal_bytes_least,
                   limits::journal_bytes_most);
    // A segment is an extent; some are prepared ahead, so the root's bound is not for the cap
    // alone.
    return std::clamp(wanted, 4 * extent_bytes, limits::journal_segments_max / 2 * extent_bytes);
}

task<result<void>> boot_parts(environment& env, const hub_options& options, booted& parts) {
    TC_CO_TRY_ASSIGN(exists, co_await device_set::exists(env, options.layout.directory));
    if (!exists) {
        if (!options.create) {
            co_return error(errc::not_found,
                            "no hub in " + options.layout.directory +
                                ": give the directory of an existing one, or let `taicang serve` "
                                "make a new one");
        }
        TC_CO_TRY(co_await device_set::format(env, options.layout));
    }
    open_options opening;
    opening.directory = options.layout.directory;
    opening.accept_loss = options.accept_loss;
    TC_CO_TRY_ASSIGN(devices, co_await device_set::open(env, opening));
    parts.devices = std::move(devices);
    parts.stripes = stripe_store::make(env, *parts.devices);
    auto next_group = std::make_shared<std::uint64_t>(0);
    const std::uint64_t term = parts.devices->term().value;
    parts.stripes->set_group_ids(
        [next_group, term] { return group_id{term << id_counter_bits | ++*next_group}; });
    TC_CO_TRY_ASSIGN(checkpoints,
                     co_await checkpoint_store::open(env, *parts.devices, *parts.stripes));
    parts.checkpoints = std::move(checkpoints);
    const bool fresh = parts.devices->root_bytes(tier_id::nvme, root_section::journal).empty();
    TC_CO_TRY(co_await open_index(env, options, parts, fresh));
    journal_options journaling;
    unsigned parity = 0;
    for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
        if (parts.devices->has_tier(tier)) parity = std::max(parity, parts.devices->parity(tier));
    }
    journaling.ensemble_parity = parity;
    journaling.bytes_max = journal_cap(options, *parts.devices);
    journaling.accept_loss = options.accept_loss;
    TC_CO_TRY_ASSIGN(log, co_await journal::open(env, *parts.devices, journaling));
    parts.log = std::move(log);
    TC_CO_TRY(co_await replay(env, parts));
    TC_CO_TRY(co_await load_groups(parts));
    TC_CO_TRY(co_await remove_orphans(parts));
    co_return ok();
}

}  // namespace

task<result<booted>> boot(environment& env, const hub_options& options) {
    booted parts;
    auto booted_up = co_await boot_parts(env, options, parts);
    if (!booted_up) {
        co_await stop_parts(parts);
        co_return std::move(booted_up).error();
    }
    log_event(log_level::info, "booted")
        .with("hub", parts.devices->hub().text())
        .with("term", parts.devices->term().value)
        .with("lsn", parts.rows->applied().value)
        .with("replayed", parts.records_replayed)
        .with("orphans_removed", parts.orphans_removed);
    co_return std::move(parts);
}

task<void> stop_parts(booted& parts) {
    if (parts.log) co_await parts.log->stop();
    if (parts.rows) co_await parts.rows->stop();
    if (parts.stripes) co_await parts.stripes->stop();
    if (parts.devices) co_await parts.devices->stop();
}

}  // namespace taicang
