#include "storage/upkeep/index_tidy.h"

#include <algorithm>

#include "storage/base/limits.h"

namespace taicang {

/// A compaction rewrites the first levels whatever its range, so it waits until deletions come
/// slowly for what there are already, or until there are very many.
bool index_tidy_job::due(std::uint64_t deleted) {
    left_ = std::min(left_, deleted);
    const std::uint64_t grown = deleted - std::min(seen_, deleted);
    seen_ = deleted;
    if (deleted < left_ + rows_min_) return false;
    return grown <= deleted / 8 || deleted >= left_ + limits::index_tidy_rows_many;
}

/// Nothing was flushed since the last look: under load RocksDB merges by itself, and less often.
bool index_tidy_job::merge_due(const index_figures& now) {
    const bool quiet = now.flushed == flushed_seen_;
    flushed_seen_ = now.flushed;
    return quiet && now.level0_files > limits::index_recent_files_max &&
           now.flushed != merge_asked_;
}

task<result<bool>> index_tidy_job::tidy() {
    auto tidied = co_await rows_.tidy();
    if (!tidied) co_return std::move(tidied).error();
    going_ = *tidied;
    if (going_) ++compactions_;
    if (!going_) left_ = seen_ = rows_.figures().deleted_rows;
    co_return going_;
}

task<result<bool>> index_tidy_job::merge() {
    const lsn flushed = rows_.flushed();
    auto merged = co_await rows_.merge_recent();
    if (!merged) co_return std::move(merged).error();
    if (*merged) ++compactions_;
    if (!*merged) merge_asked_ = flushed;
    co_return *merged;
}

task<result<job_state>> index_tidy_job::step() {
    const index_figures now = rows_.figures();
    const bool merge_wanted = merge_due(now);
    if (going_ || due(now.deleted_rows)) {
        auto tidied = co_await tidy();
        if (!tidied) co_return std::move(tidied).error();
        if (*tidied) co_return job_state::busy;
    }
    if (!merge_wanted) co_return job_state::idle;
    auto merged = co_await merge();
    if (!merged) co_return std::move(merged).error();
    co_return *merged ? job_state::busy : job_state::idle;
}

task<result<void>> index_tidy_job::drain() {
    bool more = true;
    while (more) {
        auto tidied = co_await tidy();
        if (!tidied) co_return std::move(tidied).error();
        more = *tidied;
    }
    auto merged = co_await merge();
    if (!merged) co_return std::move(merged).error();
    co_return ok();
}

job_progress index_tidy_job::progress() const {
    job_progress shown;
    shown.items_done = compactions_;
    shown.note = std::to_string(compactions_) + " compactions, " + std::to_string(seen_) +
                 " deleted rows not looked at or too far apart";
    return shown;
}

}  // namespace taicang
