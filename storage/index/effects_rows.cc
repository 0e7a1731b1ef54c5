// From effects to changes of rows: total and deterministic, reads nothing.
#include <utility>

#include "storage/index/effects.h"
#include "storage/index/keys.h"

namespace taicang {
namespace {

using namespace effect;

struct row_writer {
    std::vector<row_op>& rows;
    lsn position;

    void put(std::string key, std::string value) {
        rows.push_back({std::move(key), std::move(value), std::nullopt});
    }
    void drop(std::string key) { rows.push_back({std::move(key), std::nullopt, std::nullopt}); }

    void operator()(const bucket_put& e) {
        put(index_key::bucket(e.row.name, position), encode_row(e.row));
    }
    void operator()(const bucket_drop& e) {
        if (e.purge) return drop(index_key::bucket(e.name, e.made_at));
        bucket_row ended;
        ended.name = e.name;
        ended.tombstone = true;
        put(index_key::bucket(e.name, position), encode_row(ended));
    }
    void operator()(const version_put& e) {
        put(index_key::version(e.bucket, e.key, position), encode_row(e.row));
    }
    void operator()(const version_purge& e) {
        drop(index_key::version(e.bucket, e.key, e.position));
    }
    void operator()(const version_retire& e) {
        put(index_key::retired(position, index_key::version(e.bucket, e.key, e.position)), {});
    }
    void operator()(const retired_drop& e) {
        drop(index_key::retired(e.when, index_key::version(e.bucket, e.key, e.position)));
    }
    void operator()(const blob_put& e) {
        // A record cannot name itself before it has its LSN: position 0 stands for "this record".
        if (e.row.journal && e.row.journal->position == lsn{}) {
            blob_row here = e.row;
            here.journal->position = position;
            return put(index_key::blob(e.id), encode_row(here));
        }
        put(index_key::blob(e.id), encode_row(e.row));
    }
    void operator()(const blob_drop& e) { drop(index_key::blob(e.id)); }
    void operator()(const upload_put& e) {
        put(index_key::upload(e.row.bucket, e.row.key, e.row.upload_id), encode_row(e.row));
    }
    void operator()(const upload_drop& e) { drop(index_key::upload(e.bucket, e.key, e.upload_id)); }
    void operator()(const part_put& e) {
        put(index_key::part(e.upload_id, e.row.number), encode_row(e.row));
    }
    void operator()(const part_drop& e) { drop(index_key::part(e.upload_id, e.number)); }
    // A group's row may be replaced (rebuild, drain) without touching what is live in it.
    void operator()(const group_put& e) { put(index_key::group(e.row.id), encode_row(e.row)); }
    void operator()(const group_live& e) {
        rows.push_back({index_key::group_live(e.id), std::nullopt, e.delta});
    }
    void operator()(const group_drop& e) {
        drop(index_key::group(e.id));
        drop(index_key::group_live(e.id));
    }
    void operator()(const cursor_put& e) {
        put(index_key::cursor(e.name), encode_position(e.position));
    }
};

}  // namespace

std::vector<row_op> rows_of(const std::vector<any_effect>& effects, lsn position) {
    TC_ASSERT(position != lsn{});
    std::vector<row_op> rows;
    rows.reserve(effects.size() + 1);
    for (const any_effect& one : effects)
        std::visit(row_writer{rows, position}, one);
    return rows;
}

}  // namespace taicang
