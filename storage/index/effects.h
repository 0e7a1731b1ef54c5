// Effects: what a journal record does to the index, already decided. A record's body is a list of
// effects; applying it is total and deterministic (no reads, no conditions), so index, replica and
// recovery all end in the same rows. The LSN of version rows in a record is the record's own. Pure
// functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/index/rows.h"

namespace taicang {

namespace effect {

struct bucket_put {
    bucket_row row;
};
/// Ends a bucket. With `purge` the row made at `made_at` goes at once (no view needs it); without,
/// it stays and a tombstone is put above it. Also purges such a tombstone later.
struct bucket_drop {
    std::string name;
    lsn made_at;
    bool purge = true;
};
struct version_put {
    bucket_id bucket;
    std::string key;
    version_row row;
};
/// Removes one row of a key for good (superseded, and no view needs it).
struct version_purge {
    bucket_id bucket;
    std::string key;
    lsn position;
};
/// Remembers a superseded row that a view may still need; reclaim purges it later.
struct version_retire {
    bucket_id bucket;
    std::string key;
    lsn position;
};
/// Takes such a remembrance away (with the version_purge).
struct retired_drop {
    lsn when;
    bucket_id bucket;
    std::string key;
    lsn position;
};
/// The whole row, references included, replaces what was there.
struct blob_put {
    blob_id id;
    blob_row row;
};
struct blob_drop {
    blob_id id;
};
struct upload_put {
    upload_row row;
};
struct upload_drop {
    bucket_id bucket;
    std::string key;
    std::string upload_id;
};
struct part_put {
    std::string upload_id;
    part_row row;
};
struct part_drop {
    std::string upload_id;
    std::uint32_t number = 0;
};
struct group_put {
    group_row row;
};
/// Adds to the live bytes of a group.
struct group_live {
    group_id id;
    std::int64_t delta = 0;
};
struct group_drop {
    group_id id;
};
struct cursor_put {
    std::string name;
    lsn position;
};

}  // namespace effect

using any_effect =
    std::variant<effect::bucket_put, effect::bucket_drop, effect::version_put,
                 effect::version_purge, effect::version_retire, effect::retired_drop,
                 effect::blob_put, effect::blob_drop, effect::upload_put, effect::upload_drop,
                 effect::part_put, effect::part_drop, effect::group_put, effect::group_live,
                 effect::group_drop, effect::cursor_put>;

/// A record's body: format version, then tag, length and fields of each effect.
std::string encode_effects(const std::vector<any_effect>& effects);
result<std::vector<any_effect>> decode_effects(bytes_view body);

/// One change of one row. No value: the row goes. `add`: a merge that adds to an i64.
struct row_op {
    std::string key;
    std::optional<std::string> value;
    std::optional<std::int64_t> add;
};

/// The row changes of a record at `position`, in order.
std::vector<row_op> rows_of(const std::vector<any_effect>& effects, lsn position);

}  // namespace taicang
