// The commit strand: batches to the ensemble, one at a time; rolling over; ensemble changes; the
// root.
//
// Crash order of a commit: batch written on a member -> its write completed -> that member's flush,
// issued after -> the same on every member -> acknowledged. The next batch is gathered meanwhile
// and written only after, so that at most one batch is ever unacknowledged on disk. Crash order of
// an ensemble change: member fenced -> its fencing durable (settle) -> root with the old segment
// sealed at the last acknowledged batch, the next segment and the new ensemble_epoch durable -> the
// batch written there with the same records and LSNs -> acknowledged. What the failed batch left
// behind the seal is never read again: the sealed length in the root decides, so no fork can rise.
#include <algorithm>

#include "storage/base/canary.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/journal/journal_engine.h"

namespace taicang {

namespace {

constexpr nanoseconds space_poll = 20 * one_millisecond;

}  // namespace

task<void> journal_engine::commit_loop() {
    while (!failure_) {
        if (open_ != nullptr && !io_.whole(*open_)) {
            // Also while nobody writes: what lies in the open segment has lost a copy, and only a
            // full one is restored.
            auto changed = co_await change_ensemble();
            if (!changed) fail(std::move(changed).error());
            continue;
        }
        if (queue_.empty()) {
            if (stopping_) break;
            work_.reset();
            co_await work_.wait();
            continue;
        }
        batch_ptr batch = std::move(queue_.front());
        queue_.pop_front();
        committing_bytes_ = batch->length();
        queued_bytes_ -= std::min<std::uint64_t>(queued_bytes_, batch->length());
        const bool durable = co_await commit(std::move(batch));
        if (!durable) break;
    }
    commits_done_ = true;
    maintain_.set();
    mend_.set();
}

/// Makes one batch durable, through as many ensembles as it takes. False when the journal has
/// failed.
task<bool> journal_engine::commit(batch_ptr batch) {
    const nanoseconds began = env_.home.monotonic_now();
    bool again = false;
    // Ends: every round that fails has fenced a device, and with fewer than m+1 left the journal
    // fails.
    for (;;) {
        if (open_ == nullptr || open_->length + batch->padded_length() > open_->capacity) {
            auto rolled = co_await roll_over();
            if (!rolled) {
                fail(std::move(rolled).error());
                co_return false;
            }
        }
        TC_ASSERT_WHY(batch->padded_length() <= open_->capacity - open_->length,
                      "a batch fits an empty segment");
        if (again) TC_MARK("journal.rewritten_batches");
        const batch_position place{open_->id, open_->epoch, open_->length};
        batch->place(place, open_->batches, durable_);
        const bool written = co_await write_batch(batch, began);
        if (written) co_return true;
        auto changed = co_await change_ensemble();
        if (!changed) {
            fail(std::move(changed).error());
            co_return false;
        }
        again = true;
    }
}

task<bool> journal_engine::write_batch(batch_ptr batch, nanoseconds began) {
    const std::vector<segment_member> members = open_->members;
    const std::uint64_t offset = open_->length;
    if (canary::active(canary::bug::ack_before_flush)) {
        // The planted bug: a power cut between the two loses what a client was told is safe.
        const bool early = co_await io_.write_all(members, offset, batch->view(), false);
        if (!early) co_return false;
        acknowledge(batch, began);
        (void)co_await io_.flush_all(members);
        co_return true;
    }
    const bool flush = !canary::active(canary::bug::skip_journal_flush);
    const bool written = co_await io_.write_all(members, offset, batch->view(), flush);
    if (!written) co_return false;
    acknowledge(batch, began);
    co_return true;
}

void journal_engine::acknowledge(const batch_ptr& batch, nanoseconds began) {
    TC_ASSERT(batch->first().value == durable_.value + 1);
    TC_ASSERT(batch->header().chain_before == durable_chain_);
    TC_ASSERT(batch->header().segment == open_->id && batch->header().offset == open_->length);
    const batch_place place{batch->first(), static_cast<std::uint32_t>(open_->length),
                            static_cast<std::uint32_t>(batch->padded_length())};
    open_->table->add(place, batch->payloads());
    open_->length += batch->padded_length();
    ++open_->batches;
    open_->last = batch->last();
    open_->chain_end = batch->header().chain_after;
    durable_ = batch->last();
    durable_chain_ = batch->header().chain_after;

    pending_records_ -= std::min<std::uint64_t>(pending_records_, batch->record_count());
    committing_bytes_ = 0;
    const nanoseconds took = env_.home.monotonic_now() - began;
    ++commits_;
    commits_took_ += took;
    records_ += batch->record_count();
    bytes_appended_ += batch->padded_length();
    batch_capacity_hint_ = std::clamp<std::size_t>(static_cast<std::size_t>(batch->padded_length()),
                                                   16 * limits::kib, limits::batch_bytes_max);
    metrics_.committed(batch->record_count(), batch->padded_length(), took);
    recent_.add(batch);
    // Once a failure was told, what was pending is unknown to the consumer, and stays so.
    if (durable_consumer_ && !failure_) durable_consumer_(durable_);
    progress_.pulse();
}

void journal_engine::open_segment(segment_ptr next) {
    TC_ASSERT(next->in_root && next->phase == segment_phase::prepared);
    next->phase = segment_phase::open;
    next->first = lsn(durable_.value + 1);
    next->last = durable_;
    next->chain_start = durable_chain_;
    next->chain_end = durable_chain_;
    next->table = std::make_unique<segment_table>();
    retained_.push_back(next);
    open_ = std::move(next);
    metrics_.segments_opened.add();
    maintain_.set();
}

/// The open segment takes no more batches; one that holds nothing has no place in the chain and
/// goes.
void journal_engine::retire_open() {
    if (open_ == nullptr) return;
    TC_ASSERT(!retained_.empty() && retained_.back() == open_);
    if (open_->empty()) {
        open_->phase = segment_phase::dying;
        dying_.push_back(open_);
        retained_.pop_back();
    } else {
        open_->phase = segment_phase::full;
        full_bytes_ += open_->capacity;
        drop_old_tables(nullptr);
    }
    open_ = nullptr;
}

/// Goes on in the next prepared segment. The root names it already, so nothing is written here:
/// recovery follows the chain from the one into the other.
task<result<void>> journal_engine::roll_over() {
    retire_open();
    for (;;) {
        if (failure_) co_return *failure_;
        if (!prepared_.empty() && prepared_.front()->in_root) {
            if (!io_.whole(*prepared_.front())) co_return co_await change_ensemble();
            segment_ptr next = prepared_.front();
            prepared_.pop_front();
            open_segment(std::move(next));
            co_return ok();
        }
        if (cannot_prepare_ && stopping_) {
            co_return error(errc::stopped, "stopped while the journal waited for space");
        }
        prepared_ready_.reset();
        maintain_.set();
        co_await prepared_ready_.wait();
        // Space comes back when other rooms free some, of which nobody tells us.
        if (prepared_.empty() && cannot_prepare_ && !stopping_) co_await sleep_for(space_poll);
    }
}

task<result<void>> journal_engine::change_ensemble() {
    TC_MARK("journal.ensemble_change");
    const auto guard = co_await root_mutex_.lock();
    for (;;) {
        if (!io_.wide_enough()) co_return io_.too_narrow();
        // The fencing must be durable: otherwise a restart could take the failed device's stale
        // copy for a healthy one.
        auto settled = co_await devices_.settle();
        if (!settled) co_return settled;
        auto reopened = co_await reopen_elsewhere();
        if (!reopened) co_return reopened;
        if (open_ != nullptr) break;
    }
    metrics_.ensemble_changes.add();
    maintain_.set();
    mend_.set();
    log_event(log_level::warn, "journal_ensemble_changed")
        .with("segment", open_->id.value)
        .with("ensemble_epoch", open_->epoch.value)
        .with("first_lsn", open_->first.value);
    co_return ok();
}

/// Seals, opens the next epoch, and writes both to the root. open_ stays null when a member failed
/// meanwhile.
task<result<void>> journal_engine::reopen_elsewhere() {
    retire_open();
    drop_broken_prepared();
    ++epoch_.value;
    if (prepared_.empty()) {
        auto made = co_await create_making_room();
        if (!made) co_return std::move(made).error();
        std::vector<segment_ptr> fresh{*made};
        if (!adopt_prepared(fresh)) co_return ok();
    }
    for (const segment_ptr& ahead : prepared_)
        ahead->epoch = epoch_;
    auto written = co_await write_root();
    if (!written) co_return written;
    if (prepared_.empty() || !io_.whole(*prepared_.front())) co_return ok();
    segment_ptr next = prepared_.front();
    prepared_.pop_front();
    open_segment(std::move(next));
    co_return ok();
}

segment_map journal_engine::map_now() const {
    segment_map map;
    map.shard = shard_;
    map.epoch = epoch_;
    map.next_segment = next_segment_;
    if (retained_.empty()) {
        map.base_next = lsn(durable_.value + 1);
        map.base_chain = durable_chain_;
    } else {
        map.base_next = retained_.front()->first;
        map.base_chain = retained_.front()->chain_start;
    }
    for (const segment_ptr& held : retained_)
        map.segments.push_back(held->entry());
    for (const segment_ptr& held : prepared_)
        map.segments.push_back(held->entry());
    return map;
}

/// Makes the present state durable in the root. Caller holds root_mutex_, so nothing leaves or
/// enters the map meanwhile except a prepared segment that is opened, which the root names either
/// way.
task<result<void>> journal_engine::write_root() {
    std::vector<segment_ptr> named(retained_.begin(), retained_.end());
    named.insert(named.end(), prepared_.begin(), prepared_.end());
    const std::vector<segment_ptr> forgotten(dying_.begin(), dying_.end());
    if (named.size() > limits::journal_segments_max) {
        co_return error(errc::invalid_argument,
                        "the journal has more segments than limits::journal_segments_max; lower "
                        "its cap or use devices with bigger extents");
    }
    std::string bytes = encode_segment_map(map_now());
    auto written =
        co_await devices_.replace_root(options_.tier, root_section::journal, std::move(bytes));
    if (!written) co_return written;
    for (const segment_ptr& held : named)
        held->in_root = true;
    for (const segment_ptr& held : forgotten)
        held->in_root = false;
    co_return ok();
}

/// Creates a segment. When the devices are full, what the root need not name any more is forgotten
/// durably and removed first. Caller holds root_mutex_.
task<result<segment_ptr>> journal_engine::create_making_room() {
    auto made = co_await io_.create(segment_id{}, epoch_, loads());
    if (!made.is(errc::no_space) || (dying_.empty() && garbage_.empty())) co_return made;
    auto forgotten = co_await write_root();
    if (!forgotten) co_return std::move(forgotten).error();
    co_await remove_dead();
    std::vector<segment_member> useless = std::move(garbage_);
    garbage_.clear();
    co_await io_.remove(std::move(useless));
    auto again = co_await io_.create(segment_id{}, epoch_, loads());
    co_return again;
}

/// Crash order at open: recovered copies durable (recovery) -> extents of the first segment durable
/// -> root with the seals, this segment and the next ensemble_epoch -> appends.
task<result<void>> journal_engine::first_root() {
    const auto guard = co_await root_mutex_.lock();
    ++epoch_.value;
    for (const segment_ptr& held : retained_) {
        segment_bytes_ =
            segment_bytes_ == 0 ? held->capacity : std::min(segment_bytes_, held->capacity);
    }
    while (prepared_.empty()) {
        if (!io_.wide_enough()) co_return io_.too_narrow();
        auto made = co_await create_making_room();
        if (!made) co_return std::move(made).error();
        std::vector<segment_ptr> fresh{*made};
        (void)adopt_prepared(fresh);
    }
    auto written = co_await write_root();
    if (!written) co_return written;
    segment_ptr next = prepared_.front();
    prepared_.pop_front();
    open_segment(std::move(next));
    co_return ok();
}

}  // namespace taicang
