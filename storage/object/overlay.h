// The pending overlay: rows of records that are appended but not yet applied to the index. A
// decision reads it before the index and so sees every earlier decision. Threads: the shard's
// executor. Values are owned. Bounded by limits::journal_records_pending_max records.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.h"
#include "storage/index/effects.h"

namespace taicang {

class overlay {
  public:
    /// What the newest pending record says of a row.
    struct pending_row {
        std::optional<std::string> value;  ///< empty: the row goes
        lsn position;
    };

    /// Marks that a record leaves behind; give them back to drop() once it is applied.
    using marks = std::vector<std::map<std::string, pending_row, std::less<>>::iterator>;
    [[nodiscard]] marks add(const std::vector<row_op>& rows, lsn position);
    /// Lets go of a record's rows, but for those that a later record changed again. In LSN order.
    void drop(const marks& left_behind, lsn position);
    [[nodiscard]] const pending_row* find(const std::string& key) const;
    /// Pending rows with this prefix, in key order.
    [[nodiscard]] std::vector<std::pair<std::string, pending_row>> with_prefix(
        std::string_view prefix) const;
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

  private:
    std::map<std::string, pending_row, std::less<>> rows_;
};

}  // namespace taicang
