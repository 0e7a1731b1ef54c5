#include "storage/index/deleted_ranges.h"

#include <iterator>

#include "storage/base/limits.h"
#include "storage/index/keys.h"

namespace taicang {

namespace {

bool is_scanned(std::string_view key) {
    switch (static_cast<index_key::family>(key.front())) {
        case index_key::family::version:
        case index_key::family::upload:
        case index_key::family::part:
        case index_key::family::retired:
        case index_key::family::bucket:
            return true;
        default:
            return false;
    }
}

}  // namespace

void deleted_ranges::note(const std::vector<row_op>& batch) {
    for (const row_op& row : batch) {
        if (!row.value && !row.add && is_scanned(row.key)) add(row.key);
    }
}

void deleted_ranges::add(std::string_view key) {
    ++rows_;
    const auto after = ranges_.upper_bound(key);
    if (after != ranges_.begin()) {
        auto& [from, counted] = *std::prev(after);
        if (key <= counted.to) {
            ++counted.rows;
            return;
        }
    }
    ranges_.emplace_hint(after, std::string(key), last_and_rows{std::string(key), 1});
    if (ranges_.size() > 2 * limits::index_deleted_ranges_max) coarsen();
}

/// Joins neighbours that hold little. Afterwards any two neighbours hold more than `enough`, so at
/// most index_deleted_ranges_max are left, and they are narrow where much was deleted.
void deleted_ranges::coarsen() {
    const std::uint64_t enough = 2 * rows_ / limits::index_deleted_ranges_max;
    for (auto at = ranges_.begin(); at != ranges_.end();) {
        const auto next = std::next(at);
        if (next != ranges_.end() && at->second.rows + next->second.rows <= enough) {
            at->second.rows += next->second.rows;
            at->second.to = std::move(next->second.to);
            ranges_.erase(next);
        } else {
            at = next;
        }
    }
}

void deleted_ranges::forget(std::string_view from, std::string_view to) {
    for (auto at = ranges_.lower_bound(from); at != ranges_.end() && at->first <= to;) {
        if (at->second.to > to) {
            ++at;
            continue;
        }
        rows_ -= at->second.rows;
        at = ranges_.erase(at);
    }
}

std::vector<deleted_ranges::range> deleted_ranges::list() const {
    std::vector<range> all;
    all.reserve(ranges_.size());
    for (const auto& [from, counted] : ranges_)
        all.push_back({from, counted.to, counted.rows});
    return all;
}

}  // namespace taicang
