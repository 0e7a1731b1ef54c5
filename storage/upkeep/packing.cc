#include "storage/upkeep/packing.h"

#include <algorithm>

#include "storage/base/limits.h"

namespace taicang {

packing_job::packing_job(journal& log, sequencer& decisions, stripe_store& stripes,
                         relocator& mover)
    : log_(log), decisions_(decisions), stripes_(stripes), mover_(mover) {
    // What was packed before the start is found dead or moved when its record is looked at again.
    scanned_ = lsn{log.first_retained().value == 0 ? 0 : log.first_retained().value - 1};
}

lsn packing_job::bound() const {
    lsn lowest{scanned_.value + 1};
    for (const waiting& tier : waiting_) {
        for (const packed_item& item : tier.items)
            lowest = std::min(lowest, item.found_at);
    }
    return lowest;
}

result<void> packing_job::gather(journal_record record) {
    if (record.header.payload_length == 0) return ok();
    TC_TRY_ASSIGN(effects, decode_effects(as_bytes(record.body)));
    for (const any_effect& one : effects) {
        const auto* put = std::get_if<effect::blob_put>(&one);
        if (put == nullptr || !put->row.journal || put->row.journal->position.value != 0) continue;
        const std::uint64_t offset = put->row.journal->offset;
        if (offset + put->row.stored_length > record.payload.size()) {
            return error(errc::corrupt, "packing: a record's payload is shorter than its blob");
        }
        waiting& tier = waiting_[static_cast<std::size_t>(put->row.tier)];
        packed_item item;
        item.blob = put->id;
        item.found_at = record.header.position;
        item.bytes = record.payload.substr(offset, put->row.stored_length);
        tier.bytes += item.bytes.size();
        tier.items.push_back(std::move(item));
    }
    return ok();
}

task<result<bool>> packing_job::scan() {
    // Only what is applied: a blob's row must be there to be moved.
    if (scanned_ >= decisions_.applied()) co_return false;
    auto records =
        co_await log_.read_from(lsn{scanned_.value + 1}, limits::packing_scan_bytes, true);
    if (!records) co_return std::move(records).error();
    bool any = false;
    for (journal_record& record : *records) {
        if (record.header.position > decisions_.applied()) break;
        const lsn position = record.header.position;
        TC_CO_TRY(gather(std::move(record)));
        scanned_ = position;
        any = true;
    }
    co_return any;
}

task<result<void>> packing_job::pack(tier_id tier) {
    waiting& own = waiting_[static_cast<std::size_t>(tier)];
    auto settled = co_await mover_.pack(tier, own.items);
    if (!settled) co_return std::move(settled).error();
    for (std::size_t i = 0; i < *settled; ++i)
        own.bytes -= own.items[i].bytes.size();
    own.items.erase(own.items.begin(), own.items.begin() + static_cast<std::ptrdiff_t>(*settled));
    co_return ok();
}

task<result<job_state>> packing_job::step() {
    const bool pressed = log_.fill() > limits::packing_pressure_fill;
    const lsn last = decisions_.applied();
    const bool foreground = last != seen_last_;
    seen_last_ = last;
    // Moving bytes competes with those who write them: while there is room it waits for a quieter
    // moment.
    if (foreground && log_.fill() < limits::packing_lazy_fill) co_return job_state::throttled;
    for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
        waiting& own = waiting_[static_cast<std::size_t>(tier)];
        if (own.items.empty()) continue;
        const bool full = own.bytes >= stripes_.run_bytes_max(tier) ||
                          own.items.size() >= limits::packed_blobs_max;
        if (!full && !(pressed && scanned_ >= last)) continue;
        TC_CO_TRY(co_await pack(tier));
        co_return job_state::busy;
    }
    auto scanned = co_await scan();
    if (!scanned) co_return std::move(scanned).error();
    co_return *scanned ? job_state::busy : job_state::idle;
}

task<result<void>> packing_job::drain() {
    for (;;) {
        auto scanned = co_await scan();
        if (!scanned) co_return std::move(scanned).error();
        bool packed = false;
        for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
            waiting& own = waiting_[static_cast<std::size_t>(tier)];
            const bool full = own.bytes >= stripes_.run_bytes_max(tier);
            if (own.items.empty() || (*scanned && !full)) continue;
            TC_CO_TRY(co_await pack(tier));
            packed = true;
        }
        if (!*scanned && !packed) co_return ok();
    }
}

job_progress packing_job::progress() const {
    job_progress shown;
    shown.bytes_done = mover_.figures().bytes;
    shown.items_done = mover_.figures().blobs;
    std::size_t waiting_bytes = 0;
    for (const waiting& tier : waiting_)
        waiting_bytes += tier.bytes;
    shown.note = "journal looked at up to LSN " + std::to_string(scanned_.value) + ", " +
                 std::to_string(waiting_bytes) + " bytes wait for a full run";
    return shown;
}

}  // namespace taicang
