#include "storage/upkeep/reclaim.h"

#include <algorithm>
#include <map>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/index/keys.h"
#include "storage/object/blob_refs.h"
#include "storage/upkeep/packed_run.h"

namespace taicang {

reclaim_job::reclaim_job(environment& env, index& rows, sequencer& decisions, stripe_store& stripes,
                         relocator& mover)
    : env_(env), rows_(rows), decisions_(decisions), stripes_(stripes), mover_(mover) {}

task<result<job_state>> reclaim_job::step() {
    auto freed = co_await free_groups();
    if (!freed) co_return std::move(freed).error();
    if (*freed) co_return job_state::busy;
    auto purged = co_await purge_rows();
    if (!purged) co_return std::move(purged).error();
    if (*purged) co_return job_state::busy;
    auto compacted = co_await compact_one();
    if (!compacted) co_return std::move(compacted).error();
    co_return *compacted ? job_state::busy : job_state::idle;
}

bool reclaim_job::can_be_freed(const group_row& group) const {
    // A sealed group that nobody holds can gain no pieces: writers hold theirs until their record
    // is applied.
    return group.purpose == extent_purpose::stripe && !stripes_.is_open(group.id) &&
           !stripes_.is_pinned(group.id) && decisions_.live_bytes(group.id) == 0;
}

task<result<bool>> reclaim_job::free_groups() {
    std::vector<group_id> dead;
    for (const group_row& group : stripes_.groups()) {
        if (can_be_freed(group)) dead.push_back(group.id);
        if (dead.size() >= limits::reclaim_batch_rows) break;
    }
    if (dead.empty()) co_return false;
    decision change;
    change.kind = record_kind::job;
    for (const group_id group : dead)
        change.effects.push_back(effect::group_drop{group});
    auto committed = co_await decisions_.commit(std::move(change));
    if (!committed) co_return std::move(committed).error();
    for (const group_id group : dead)
        stripes_.release(group);
    figures_.groups_freed += dead.size();
    co_return true;
}

task<result<bool>> reclaim_job::purge_rows() {
    // The cursor may see rows of records that are being applied: a view of what is applied now,
    // pinned a moment later, needs those that they retired.
    const lsn pinned = std::min(decisions_.min_pinned(), decisions_.applied());
    std::vector<std::string> keys;
    auto read = co_await rows_.with_cursor([&keys, pinned](index_cursor& cursor) -> result<void> {
        const std::string prefix(1, static_cast<char>(index_key::family::retired));
        for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix);
             cursor.next()) {
            const auto retired = index_key::parse_retired(cursor.key());
            if (!retired)
                return error(errc::corrupt,
                             "index: a retired row's key cannot be read; run `taicang fsck`");
            // A view at LSN p needs what was current at p: a row retired at or below p is gone from
            // it already.
            if (retired->when > pinned) break;
            keys.emplace_back(cursor.key());
            if (keys.size() >= limits::reclaim_batch_rows) break;
        }
        return cursor.status();
    });
    if (!read) co_return std::move(read).error();
    bool any = false;
    for (std::string& key : keys) {
        auto purged = co_await purge_one(std::move(key));
        if (!purged) co_return std::move(purged).error();
        any = any || *purged;
    }
    co_return any;
}

task<result<bool>> reclaim_job::purge_one(std::string retired_key) {
    const auto retired = index_key::parse_retired(retired_key);
    TC_ASSERT(retired);
    std::vector<std::string> names{
        key_locks::key_name(retired->version.bucket, retired->version.key)};
    const name_lock held = co_await decisions_.lock(std::move(names));
    auto still = co_await decisions_.row(std::move(retired_key));
    if (!still) co_return std::move(still).error();
    if (!still->value) co_return false;
    auto removed = co_await remove_version(decisions_, *retired);
    if (!removed) co_return std::move(removed).error();
    decision change = std::move(removed->change);
    change.kind = record_kind::job;
    change.effects.push_back(effect::retired_drop{retired->when, retired->version.bucket,
                                                  retired->version.key, retired->version.position});
    auto committed = co_await decisions_.commit(std::move(change));
    if (!committed) co_return std::move(committed).error();
    ++figures_.rows_purged;
    co_return true;
}

std::optional<group_row> reclaim_job::mostly_dead() const {
    std::vector<group_row> candidates;
    for (const group_row& group : stripes_.groups()) {
        if (group.purpose != extent_purpose::stripe || stripes_.is_open(group.id)) continue;
        if (stripes_.is_pinned(group.id)) continue;
        const std::int64_t live = decisions_.live_bytes(group.id);
        const auto capacity = static_cast<std::int64_t>(stripes_.data_capacity(group.id));
        if (live > 0 && live * 2 < capacity && group.id != compacted_last_)
            candidates.push_back(group);
    }
    if (candidates.empty()) return std::nullopt;
    const auto fewer_live = [this](const group_row& a, const group_row& b) {
        return decisions_.live_bytes(a.id) < decisions_.live_bytes(b.id);
    };
    const auto best = std::min_element(candidates.begin(), candidates.end(), fewer_live);
    // Moving costs writes: worth it when several groups shrink into fewer, or when space is short.
    const bool short_of_space = stripes_.space(best->tier).below_reserve;
    if (candidates.size() < limits::compaction_groups_min && !short_of_space) return std::nullopt;
    return *best;
}

task<result<bool>> reclaim_job::compact_one() {
    auto chosen = mostly_dead();
    if (!chosen) co_return false;
    compacted_last_ = chosen->id;
    TC_MARK("reclaim.compacted_group");
    TC_CO_TRY(co_await compact(*chosen));
    ++figures_.groups_compacted;
    co_return true;
}

task<result<void>> reclaim_job::compact(group_row group) {
    auto runs = co_await stripes_.walk(group.id);
    if (!runs) co_return std::move(runs).error();
    for (const run_description& run : *runs) {
        if (run.packed) {
            TC_CO_TRY(co_await compact_packed(group, run));
        } else {
            TC_CO_TRY(co_await mover_.move_pieces(run.owner.blob, group.id));
        }
    }
    co_return ok();
}

task<result<void>> reclaim_job::compact_packed(group_row group, run_description run) {
    piece whole;
    whole.group = group.id;
    whole.run_block = run.run_block;
    whole.unit_blocks = run.unit_blocks;
    whole.length = run.data_length;
    std::string header(packed_run::header_bytes, '\0');
    TC_CO_TRY(co_await stripes_.read_unchecked_piece(
        whole, 0, bytes_span(reinterpret_cast<std::byte*>(header.data()), header.size())));
    TC_CO_TRY_ASSIGN(count, packed_run::directory_count(as_bytes(header)));
    if (packed_run::directory_bytes(count) > run.data_length) {
        co_return error(errc::corrupt, "reclaim: a packed run's directory is longer than the run");
    }
    std::string directory(packed_run::directory_bytes(count), '\0');
    TC_CO_TRY(co_await stripes_.read_unchecked_piece(
        whole, 0, bytes_span(reinterpret_cast<std::byte*>(directory.data()), directory.size())));
    TC_CO_TRY_ASSIGN(entries, packed_run::decode_directory(as_bytes(directory)));
    std::vector<packed_item> items;
    for (const packed_run::entry& entry : entries) {
        auto seen = co_await decisions_.row(index_key::blob(entry.blob));
        if (!seen) co_return std::move(seen).error();
        if (!seen->value) continue;
        TC_CO_TRY_ASSIGN(row, decode_blob_row(as_bytes(*seen->value)));
        if (row.pieces.size() != 1 || row.pieces.front().group != group.id) continue;
        packed_item item;
        item.blob = entry.blob;
        item.found_in = group.id;
        item.bytes.resize(row.pieces.front().length);
        TC_CO_TRY(co_await stripes_.read(
            row.pieces.front(), 0,
            bytes_span(reinterpret_cast<std::byte*>(item.bytes.data()), item.bytes.size())));
        items.push_back(std::move(item));
    }
    while (!items.empty()) {
        auto settled = co_await mover_.pack(group.tier, items);
        if (!settled) co_return std::move(settled).error();
        items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(*settled));
    }
    co_return ok();
}

job_progress reclaim_job::progress() const {
    job_progress shown;
    shown.items_done = figures_.groups_freed;
    shown.note = std::to_string(figures_.groups_freed) + " groups freed, " +
                 std::to_string(figures_.groups_compacted) + " compacted, " +
                 std::to_string(figures_.rows_purged) + " superseded rows purged";
    return shown;
}

}  // namespace taicang
