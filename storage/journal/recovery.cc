#include "storage/journal/recovery.h"

#include <algorithm>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"

namespace taicang {

namespace {

segment_ptr segment_from(const segment_entry& entry, lsn first, const sha256_digest& chain) {
    auto held = std::make_shared<segment>();
    held->id = entry.id;
    held->epoch = entry.epoch;
    held->capacity = entry.capacity;
    held->members = entry.members;
    held->phase = segment_phase::full;
    held->in_root = true;
    held->first = first;
    held->last = lsn(first.value - 1);
    held->chain_start = chain;
    held->chain_end = chain;
    return held;
}

walk_options comparing() {
    walk_options options;
    options.window_bytes = limits::journal_recovery_window_bytes;
    options.compare_copies = true;
    return options;
}

}  // namespace

recovery::recovery(segment_io& io, segment_map map, recovery_options options)
    : io_(io), map_(std::move(map)), options_(options) {}

void recovery::discard(const std::vector<segment_member>& members) {
    dropped_.insert(dropped_.end(), members.begin(), members.end());
}

void recovery::keep(segment_ptr held) {
    out_.next = lsn(held->last.value + 1);
    out_.chain = held->chain_end;
    out_.segments.push_back(std::move(held));
}

/// Writes a batch again to the copies that lack it or disagree. False when a device was lost by it.
task<bool> recovery::mend(segment_ptr held, const walked_batch& batch) {
    TC_MARK("journal.merged_copies");
    std::vector<segment_member> wrong;
    for (const std::size_t copy : batch.wrong)
        wrong.push_back(held->members[copy]);
    const bool written =
        co_await io_.write_all(std::move(wrong), batch.header.offset, batch.bytes, false);
    co_return written;
}

/// Follows the chain through a segment from out_.next on, merging its copies, until `end` or a gap.
task<result<recovery::walk_end>> recovery::walk(segment_ptr into, std::uint64_t end,
                                                bool build_table) {
    walk_position start;
    start.next = into->first;
    start.chain = into->chain_start;
    segment_walker walker(io_.env(), io_.devices(), source_of(*into), start, comparing());
    if (build_table) into->table = std::make_unique<segment_table>();
    walk_end how = walk_end::complete;
    while (walker.position().offset < end) {
        auto step = co_await walker.next(end);
        if (!step) co_return std::move(step).error();
        walked_batch* batch = *step;
        if (batch == nullptr) {
            how = walk_end::gap;
            break;
        }
        last_acknowledged_ = std::max(last_acknowledged_, batch->header.last_acknowledged);
        // A write that fails here fences its device; the member is then restored like any lost one.
        if (!batch->wrong.empty() && !options_.read_only) co_await mend(into, *batch);
        if (into->table != nullptr) {
            const batch_place place{batch->header.first,
                                    static_cast<std::uint32_t>(batch->header.offset),
                                    static_cast<std::uint32_t>(batch->bytes.size())};
            into->table->add(place, payload_places(batch->bytes, batch->records));
        }
    }
    into->length = walker.position().offset;
    into->batches = walker.position().sequence;
    into->last = lsn(walker.position().next.value - 1);
    into->chain_end = walker.position().chain;
    end_reason_ = walker.end_reason();
    if (how == walk_end::gap && walker.end_is_torn()) TC_MARK("journal.torn_tail");
    co_return how;
}

void recovery::truncate_at(const segment_entry& entry, const error& why) {
    TC_MARK("journal.gap_damage");
    log_event(log_level::error, "journal_truncated")
        .with("segment", entry.id.value)
        .with("first_lost_lsn", out_.next.value)
        .with("acknowledged_lsn", last_acknowledged_.value)
        .with("reason", why.message);
    ended_ = true;
}

task<result<void>> recovery::take_sealed(segment_entry entry) {
    TC_ASSERT(entry.first == out_.next);
    segment_ptr held = segment_from(entry, entry.first, out_.chain);
    const bool reachable = std::any_of(entry.members.begin(), entry.members.end(),
                                       [this](const segment_member& member) {
                                           return io_.devices().find(member.device) != nullptr;
                                       });
    // Sealed segments were whole on m+1 when the root said so, and every read verifies them: they
    // are read now only when damage anywhere must be known before the journal opens.
    if (reachable && !options_.verify_all && !options_.accept_loss) {
        held->length = entry.length;
        held->last = entry.last;
        held->chain_end = entry.chain_end;
        last_acknowledged_ = std::max(last_acknowledged_, entry.last);
        keep(std::move(held));
        co_return ok();
    }
    auto walked = co_await walk(held, entry.length, false);
    if (!walked) co_return std::move(walked).error();
    last_acknowledged_ = std::max(last_acknowledged_, entry.last);
    if (*walked == walk_end::complete && held->last == entry.last &&
        held->chain_end == entry.chain_end) {
        keep(std::move(held));
        co_return ok();
    }
    const error damage = segment_unreadable(io_.devices(), *held, held->length,
                                            lsn(held->last.value + 1), end_reason_);
    TC_MARK("journal.gap_damage");
    if (!options_.accept_loss) co_return damage;
    const bool holds_records = !held->empty();
    if (holds_records) {
        keep(held);
    } else {
        discard(entry.members);
    }
    truncate_at(entry, damage);
    co_return ok();
}

/// Whether live segment `index` goes on exactly where the chain stands.
task<result<bool>> recovery::continues_in(std::size_t index) {
    if (index >= map_.segments.size()) co_return false;
    const segment_entry& entry = map_.segments[index];
    walk_position start;
    start.next = out_.next;
    start.chain = out_.chain;
    walk_options options;
    options.window_bytes = journal_format::batch_alignment;
    const segment_ptr probe = segment_from(entry, out_.next, out_.chain);
    segment_walker walker(io_.env(), io_.devices(), source_of(*probe), start, options);
    auto step = co_await walker.next(entry.capacity);
    if (!step) co_return std::move(step).error();
    co_return *step != nullptr;
}

/// The chain stops in live segment `index`. Whether that is the end or damage, whole headers behind
/// it tell.
task<result<void>> recovery::decide_end(std::size_t index) {
    lsn last_seen;
    bool unreachable = false;
    std::uint64_t from =
        out_.segments.empty() || out_.segments.back()->id != map_.segments[index].id
            ? 0
            : out_.segments.back()->length;
    const std::uint64_t stopped_at = from;
    for (std::size_t i = index; i < map_.segments.size(); ++i) {
        const segment_ptr probe = segment_from(map_.segments[i], out_.next, out_.chain);
        segment_walker walker(io_.env(), io_.devices(), source_of(*probe), walk_position{},
                              comparing());
        unreachable = unreachable || walker.reachable().empty();
        const auto seen = co_await walker.look_behind(from);
        last_acknowledged_ = std::max(last_acknowledged_, seen.last_acknowledged);
        last_seen = std::max(last_seen, seen.last_seen);
        from = 0;
    }
    ended_ = true;
    const bool damaged = last_acknowledged_ >= out_.next || unreachable;
    if (!damaged) {
        if (last_seen >= out_.next) TC_MARK("journal.torn_tail");
        co_return ok();
    }
    const segment_ptr where = segment_from(map_.segments[index], out_.next, out_.chain);
    const error damage =
        segment_unreadable(io_.devices(), *where, stopped_at, out_.next, end_reason_);
    TC_MARK("journal.gap_damage");
    if (!options_.accept_loss) co_return damage;
    truncate_at(map_.segments[index], damage);
    co_return ok();
}

task<result<void>> recovery::take_live(std::size_t index) {
    const segment_entry& entry = map_.segments[index];
    segment_ptr held = segment_from(entry, out_.next, out_.chain);
    auto walked = co_await walk(held, entry.capacity, true);
    if (!walked) co_return std::move(walked).error();
    const bool holds_records = !held->empty();
    if (holds_records) {
        tables_bytes_ += held->table->bytes();
        if (tables_bytes_ > limits::journal_tables_bytes_max) held->table.reset();
        walked_.push_back(held);
        keep(held);
    } else {
        // Prepared and never used, or only with bytes that no chain reaches: another segment takes
        // its place.
        discard(entry.members);
    }
    if (holds_records) {
        // A batch that did not fit went to the next segment, without a word in the root.
        auto goes_on = co_await continues_in(index + 1);
        if (!goes_on) co_return std::move(goes_on).error();
        if (*goes_on) co_return ok();
    }
    auto decided = co_await decide_end(index);
    co_return decided;
}

/// Segments that were prepared and never used hold their space until a root does not name them.
/// When there is none for a lost copy, that root is written first.
task<result<void>> recovery::forget_dropped() {
    segment_map map = map_;
    std::erase_if(map.segments, [this](const segment_entry& entry) {
        return std::none_of(out_.segments.begin(), out_.segments.end(),
                            [&](const segment_ptr& kept) { return kept->id == entry.id; });
    });
    std::string bytes = encode_segment_map(map);
    auto written =
        co_await io_.devices().replace_root(io_.tier(), root_section::journal, std::move(bytes));
    if (!written) co_return written;
    std::vector<segment_member> useless = std::exchange(dropped_, {});
    co_await io_.remove(std::move(useless));
    co_return ok();
}

task<result<restored_copies>> recovery::restore(segment_ptr held) {
    auto restored = co_await restore_copies(io_, held, {}, 0);
    // Under --accept-loss the map to come differs in more than what it drops: no step in between.
    if (!restored.is(errc::no_space) || dropped_.empty() || options_.accept_loss) {
        co_return restored;
    }
    auto forgotten = co_await forget_dropped();
    if (!forgotten) co_return std::move(forgotten).error();
    auto again = co_await restore_copies(io_, held, {}, 0);
    co_return again;
}

/// Every copy of what was walked is flushed (a process killed between write and flush leaves bytes
/// that can be read but not relied on), and copies on lost devices are restored, before the root
/// may call these segments sealed.
task<result<void>> recovery::make_durable() {
    for (const segment_ptr& held : walked_) {
        // Ends: a flush that fails has fenced a device.
        for (;;) {
            auto restored = co_await restore(held);
            if (!restored) co_return std::move(restored).error();
            held->members = restored->members;
            out_.garbage.insert(out_.garbage.end(), restored->replaced.begin(),
                                restored->replaced.end());
            const bool flushed = co_await io_.flush_all(held->members);
            if (flushed) break;
        }
    }
    co_return ok();
}

task<result<recovered_journal>> recovery::run() {
    out_.next = map_.base_next;
    out_.chain = map_.base_chain;
    out_.epoch = map_.epoch;
    out_.next_segment = map_.next_segment;
    for (std::size_t i = 0; i < map_.segments.size(); ++i) {
        const segment_entry entry = map_.segments[i];
        if (ended_) {
            discard(entry.members);
            continue;
        }
        if (entry.state == segment_state::sealed) {
            auto taken = co_await take_sealed(entry);
            if (!taken) co_return std::move(taken).error();
        } else {
            auto taken = co_await take_live(i);
            if (!taken) co_return std::move(taken).error();
        }
    }
    if (options_.read_only) {
        out_.refusal = error(errc::stopped, "the journal was opened read-only");
    } else if (!io_.wide_enough()) {
        out_.refusal = io_.too_narrow();
    } else {
        auto durable = co_await make_durable();
        // Without room or devices for the lost copies nothing may be acknowledged; what is there
        // can be read.
        const bool readable = durable.is(errc::stripe_narrow) || durable.is(errc::no_space);
        if (!durable && !readable) co_return std::move(durable).error();
        if (!durable) out_.refusal = durable.error();
        out_.writable = durable.ok();
    }
    out_.garbage.insert(out_.garbage.end(), dropped_.begin(), dropped_.end());
    co_return std::move(out_);
}

}  // namespace taicang
