// Buckets: few, all in memory as decided. Deleting one: its name locked -> closed (decisions on it
// wait) -> no version left? -> ending (they are refused) -> its uploads dropped in bounded records
// -> the bucket's row dropped. A crash in between leaves an empty bucket with fewer uploads, which
// can be deleted again.
#include "storage/base/limits.h"
#include "storage/object/service_impl.h"

namespace taicang {

task<result<bucket_row>> shard_objects::create_bucket(std::string name, std::string owner,
                                                      std::string region) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    TC_CO_TRY(check_bucket_name(name));
    std::vector<std::string> names{key_locks::bucket_name(name)};
    name_lock held = co_await decisions_.lock(std::move(names));
    const auto seen = decisions_.bucket(name);
    if (seen.row) {
        const bool same = seen.row->owner == owner;
        error why = error(errc::bucket_exists, "bucket \"" + name + "\" is yours already");
        if (!same)
            why = error(errc::already_exists, "bucket \"" + name +
                                                  "\" belongs to another account; choose "
                                                  "another name");
        co_return co_await refused(std::move(why), seen.pending);
    }
    if (decisions_.bucket_count() >= limits::buckets_max) {
        error why =
            error(errc::too_many_buckets, "there are " + std::to_string(limits::buckets_max) +
                                              " buckets already; delete one first");
        co_return co_await refused(std::move(why), decisions_.buckets_changed());
    }
    bucket_row row;
    row.id = decisions_.next_bucket_id();
    row.name = std::move(name);
    row.owner = std::move(owner);
    row.created = env_.home.wall_now();
    row.region = std::move(region);
    decision change;
    change.effects.push_back(effect::bucket_put{row});
    auto committed = co_await decisions_.commit(std::move(change), std::move(held));
    if (!committed) co_return std::move(committed).error();
    co_return std::move(row);
}

task<result<void>> shard_objects::delete_bucket(std::string name) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    std::vector<std::string> names{key_locks::bucket_name(name)};
    const name_lock held = co_await decisions_.lock(std::move(names));
    const auto seen = decisions_.bucket(name);
    if (!seen.row) {
        error why = error(errc::bucket_not_found, "there is no bucket \"" + name + "\"");
        co_return co_await refused(std::move(why), seen.pending);
    }
    const bucket_id bucket = seen.row->id;
    co_await decisions_.close_bucket(bucket);
    auto ended = co_await end_bucket(*seen.row, seen.made_at);
    decisions_.reopen_bucket(bucket);
    co_return ended;
}

task<result<void>> shard_objects::end_bucket(bucket_row row, lsn made_at) {
    auto empty = co_await decisions_.bucket_is_empty(row.id);
    if (!empty) co_return std::move(empty).error();
    if (!*empty) {
        co_return error(errc::bucket_not_empty,
                        "bucket \"" + row.name + "\" holds objects; delete them first");
    }
    decisions_.end_bucket(row.id);
    TC_CO_TRY(co_await end_uploads(row.id));
    decision change;
    change.frees = true;
    change.effects.push_back(
        effect::bucket_drop{row.name, made_at, !decisions_.keeps_superseded()});
    auto committed = co_await decisions_.commit(std::move(change));
    if (!committed) co_return std::move(committed).error();
    co_return ok();
}

task<result<void>> shard_objects::end_uploads(bucket_id bucket) {
    const std::string prefix = index_key::upload_bucket_prefix(bucket);
    // Nothing adds uploads to an ending bucket, so every round has fewer.
    for (std::size_t round = 0; round < limits::bucket_end_attempts_max; ++round) {
        auto first = co_await rows_.first_with_prefix(prefix);
        if (!first) co_return std::move(first).error();
        if (!*first) co_return ok();
        auto upload = decode_upload_row(as_bytes((*first)->value));
        if (!upload) co_return std::move(upload).error();
        std::vector<std::string> names{key_locks::upload_name(upload->upload_id)};
        const name_lock held = co_await decisions_.lock(std::move(names));
        TC_CO_TRY(co_await drop_upload(std::move(*upload), std::nullopt));
    }
    co_return error(errc::busy,
                    "the bucket has very many uploads in progress; repeat to drop the rest");
}

task<result<bucket_row>> shard_objects::find_bucket(std::string name) {
    const auto seen = decisions_.bucket(name);
    if (!seen.row) {
        error why = error(errc::bucket_not_found, "there is no bucket \"" + name + "\"");
        co_return co_await refused(std::move(why), seen.pending);
    }
    bucket_row row = *seen.row;
    if (seen.pending.value != 0) TC_CO_TRY(co_await decisions_.settled(seen.pending));
    co_return std::move(row);
}

task<result<std::vector<bucket_row>>> shard_objects::list_buckets() {
    auto all = decisions_.buckets();
    TC_CO_TRY(co_await decisions_.settled(decisions_.buckets_changed()));
    co_return std::move(all);
}

}  // namespace taicang
