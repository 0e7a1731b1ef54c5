// Tidying: ranges in which much was deleted are compacted, so that scans do not walk over what is
// gone. RocksDB does so itself with files that are mostly deletions; not with deletions that are
// still in memory, nor with a file of them that was moved to the last level as it was.
// A compaction only rewrites files, so there is no crash order: whatever was not tidied is found
// again by RocksDB's own compactions, or costs scans what it did.
#include <algorithm>
#include <limits>

#include <rocksdb/metadata.h>
#include <rocksdb/table_properties.h>

#include "storage/base/limits.h"
#include "storage/base/mark.h"
#include "storage/index/index_impl.h"
#include "storage/index/keys.h"

namespace taicang {

namespace {

using rocks::slice;
using range_list = std::vector<deleted_ranges::range>;

/// The first key after `key`.
std::string after(std::string_view key) {
    std::string next(key);
    next.push_back('\0');
    return next;
}

/// Bytes in files of each range (2i), and of the gap behind it (2i + 1). What is in memory is
/// written in any case, and soon.
result<std::vector<std::uint64_t>> bytes_of(rocksdb::DB& db, const range_list& ranges) {
    std::vector<std::string> edges;
    edges.reserve(2 * ranges.size());
    for (const auto& one : ranges) {
        edges.push_back(one.from);
        edges.push_back(after(one.to));
    }
    std::vector<rocksdb::Range> asked;
    for (std::size_t i = 0; i + 1 < edges.size(); ++i)
        asked.emplace_back(slice(edges[i]), slice(edges[i + 1]));
    std::vector<std::uint64_t> bytes(asked.size());
    rocksdb::SizeApproximationOptions how;
    how.include_files = true;
    const rocksdb::Status status = db.GetApproximateSizes(
        how, db.DefaultColumnFamily(), asked.data(), static_cast<int>(asked.size()), bytes.data());
    if (!status.ok()) return rocks::to_error(status, "measuring", db.GetName());
    return bytes;
}

/// Of a row in the files that hold any of the ranges.
result<double> average_row_bytes(rocksdb::DB& db, const range_list& ranges) {
    const rocksdb::Range whole(slice(ranges.front().from), slice(ranges.back().to));
    rocksdb::TablePropertiesCollection files;
    const rocksdb::Status status =
        db.GetPropertiesOfTablesInRange(db.DefaultColumnFamily(), &whole, 1, &files);
    if (!status.ok()) return rocks::to_error(status, "measuring", db.GetName());
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    for (const auto& [name, file] : files) {
        rows += file->num_entries;
        bytes += file->data_size;
    }
    if (rows == 0) return static_cast<double>(limits::index_row_bytes_guess);
    return static_cast<double>(bytes) / static_cast<double>(rows);
}

/// Joins neighbours for as long as the whole is worth a compaction: rewriting what it holds, gaps
/// included, must cost a bounded number of rows for each row that was deleted.
range_list worth_compacting(const range_list& ranges, const std::vector<std::uint64_t>& bytes,
                            double row_bytes, std::uint64_t rows_min) {
    const auto worth = [row_bytes](std::uint64_t rows, std::uint64_t held) {
        return static_cast<double>(rows * limits::index_tidy_rows_per_deleted) * row_bytes >=
               static_cast<double>(held);
    };
    range_list chosen;
    for (std::size_t i = 0; i < ranges.size();) {
        deleted_ranges::range run = ranges[i];
        std::uint64_t held = bytes[2 * i];
        for (++i; i < ranges.size(); ++i) {
            const std::uint64_t longer = held + bytes[2 * i - 1] + bytes[2 * i];
            if (!worth(run.rows + ranges[i].rows, longer)) break;
            run.rows += ranges[i].rows;
            run.to = ranges[i].to;
            held = longer;
        }
        if (run.rows >= rows_min && worth(run.rows, held)) chosen.push_back(std::move(run));
    }
    return chosen;
}

result<range_list> choose(rocksdb::DB& db, const range_list& ranges, std::uint64_t rows_min) {
    if (ranges.empty()) return range_list();
    TC_TRY_ASSIGN(bytes, bytes_of(db, ranges));
    TC_TRY_ASSIGN(row_bytes, average_row_bytes(db, ranges));
    return worth_compacting(ranges, bytes, row_bytes, rows_min);
}

/// The last key of the first piece of a range, by the files of the last level: one call must not
/// take long, or the hub could not stop meanwhile.
std::string end_of_piece(rocksdb::DB& db, const std::string& from, const std::string& to,
                         std::uint64_t piece_bytes) {
    std::vector<rocksdb::LiveFileMetaData> files;
    db.GetLiveFilesMetaData(&files);
    int last = 0;
    for (const auto& file : files)
        last = std::max(last, file.level);
    std::erase_if(files, [&](const rocksdb::LiveFileMetaData& file) {
        return file.level != last || file.largestkey < from || file.smallestkey > to;
    });
    std::ranges::sort(files, {}, &rocksdb::LiveFileMetaData::smallestkey);
    std::uint64_t bytes = 0;
    for (const auto& file : files) {
        bytes += file.size;
        if (bytes >= piece_bytes) return std::min(file.largestkey, to);
    }
    return to;
}

/// Files of level 0 lie over each other: a seek reads a block of each. Few rows cost few blocks.
bool recent_is_worth_merging(rocksdb::DB& db, std::uint64_t rows_min) {
    std::vector<rocksdb::LiveFileMetaData> files;
    db.GetLiveFilesMetaData(&files);
    std::size_t recent = 0;
    std::uint64_t recent_bytes = 0;
    int first = std::numeric_limits<int>::max();
    for (const auto& file : files) {
        if (file.level > 0) first = std::min(first, file.level);
        if (file.level > 0 || file.num_entries < rows_min) continue;
        ++recent;
        recent_bytes += file.size;
    }
    std::uint64_t below = 0;
    for (const auto& file : files)
        if (file.level == first) below += file.size;
    return recent > limits::index_recent_files_max &&
           recent_bytes * limits::index_tidy_rows_per_deleted >= below;
}

}  // namespace

task<result<bool>> rocks_index::merge_recent() {
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    auto measuring = [this] { return recent_is_worth_merging(*db_, options_.tidy_rows_min); };
    const bool worth = co_await offload(slow_pool(), std::move(measuring));
    if (!worth) co_return false;
    TC_MARK("index.recent_merged");
    // Every file of level 0 has the applied row, of deeper levels one file at most has it: so this
    // takes level 0 whole, and of the rest what lies under it.
    std::string from = index_key::meta(rocks::meta_applied);
    std::string to = from;
    auto compacted = co_await compact_range(std::move(from), std::move(to));
    if (!compacted) co_return std::move(compacted).error();
    co_return true;
}

task<result<bool>> rocks_index::tidy() {
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    if (tidying_.empty()) {
        const range_list ranges = deleted_.list();
        auto choosing = [this, &ranges] { return choose(*db_, ranges, options_.tidy_rows_min); };
        auto chosen = co_await offload(slow_pool(), std::move(choosing));
        if (!chosen) co_return std::move(chosen).error();
        if (chosen->empty()) co_return false;
        tidying_ = std::move(*chosen);
        // Before the rows go: what is deleted meanwhile counts for the next time.
        for (const auto& one : tidying_)
            deleted_.forget(one.from, one.to);
    }
    deleted_ranges::range& now = tidying_.front();
    auto measuring = [this, &now] {
        return end_of_piece(*db_, now.from, now.to, options_.tidy_step_bytes);
    };
    std::string end = co_await offload(slow_pool(), std::move(measuring));
    TC_MARK("index.tidied");
    std::string from = now.from;
    std::string to = end;
    auto compacted = co_await compact_range(std::move(from), std::move(to));
    if (!compacted) co_return std::move(compacted).error();
    if (end < now.to) {
        now.from = after(end);
    } else {
        tidying_.erase(tidying_.begin());
    }
    co_return true;
}

}  // namespace taicang
