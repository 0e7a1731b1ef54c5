#include "storage/upkeep/checkpoint_job.h"

#include <algorithm>

#include "storage/base/limits.h"

namespace taicang {

checkpoint_job::checkpoint_job(environment& env, journal& log, index& rows, checkpoint_store& store,
                               packing_job& packing)
    : env_(env), log_(log), rows_(rows), store_(store), packing_(packing) {
    const auto kept = store.kept();
    if (!kept.empty()) lsn_at_last_ = kept.front().applied;
    time_of_last_ = env.home.monotonic_now();
}

void checkpoint_job::release_journal() {
    // A record is needed while a live blob's bytes are in it, while the index on disk does not hold
    // it, and while the older of two checkpoints does not hold it.
    const lsn covered = std::min(store_.covered(), rows_.flushed());
    const lsn bound = std::min(packing_.bound(), lsn{covered.value + 1});
    if (bound > log_.first_retained()) log_.release_below(bound);
}

bool checkpoint_job::due() const {
    if (rows_.applied() == lsn_at_last_) return false;
    const auto figures = log_.figures();
    // A start with too few devices reads what it cannot seal: the end of the journal may be another
    // at the next start, and the index on disk must not be ahead of it.
    if (!figures.failure.empty()) return false;
    const std::uint64_t since = figures.bytes_appended - bytes_at_last_;
    if (since >= figures.bytes_max / limits::checkpoints_per_journal) return true;
    // The journal is nearly full of what only a checkpoint can free.
    if (log_.fill() > limits::packing_pressure_fill &&
        packing_.bound() > lsn{store_.covered().value + 1})
        return true;
    return env_.home.monotonic_now() - time_of_last_ >= limits::checkpoint_interval_ns;
}

task<result<checkpoint_info>> checkpoint_job::take() {
    const std::uint64_t bytes = log_.figures().bytes_appended;
    auto taken = co_await store_.take(rows_);
    if (!taken) co_return std::move(taken).error();
    bytes_at_last_ = bytes;
    lsn_at_last_ = taken->applied;
    time_of_last_ = env_.home.monotonic_now();
    ++taken_;
    release_journal();
    co_return std::move(*taken);
}

task<result<job_state>> checkpoint_job::step() {
    if (!due()) {
        release_journal();
        co_return job_state::idle;
    }
    auto taken = co_await take();
    if (!taken) co_return std::move(taken).error();
    co_return job_state::idle;
}

job_progress checkpoint_job::progress() const {
    job_progress shown;
    shown.items_done = taken_;
    shown.note = "newest at LSN " + std::to_string(lsn_at_last_.value) +
                 ", both cover the journal up to LSN " + std::to_string(store_.covered().value);
    return shown;
}

}  // namespace taicang
