#include "storage/object/sequencer.h"

#include <gtest/gtest.h>

#include "storage/object/blob_refs.h"
#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

decision put_of(bucket_id bucket, const std::string& key) {
    decision change;
    change.bucket = bucket;
    version_row row;
    row.etag = key;
    change.effects.push_back(effect::version_put{bucket, key, row});
    return change;
}

struct outcome {
    bool done = false;
    std::optional<errc> failed;
};

task<void> commit(object_world* at, decision change, outcome* told) {
    auto committed = co_await at->decisions->commit(std::move(change));
    told->done = true;
    if (!committed) told->failed = committed.error().code;
}

task<bool> sees_pending(object_world* at, bucket_id bucket) {
    gate holder;
    outcome told;
    at->log.held = true;
    EXPECT_TRUE(spawn(holder, commit(at, put_of(bucket, "k"), &told)));
    auto seen = co_await at->decisions->current_version(bucket, "k");
    EXPECT_TRUE(seen && seen->version);
    EXPECT_EQ(seen->pending, at->log.last_appended());
    EXPECT_FALSE(told.done) << "answered before it was durable";
    co_await sleep_for(50 * one_millisecond);
    EXPECT_FALSE(told.done);
    at->log.release_held();
    EXPECT_TRUE(co_await at->decisions->settled(seen->pending));
    co_await holder.close();
    EXPECT_TRUE(told.done && !told.failed);
    auto again = co_await at->decisions->current_version(bucket, "k");
    EXPECT_EQ(again->pending, lsn{0});
    EXPECT_TRUE(again->version);
    co_return true;
}

TEST(sequencer, pending_decisions_are_seen_and_answered_when_durable_and_applied) {
    object_world at;
    const bucket_row bucket = at.bucket("bucket");
    EXPECT_TRUE(at.run(sees_pending(&at, bucket.id)));
    EXPECT_EQ(at.rows->applied(), at.log.last_durable());
}

decision blob_of(blob_id blob, std::uint64_t length) {
    decision change;
    blob_row row;
    row.logical_length = row.stored_length = length;
    change.effects.push_back(effect::blob_put{blob, row});
    return change;
}

task<bool> sees_many(object_world* at) {
    auto applied = co_await at->decisions->commit(blob_of(blob_id{1}, 10));
    EXPECT_TRUE(applied);
    gate holder;
    outcome told;
    at->log.held = true;
    EXPECT_TRUE(spawn(holder, commit(at, blob_of(blob_id{2}, 20), &told)));
    std::vector<std::string> keys;
    for (const std::uint64_t number : {2U, 3U, 1U})
        keys.push_back(index_key::blob(blob_id{number}));
    auto seen = co_await at->decisions->rows(std::move(keys));
    EXPECT_TRUE(seen && seen->size() == 3);
    EXPECT_TRUE((*seen)[0] && decode_blob_row(as_bytes(*(*seen)[0]))->stored_length == 20);
    EXPECT_FALSE((*seen)[1]);
    EXPECT_TRUE((*seen)[2] && decode_blob_row(as_bytes(*(*seen)[2]))->stored_length == 10);
    at->log.release_held();
    co_await holder.close();
    co_return true;
}

TEST(sequencer, many_rows_are_seen_as_all_decisions_leave_them) {
    object_world at;
    EXPECT_TRUE(at.run(sees_many(&at)));
}

task<bool> share_commits(object_world* at, bucket_id bucket) {
    gate holder;
    std::vector<outcome> told(20);
    for (std::size_t i = 0; i < told.size(); ++i)
        EXPECT_TRUE(spawn(holder, commit(at, put_of(bucket, std::to_string(i)), &told[i])));
    co_await holder.close();
    for (const outcome& one : told)
        EXPECT_TRUE(one.done && !one.failed);
    co_return true;
}

TEST(sequencer, decisions_share_group_commits) {
    object_world at;
    const bucket_row bucket = at.bucket("bucket");
    const auto before = at.log.commits;
    EXPECT_TRUE(at.run(share_commits(&at, bucket.id)));
    EXPECT_LE(at.log.commits - before, 2U);
}

task<bool> fails(object_world* at, bucket_id bucket) {
    gate holder;
    outcome told;
    at->log.held = true;
    EXPECT_TRUE(spawn(holder, commit(at, put_of(bucket, "k"), &told)));
    at->log.fail();
    co_await holder.close();
    EXPECT_EQ(told.failed, errc::outcome_unknown);
    auto refused = co_await at->decisions->commit(put_of(bucket, "l"));
    EXPECT_TRUE(refused.is(errc::stopped));
    co_return true;
}

TEST(sequencer, a_journal_that_fails_leaves_outcomes_unknown_and_refuses_the_rest) {
    object_world at;
    const bucket_row bucket = at.bucket("bucket");
    EXPECT_TRUE(at.run(fails(&at, bucket.id)));
}

task<bool> closes(object_world* at, bucket_id bucket) {
    gate holder;
    outcome waits;
    outcome refused;
    co_await at->decisions->close_bucket(bucket);
    EXPECT_TRUE(spawn(holder, commit(at, put_of(bucket, "k"), &waits)));
    co_await sleep_for(10 * one_millisecond);
    EXPECT_FALSE(waits.done);
    at->decisions->reopen_bucket(bucket);
    co_await sleep_for(10 * one_millisecond);
    EXPECT_TRUE(waits.done && !waits.failed);
    co_await at->decisions->close_bucket(bucket);
    EXPECT_TRUE(spawn(holder, commit(at, put_of(bucket, "l"), &refused)));
    at->decisions->end_bucket(bucket);
    co_await holder.close();
    EXPECT_EQ(refused.failed, errc::conflict);
    at->decisions->reopen_bucket(bucket);
    co_return true;
}

TEST(sequencer, a_closed_bucket_waits_and_an_ending_one_refuses) {
    object_world at;
    const bucket_row bucket = at.bucket("bucket");
    EXPECT_TRUE(at.run(closes(&at, bucket.id)));
}

TEST(sequencer, frees_have_room_in_a_full_journal) {
    object_world at;
    const bucket_row bucket = at.bucket("bucket");
    at.put("bucket", "k", "x");
    at.log.full = true;
    EXPECT_TRUE(at.try_remove("bucket", "k")->existed);
    EXPECT_TRUE(at.try_put(at.request("bucket", "k"), "x").is(errc::busy));
    at.log.full = false;
    at.put("bucket", "k", "y");
}

TEST(sequencer, a_new_life_knows_buckets_and_live_bytes) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "large", pattern(300'000, 1));
    const auto live = at.live_bytes();
    EXPECT_EQ(live, 300'000);
    at.restart();
    EXPECT_EQ(at.live_bytes(), live);
    EXPECT_EQ(at.get("bucket", "large"), pattern(300'000, 1));
    EXPECT_TRUE(at.run(at.objects->find_bucket("bucket")));
}

TEST(sequencer, clocks_and_ids_never_repeat) {
    object_world at;
    auto last = at.decisions->now();
    auto blob = at.decisions->next_blob_id();
    for (int i = 0; i < 1000; ++i) {
        const auto next = at.decisions->now();
        EXPECT_LT(last, next);
        last = next;
    }
    at.restart();
    EXPECT_LT(blob, at.decisions->next_blob_id());
}

task<bool> purge_retired(object_world* at, bucket_id bucket) {
    std::vector<index_key::retired_parts> retired;
    auto read = co_await at->rows->with_cursor([&retired](index_cursor& cursor) {
        for (cursor.seek("r"); cursor.valid() && cursor.key().starts_with("r"); cursor.next())
            retired.push_back(*index_key::parse_retired(cursor.key()));
        return cursor.status();
    });
    EXPECT_TRUE(read);
    for (const auto& one : retired) {
        std::vector<std::string> names{key_locks::key_name(bucket, one.version.key)};
        const name_lock held = co_await at->decisions->lock(std::move(names));
        auto removed = co_await remove_version(*at->decisions, one);
        EXPECT_TRUE(removed);
        removed->change.effects.push_back(effect::retired_drop{
            one.when, one.version.bucket, one.version.key, one.version.position});
        EXPECT_TRUE(co_await at->decisions->commit(std::move(removed->change)));
    }
    co_return true;
}

task<result<std::optional<std::pair<lsn, version_row>>>> at_view(object_world* at, bucket_id bucket,
                                                                 std::string key, lsn view) {
    std::optional<std::pair<lsn, version_row>> found;
    auto read = co_await at->rows->with_cursor([&](index_cursor& cursor) -> result<void> {
        TC_TRY_ASSIGN(one, version_at(cursor, bucket, key, view));
        found = std::move(one);
        return ok();
    });
    if (!read) co_return std::move(read).error();
    co_return std::move(found);
}

TEST(sequencer, rows_that_a_view_needs_are_retired_and_purged_later_without_coming_back) {
    object_world at;
    const bucket_id bucket = at.bucket("bucket").id;
    at.put("bucket", "k", "one");
    const lsn view = at.decisions->applied();
    at.decisions->pin_view(view);
    at.put("bucket", "k", "two");
    EXPECT_TRUE(at.try_remove("bucket", "k")->existed);
    EXPECT_FALSE(at.try_remove("bucket", "k")->existed);
    EXPECT_TRUE(at.try_get("bucket", "k").is(errc::key_not_found));
    EXPECT_TRUE(at.list("bucket").entries.empty());
    list_request versions;
    versions.versions = true;
    EXPECT_TRUE(at.list("bucket", versions).entries.empty());
    auto then = at.run(at_view(&at, bucket, "k", view));
    ASSERT_TRUE(then && *then);
    EXPECT_EQ((*then)->second.size, 3U);
    at.decisions->unpin_view(view);
    EXPECT_TRUE(at.decisions->keeps_superseded()) << "rows below must stay hidden until purged";
    at.put("bucket", "k", "three");
    EXPECT_EQ(at.list("bucket", versions).entries.size(), 1U);
    EXPECT_TRUE(at.try_remove("bucket", "k")->existed);
    EXPECT_TRUE(at.try_get("bucket", "k").is(errc::key_not_found));
    EXPECT_TRUE(at.run(purge_retired(&at, bucket)));
    EXPECT_FALSE(at.decisions->keeps_superseded());
    EXPECT_EQ(at.count_rows(index_key::family::version), 0U);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
    EXPECT_EQ(at.count_rows(index_key::family::retired), 0U);
    EXPECT_TRUE(at.try_get("bucket", "k").is(errc::key_not_found));
}

}  // namespace
}  // namespace taicang::test
