#include "storage/upkeep/relocator.h"

#include <algorithm>
#include <cstring>

#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/base/mark.h"
#include "storage/index/keys.h"
#include "storage/upkeep/packed_run.h"

namespace taicang {

/// What goes into one run: which items, where.
struct relocator::packing {
    std::vector<std::size_t> chosen;  ///< indexes of items, in the order of the layout's entries
    std::vector<std::uint32_t> lengths;
    packed_run::layout plan;
    stripe_store::written run;
};

namespace {

/// True when the row still has its bytes where the item was found.
bool still_there(const blob_row& row, const packed_item& item) {
    if (item.found_in.value == 0) return row.journal && row.journal->position == item.found_at;
    return !row.journal && row.pieces.size() == 1 && row.pieces.front().group == item.found_in;
}

piece piece_of(const piece& run, const packed_run::entry& place, bytes_view bytes) {
    piece one = run;
    one.skip = run.skip + place.skip;
    one.length = place.length;
    one.crc = crc32c(bytes);
    return one;
}

std::string run_bytes(const std::vector<packed_item>& items, const std::vector<std::size_t>& chosen,
                      packed_run::layout& plan) {
    std::string data(plan.data_length, '\0');
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        packed_run::entry& place = plan.entries[i];
        place.blob = items[chosen[i]].blob;
        std::memcpy(data.data() + place.skip, items[chosen[i]].bytes.data(), place.length);
    }
    const std::string directory = packed_run::encode_directory(plan.entries);
    std::memcpy(data.data(), directory.data(), directory.size());
    return data;
}

}  // namespace

task<result<std::vector<std::optional<blob_row>>>> relocator::alive(
    const std::vector<packed_item>& items, std::vector<std::size_t> which) {
    std::vector<std::string> keys;
    keys.reserve(which.size());
    for (const std::size_t index : which)
        keys.push_back(index_key::blob(items[index].blob));
    auto seen = co_await decisions_.rows(std::move(keys));
    if (!seen) co_return std::move(seen).error();
    std::vector<std::optional<blob_row>> rows(which.size());
    for (std::size_t i = 0; i < which.size(); ++i) {
        const std::optional<std::string>& value = (*seen)[i];
        if (!value) continue;
        TC_CO_TRY_ASSIGN(row, decode_blob_row(as_bytes(*value)));
        if (still_there(row, items[which[i]])) rows[i] = std::move(row);
    }
    co_return rows;
}

/// Picks living items from the first on until a run is full; returns how many were looked at. What
/// dies afterwards is found when the run is committed.
task<result<std::size_t>> relocator::choose(const std::vector<packed_item>& items,
                                            std::uint32_t bytes_max, packing& into) {
    std::uint64_t gathered = 0;
    std::size_t looked_at = 0;
    while (looked_at < items.size()) {
        std::vector<std::size_t> some;
        const std::size_t end = std::min(items.size(), looked_at + limits::packing_lookup_rows);
        for (std::size_t i = looked_at; i < end; ++i)
            some.push_back(i);
        auto rows = co_await alive(items, std::move(some));
        if (!rows) co_return std::move(rows).error();
        for (const std::optional<blob_row>& row : *rows) {
            const std::size_t bytes = items[looked_at].bytes.size();
            if (gathered + bytes > bytes_max || into.lengths.size() >= limits::packed_blobs_max)
                co_return looked_at;
            if (row) {
                into.chosen.push_back(looked_at);
                into.lengths.push_back(static_cast<std::uint32_t>(bytes));
                gathered += bytes;
            }
            ++looked_at;
        }
    }
    co_return looked_at;
}

task<result<std::size_t>> relocator::pack(tier_id tier, std::vector<packed_item>& items) {
    packing chosen;
    const std::uint32_t bytes_max = stripes_.run_bytes_max(tier);
    if (bytes_max == 0)
        co_return error(errc::stripe_narrow, "packing: too few devices to write to");
    TC_CO_TRY_ASSIGN(looked_at, co_await choose(items, bytes_max, chosen));
    const std::vector<std::uint32_t>& lengths = chosen.lengths;
    if (lengths.empty()) co_return looked_at;
    const auto space = stripes_.space(tier);
    const std::uint32_t unit =
        packed_run::choose_unit(lengths, std::max(1U, space.k_now), limits::stripe_unit_bytes_nvme);
    chosen.plan = packed_run::plan(lengths, unit, bytes_max);
    TC_ASSERT_WHY(!chosen.plan.entries.empty(), "a run takes at least one small object");
    if (chosen.plan.entries.size() < chosen.chosen.size()) {
        looked_at = chosen.chosen[chosen.plan.entries.size()];
        chosen.chosen.resize(chosen.plan.entries.size());
    }
    const std::string data = run_bytes(items, chosen.chosen, chosen.plan);
    run_request request;
    request.tier = tier;
    request.data = as_bytes(data);
    request.packed = true;
    request.packed_unit = unit;
    auto written = co_await stripes_.write_run(request);
    if (!written) co_return std::move(written).error();
    std::vector<stripe_store::written> runs;
    runs.push_back(std::move(*written));
    auto durable = co_await stripes_.make_durable(runs);
    if (!durable) co_return std::move(durable).error();
    chosen.run = std::move(runs.front());
    auto committed = co_await commit_packed(items, chosen);
    if (!committed) co_return std::move(committed).error();
    ++figures_.runs;
    co_return looked_at;
}

task<result<void>> relocator::commit_packed(std::vector<packed_item>& items, const packing& plan) {
    std::vector<std::string> names;
    names.reserve(plan.chosen.size());
    for (const std::size_t index : plan.chosen)
        names.push_back(key_locks::blob_name(items[index].blob));
    const name_lock held = co_await decisions_.lock(std::move(names));
    decision change;
    change.kind = record_kind::job;
    std::int64_t live = 0;
    std::int64_t left_behind = 0;
    group_id old_group{0};
    std::uint64_t moved = 0;
    std::vector<std::size_t> all = plan.chosen;
    auto rows = co_await alive(items, std::move(all));
    if (!rows) co_return std::move(rows).error();
    for (std::size_t i = 0; i < plan.chosen.size(); ++i) {
        const packed_item& item = items[plan.chosen[i]];
        std::optional<blob_row>& row = (*rows)[i];
        if (!row) {
            TC_MARK("packing.blob_died_meanwhile");
            continue;
        }
        blob_row changed = std::move(*row);
        changed.journal.reset();
        changed.pieces = {piece_of(plan.run.where, plan.plan.entries[i], as_bytes(item.bytes))};
        live += plan.plan.entries[i].length;
        if (item.found_in.value != 0) {
            old_group = item.found_in;
            left_behind += plan.plan.entries[i].length;
        }
        change.effects.push_back(effect::blob_put{item.blob, std::move(changed)});
        ++moved;
    }
    if (moved == 0) co_return ok();
    change.effects.push_back(effect::group_live{plan.run.where.group, live});
    if (left_behind != 0) change.effects.push_back(effect::group_live{old_group, -left_behind});
    auto committed = co_await decisions_.commit(std::move(change));
    if (!committed) co_return std::move(committed).error();
    figures_.blobs += moved;
    figures_.bytes += static_cast<std::uint64_t>(live);
    co_return ok();
}

task<result<void>> relocator::move_pieces(blob_id blob, group_id from) {
    // The blob's lock is held over the copying: large blobs are immutable, and only references can
    // change meanwhile.
    std::vector<std::string> names{key_locks::blob_name(blob)};
    const name_lock held = co_await decisions_.lock(std::move(names));
    auto seen = co_await decisions_.row(index_key::blob(blob));
    if (!seen) co_return std::move(seen).error();
    if (!seen->value) co_return ok();
    TC_CO_TRY_ASSIGN(row, decode_blob_row(as_bytes(*seen->value)));
    std::vector<stripe_store::written> moved;
    std::vector<std::size_t> which;
    std::uint64_t offset = 0;
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < row.pieces.size(); offset += row.pieces[i].length, ++i) {
        const piece old_place = row.pieces[i];
        if (old_place.group != from) continue;
        buffer data = env_.buffers.allocate(old_place.length);
        TC_CO_TRY(co_await stripes_.read(old_place, 0, data.span()));
        run_request request;
        request.tier = row.tier;
        request.owner = run_owner{blob, offset};
        request.data = data.view();
        auto written = co_await stripes_.write_run(request);
        if (!written) co_return std::move(written).error();
        moved.push_back(std::move(*written));
        which.push_back(i);
        bytes += old_place.length;
    }
    if (moved.empty()) co_return ok();
    TC_CO_TRY(co_await stripes_.make_durable(moved));
    decision change;
    change.kind = record_kind::job;
    for (std::size_t i = 0; i < moved.size(); ++i) {
        row.pieces[which[i]] = moved[i].where;
        change.effects.push_back(effect::group_live{moved[i].where.group, moved[i].where.length});
    }
    change.effects.push_back(effect::group_live{from, -bytes});
    change.effects.push_back(effect::blob_put{blob, std::move(row)});
    auto committed = co_await decisions_.commit(std::move(change));
    if (!committed) co_return std::move(committed).error();
    figures_.bytes += static_cast<std::uint64_t>(bytes);
    ++figures_.blobs;
    co_return ok();
}

}  // namespace taicang
