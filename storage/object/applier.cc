// The second half of the sequencer: durable records become rows of the index, and waiters learn it.
#include <algorithm>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/object/sequencer_impl.h"

namespace taicang {

struct shard_sequencer::applied_awaiter {
    shard_sequencer& owner;
    lsn position;
    bool await_ready() const noexcept {
        return owner.applied_ >= position || owner.failed_.has_value();
    }
    void await_suspend(std::coroutine_handle<> handle) const {
        // Almost always the newest; refusals may wait for an older one.
        auto& waiters = owner.waiters_;
        const auto after = std::upper_bound(
            waiters.begin(), waiters.end(), position,
            [](lsn wanted, const waiter& other) { return wanted < other.position; });
        waiters.insert(after, waiter{position, handle, &executor::current()});
    }
    void await_resume() const noexcept {}
};

task<result<void>> shard_sequencer::wait_applied(lsn position) {
    applied_awaiter wait{*this, position};
    co_await wait;
    if (applied_ >= position) co_return ok();
    TC_ASSERT(failed_);
    co_return error(errc::outcome_unknown, "the change may or may not survive: " +
                                               failed_->message + "; the next start decides");
}

void shard_sequencer::wake_applied() {
    while (!waiters_.empty() && (waiters_.front().position <= applied_ || failed_)) {
        const waiter first = waiters_.front();
        waiters_.pop_front();
        first.home->post(first.handle);
    }
}

void shard_sequencer::became_durable(lsn last) {
    TC_ASSERT(last >= durable_);
    durable_ = last;
    // At once and not through the queue: everybody in it waits for what is applied now.
    wake_applier();
}

struct shard_sequencer::durable_awaiter {
    shard_sequencer& owner;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const noexcept { owner.applier_ = handle; }
    void await_resume() const noexcept {}
};

void shard_sequencer::wake_applier() {
    if (const auto waiting = std::exchange(applier_, nullptr)) waiting.resume();
}

void shard_sequencer::journal_failed(const error& why) {
    fail(why);
}

void shard_sequencer::fail(error why) {
    if (failed_) return;
    log_event(log_level::error, "sequencer_stopped").with("reason", why.message);
    failed_ = std::move(why);
    wake_applied();
    room_.pulse();
    wake_applier();
}

task<void> shard_sequencer::apply_loop() {
    durable_awaiter more_durable{*this};
    for (;;) {
        if (failed_ || (stopping_ && pending_.empty())) break;
        if (pending_.empty() || pending_.front().position > durable_) {
            co_await more_durable;
            continue;
        }
        const bool went_on = co_await apply_next();
        if (!went_on) break;
    }
}

task<bool> shard_sequencer::apply_next() {
    std::vector<row_op> rows;
    std::size_t records = 0;
    lsn last = applied_;
    for (pending_record& record : pending_) {
        if (record.position > durable_ || rows.size() >= limits::apply_rows_max) break;
        TC_ASSERT_WHY(record.position.value == last.value + 1,
                      "a record is missing between journal and index");
        last = record.position;
        rows.insert(rows.end(), std::make_move_iterator(record.rows.begin()),
                    std::make_move_iterator(record.rows.end()));
        ++records;
    }
    auto applied = co_await rows_.apply(std::move(rows), last);
    if (!applied) {
        // The records are durable: the next start applies them. Until then nothing may be answered.
        fail(applied.error().with_context("applying durable records to the index"));
        co_return false;
    }
    for (std::size_t i = 0; i < records; ++i) {
        overlay_.drop(pending_.front().marks, pending_.front().position);
        pending_.pop_front();
    }
    applied_ = last;
    std::erase_if(dropped_buckets_, [last](const auto& dropped) { return dropped.second <= last; });
    wake_applied();
    room_.pulse();
    co_return true;
}

task<void> shard_sequencer::stop() {
    if (stopped_) co_return;
    stopped_ = true;
    stopping_ = true;
    wake_applier();
    room_.pulse();
    co_await gate_.close();
    // Whoever still waits rests on a record that will not become durable in this life.
    if (!pending_.empty())
        fail(error(errc::stopped, "the hub was shut down before the change was durable"));
    for (const waiter& left : waiters_)
        left.home->post(left.handle);
    waiters_.clear();
}

}  // namespace taicang
