// Behind the commits: segments prepared ahead, released ones forgotten and removed, lost and wrong
// copies restored.
//
// Crash order (prepare): extents created and flushed -> root that names them -> the first batch in
// them. Crash order (free): release_below() -> root without the segment durable -> no reader left
// -> extents removed. Crash order (restore): new copy written and flushed -> root that names it ->
// the old extent removed.
#include <algorithm>
#include <utility>

#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/journal/journal_engine.h"
#include "storage/journal/segment_copy.h"

namespace taicang {

namespace {

/// Slept after each window of a copy restored while the journal works, so that commits keep the
/// disks.
constexpr nanoseconds restore_pause = 5 * one_millisecond;

}  // namespace

void journal_engine::device_was_fenced() {
    work_.set();
    maintain_.set();
    mend_.set();
    for (const segment_ptr& held : retained_)
        held->mend_failed = false;
}

task<void> journal_engine::maintain_loop() {
    while (!commits_done_) {
        maintain_.reset();
        co_await maintain_once();
        prepared_ready_.set();
        progress_.pulse();
        if (!maintain_.is_set() && !commits_done_) co_await maintain_.wait();
    }
}

task<void> journal_engine::maintain_once() {
    if (failure_) co_return;
    if (!io_.wide_enough()) {
        fail(io_.too_narrow());
        co_return;
    }
    // Outside the lock: creating may pre-write whole extents, and an ensemble change must not wait
    // for that.
    std::vector<segment_ptr> fresh = co_await create_ahead();
    {
        const auto guard = co_await root_mutex_.lock();
        const bool dropped = drop_released();
        const bool broken = drop_broken_prepared();
        const bool adopted = adopt_prepared(fresh);
        if ((dropped || broken || adopted) && !failure_) {
            auto written = co_await write_root();
            if (!written) fail(written.error().with_context("writing the journal's segment map"));
        }
    }
    if (!failure_) co_await remove_dead();
}

/// Creates what is missing to segments_prepared once half of them are used, so that a root write
/// serves several.
task<std::vector<segment_ptr>> journal_engine::create_ahead() {
    std::vector<segment_ptr> fresh;
    const std::size_t whole = static_cast<std::size_t>(
        std::count_if(prepared_.begin(), prepared_.end(),
                      [this](const segment_ptr& ahead) { return io_.whole(*ahead); }));
    const std::size_t target = std::max(1U, options_.segments_prepared);
    if (2 * whole > target) co_return fresh;
    while (whole + fresh.size() < target && !failure_) {
        auto made = co_await io_.create(segment_id{}, ensemble_epoch{}, loads());
        cannot_prepare_ = !made.ok();
        if (!made) {
            log_event(log_level::warn, "journal_segment_not_prepared")
                .with("reason", made.error().message);
            break;
        }
        fresh.push_back(*made);
    }
    co_return fresh;
}

/// Gives new segments their ids and the present epoch; ids follow the order in which segments will
/// be used. False when none of them is whole any more.
bool journal_engine::adopt_prepared(std::vector<segment_ptr>& fresh) {
    bool adopted = false;
    for (const segment_ptr& made : fresh) {
        if (!io_.whole(*made)) {
            made->phase = segment_phase::dying;
            dying_.push_back(made);
            continue;
        }
        made->id = next_segment_;
        ++next_segment_.value;
        made->epoch = epoch_;
        segment_bytes_ =
            segment_bytes_ == 0 ? made->capacity : std::min(segment_bytes_, made->capacity);
        prepared_.push_back(made);
        adopted = true;
    }
    fresh.clear();
    return adopted;
}

bool journal_engine::drop_broken_prepared() {
    bool dropped = false;
    for (std::size_t i = 0; i < prepared_.size();) {
        if (io_.whole(*prepared_[i])) {
            ++i;
            continue;
        }
        prepared_[i]->phase = segment_phase::dying;
        dying_.push_back(prepared_[i]);
        prepared_.erase(prepared_.begin() + static_cast<std::ptrdiff_t>(i));
        dropped = true;
    }
    return dropped;
}

bool journal_engine::drop_released() {
    bool dropped = false;
    while (!retained_.empty()) {
        const segment_ptr& oldest = retained_.front();
        if (oldest->phase != segment_phase::full || oldest->last >= release_bound_) break;
        TC_MARK("journal.recycled_segment");
        full_bytes_ -= oldest->capacity;
        oldest->phase = segment_phase::dying;
        oldest->table.reset();
        dying_.push_back(oldest);
        retained_.pop_front();
        metrics_.segments_recycled.add();
        dropped = true;
    }
    return dropped;
}

task<void> journal_engine::remove_dead() {
    std::vector<segment_ptr> dead;
    for (const segment_ptr& held : dying_) {
        if (!held->in_root && held->pins == 0) dead.push_back(held);
    }
    for (const segment_ptr& held : dead) {
        std::erase(dying_, held);
        co_await io_.remove(held->members);
    }
    if (dead.empty()) co_return;
    // There is room again for what had found none.
    if (cannot_prepare_) maintain_.set();
    for (const segment_ptr& held : retained_) {
        if (!std::exchange(held->mend_failed, false)) continue;
        mend_.set();
    }
}

task<void> journal_engine::mend_loop() {
    while (!commits_done_) {
        mend_.reset();
        bool more = !failure_;
        while (more && !commits_done_) {
            more = co_await mend_one_batch();
            if (!more) more = co_await mend_one_segment();
        }
        if (!mend_.is_set() && !commits_done_) co_await mend_.wait();
    }
}

/// Writes a batch again over copies that readers found wrong. True when there was one.
task<bool> journal_engine::mend_one_batch() {
    if (wrong_batches_.empty()) co_return false;
    const wrong_batch task_now = wrong_batches_.front();
    wrong_batches_.pop_front();
    if (task_now.held->phase == segment_phase::dying) co_return true;
    const segment_pin held(task_now.held, maintain_);
    walk_position from;
    from.offset = task_now.offset;
    from.known = false;
    walk_options options;
    options.window_bytes = journal_format::batch_alignment;
    options.compare_copies = true;
    segment_walker walker(env_, devices_, source_of(*held), from, options);
    auto step = co_await walker.next(held->length);
    if (!step || *step == nullptr) co_return true;
    const std::vector<segment_member> members = held->members;
    for (const std::size_t copy : (*step)->wrong) {
        auto mended =
            co_await io_.write_copy(members[copy], (*step)->header.offset, (*step)->bytes, true);
        if (mended) metrics_.batches_mended.add();
    }
    co_return true;
}

/// Restores the lost copies of one full segment. True when something was done.
task<bool> journal_engine::mend_one_segment() {
    segment_ptr found;
    for (const segment_ptr& held : retained_) {
        if (held->phase != segment_phase::full || held->mend_failed || io_.whole(*held)) continue;
        found = held;
        break;
    }
    if (found == nullptr) co_return false;
    const segment_pin held(found, maintain_);
    auto restored = co_await restore_copies(io_, found, loads(), restore_pause);
    if (!restored) {
        found->mend_failed = true;
        log_event(log_level::warn, "journal_copy_not_restored")
            .with("segment", found->id.value)
            .with("reason", restored.error().message);
        co_return true;
    }
    const std::vector<segment_member> before = found->members;
    bool named = false;
    {
        const auto guard = co_await root_mutex_.lock();
        if (found->phase == segment_phase::full && !failure_) {
            found->members = restored->members;
            auto written = co_await write_root();
            named = written.ok();
            if (!written) fail(written.error().with_context("writing the journal's segment map"));
        }
    }
    // Whichever extents no durable root names now; after a failed root write nobody knows, and the
    // next open sweeps.
    std::vector<segment_member> useless;
    for (const segment_member& member : named ? before : restored->members) {
        const auto& used = named ? found->members : before;
        if (std::find(used.begin(), used.end(), member) == used.end()) useless.push_back(member);
    }
    if (named || !failure_) co_await io_.remove(std::move(useless));
    if (named) {
        const std::uint64_t fresh = restored->replaced.size();
        copies_restored_ += fresh;
        metrics_.copies_restored.add(fresh);
    }
    co_return true;
}

}  // namespace taicang
