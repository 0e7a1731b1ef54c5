#include "storage/object/overlay.h"

namespace taicang {

overlay::marks overlay::add(const std::vector<row_op>& rows, lsn position) {
    marks left_behind;
    left_behind.reserve(rows.size());
    for (const row_op& row : rows) {
        if (row.add) continue;  // sums are kept in the sequencer's live-bytes table
        const auto [at, inserted] = rows_.try_emplace(row.key);
        // A record that changes one row twice leaves one mark.
        if (inserted || at->second.position != position) left_behind.push_back(at);
        at->second = pending_row{row.value, position};
    }
    return left_behind;
}

void overlay::drop(const marks& left_behind, lsn position) {
    for (const auto& mark : left_behind) {
        if (mark->second.position == position) rows_.erase(mark);
    }
}

const overlay::pending_row* overlay::find(const std::string& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : &found->second;
}

std::vector<std::pair<std::string, overlay::pending_row>> overlay::with_prefix(
    std::string_view prefix) const {
    std::vector<std::pair<std::string, pending_row>> found;
    for (auto at = rows_.lower_bound(prefix); at != rows_.end() && at->first.starts_with(prefix);
         ++at) {
        found.emplace_back(at->first, at->second);
    }
    return found;
}

}  // namespace taicang
