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

task<result<job_state>> index_tidy_job::step() {
    if (!going_ && !due(rows_.figures().deleted_rows)) co_return job_state::idle;
    auto tidied = co_await rows_.tidy();
    if (!tidied) co_return std::move(tidied).error();
    going_ = *tidied;
    if (going_) {
        ++compactions_;
        co_return job_state::busy;
    }
    left_ = seen_ = rows_.figures().deleted_rows;
    co_return job_state::idle;
}

task<result<void>> index_tidy_job::drain() {
    going_ = true;
    while (going_) {
        auto stepped = co_await step();
        if (!stepped) co_return std::move(stepped).error();
    }
    co_return ok();
}

job_progress index_tidy_job::progress() const {
    job_progress shown;
    shown.items_done = compactions_;
    shown.note = std::to_string(compactions_) + " compactions of ranges with many deleted rows, " +
                 std::to_string(seen_) + " deleted rows not looked at or too far apart";
    return shown;
}

}  // namespace taicang
