#include <gtest/gtest.h>

#include "storage/base/mark.h"
#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

open_request wanted(const std::string& key) {
    open_request made;
    made.bucket = "bucket";
    made.key = key;
    return made;
}

TEST(get, ranges_across_runs_give_the_bytes_in_between) {
    object_world at;
    at.bucket("bucket");
    const std::string text = pattern(1'000'000, 1);
    at.put("bucket", "k", text);
    auto random = seeded_random(5);
    for (int i = 0; i < 60; ++i) {
        const std::uint64_t first = random->below(text.size());
        const std::uint64_t last = first + random->below(text.size() - first);
        open_request part = wanted("k");
        part.range = range_request{first, last};
        const auto got = at.run(at.read(part));
        ASSERT_TRUE(got);
        EXPECT_EQ(*got, text.substr(first, last - first + 1));
    }
    open_request tail = wanted("k");
    tail.range = range_request{std::nullopt, 17};
    EXPECT_EQ(*at.run(at.read(tail)), text.substr(text.size() - 17));
    open_request outside = wanted("k");
    outside.range = range_request{text.size(), std::nullopt};
    EXPECT_TRUE(at.run(at.read(outside)).is(errc::range_not_satisfiable));
}

TEST(get, a_range_reads_only_what_it_needs) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "k", pattern(1'000'000, 1));
    const auto before = at.stripes.reads;
    open_request part = wanted("k");
    part.range = range_request{300'000, 300'099};
    EXPECT_EQ(at.run(at.read(part))->size(), 100U);
    EXPECT_EQ(at.stripes.reads - before, 1U);
}

TEST(get, a_small_one_costs_one_seek_one_row_and_one_read) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "k", "hello");
    const index_figures before = at.rows->figures();
    EXPECT_EQ(at.get("bucket", "k"), "hello");
    const index_figures after = at.rows->figures();
    EXPECT_EQ(after.seeks - before.seeks, 1U);
    EXPECT_EQ(after.gets - before.gets, 1U);
    EXPECT_EQ(at.log.reads, 1U);
}

TEST(get, conditions) {
    object_world at;
    at.bucket("bucket");
    const auto done = at.put("bucket", "k", "hello");
    open_request same = wanted("k");
    same.when.if_none_match = {done.etag};
    EXPECT_TRUE(at.run(at.read(same)).is(errc::not_modified));
    open_request other = wanted("k");
    other.when.if_match = {"ffff"};
    EXPECT_TRUE(at.run(at.read(other)).is(errc::precondition_failed));
}

TEST(get, versions_by_id) {
    object_world at;
    at.bucket("bucket");
    const auto done = at.put("bucket", "k", "hello");
    open_request one = wanted("k");
    one.version_id = "null";
    EXPECT_EQ(*at.run(at.read(one)), "hello");
    version_row numbered;
    numbered.null_version = false;
    one.version_id = version_id_text(numbered, done.position);
    EXPECT_EQ(*at.run(at.read(one)), "hello");
    one.version_id = version_id_text(numbered, lsn{done.position.value + 1});
    EXPECT_TRUE(at.run(at.read(one)).is(errc::key_not_found));
    one.version_id = "nonsense";
    EXPECT_TRUE(at.run(at.read(one)).is(errc::invalid_argument));
}

task<bool> read_through_changes(object_world* at, std::string text) {
    auto reader = co_await at->objects->open(wanted("k"));
    EXPECT_TRUE(reader);
    auto begun = co_await (*reader)->next();
    EXPECT_TRUE(begun);
    std::string got(as_text(begun->view()));
    auto removed = co_await at->objects->remove("bucket", "k", std::nullopt, {});
    EXPECT_TRUE(removed && removed->existed);
    // As reclaim would: the group is dead.
    for (const group_row& row : at->stripes.groups()) {
        EXPECT_EQ(at->decisions->live_bytes(row.id), 0);
        at->stripes.release(row.id);
    }
    auto rest = co_await at->read_all(**reader);
    EXPECT_TRUE(rest);
    got += *rest;
    EXPECT_EQ(got, text);
    co_return true;
}

TEST(get, a_reader_goes_on_when_its_object_is_deleted_and_the_group_freed) {
    object_world at;
    at.bucket("bucket");
    const std::string text = pattern(1'000'000, 1);
    at.put("bucket", "k", text);
    EXPECT_TRUE(at.run(read_through_changes(&at, text)));
    EXPECT_TRUE(at.try_get("bucket", "k").is(errc::key_not_found));
}

task<bool> journal_goes(object_world* at) {
    auto reader = co_await at->objects->open(wanted("k"));
    EXPECT_TRUE(reader);
    auto removed = co_await at->objects->remove("bucket", "k", std::nullopt, {});
    EXPECT_TRUE(removed);
    at->log.release_below(lsn{1000});
    auto got = co_await at->read_all(**reader);
    EXPECT_TRUE(got);
    EXPECT_EQ(*got, "hello");
    co_return true;
}

TEST(get, a_reader_keeps_bytes_that_were_in_the_journal) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "k", "hello");
    EXPECT_TRUE(at.run(journal_goes(&at)));
}

/// What packing does to one blob.
task<result<void>> pack(object_world* at, blob_id blob, std::string text) {
    run_request request;
    request.data = as_bytes(text);
    auto written = co_await at->stripes.write_run(request);
    std::vector<std::string> names{key_locks::blob_name(blob)};
    const name_lock held = co_await at->decisions->lock(std::move(names));
    auto seen = co_await at->decisions->row(index_key::blob(blob));
    if (!seen->value) co_return ok();
    TC_CO_TRY_ASSIGN(row, decode_blob_row(as_bytes(*seen->value)));
    row.journal.reset();
    row.pieces = {written->where};
    decision change;
    change.kind = record_kind::job;
    change.effects.push_back(effect::group_live{written->where.group, written->where.length});
    change.effects.push_back(effect::blob_put{blob, std::move(row)});
    auto committed = co_await at->decisions->commit(std::move(change));
    if (!committed) co_return std::move(committed).error();
    at->log.release_below(lsn{at->log.last_appended().value + 1});
    co_return ok();
}

struct counted {
    int reads = 0;
    bool stop = false;
};

task<void> read_again_and_again(object_world* at, counted* told) {
    while (!told->stop) {
        auto got = co_await at->read(wanted("k"));
        EXPECT_TRUE(got) << got.error().message;
        if (got) {
            EXPECT_EQ(*got, "hello");
        }
        ++told->reads;
    }
}

task<bool> pack_under_readers(object_world* at, blob_id blob) {
    gate holder;
    counted told;
    for (int i = 0; i < 8; ++i)
        EXPECT_TRUE(spawn(holder, read_again_and_again(at, &told)));
    co_await sleep_for(one_millisecond);
    auto packed = co_await pack(at, blob, "hello");
    EXPECT_TRUE(packed);
    co_await sleep_for(one_millisecond);
    told.stop = true;
    co_await holder.close();
    EXPECT_GT(told.reads, 16);
    co_return true;
}

TEST(get, packing_moves_bytes_under_readers_unseen) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        object_world at(seed);
        at.bucket("bucket");
        const auto done = at.put("bucket", "k", "hello");
        blob_id blob{0};
        for (const any_effect& one : at.log.effects_of(done.position)) {
            if (const auto* put = std::get_if<effect::blob_put>(&one)) blob = put->id;
        }
        EXPECT_TRUE(at.run(pack_under_readers(&at, blob)));
        EXPECT_EQ(at.get("bucket", "k"), "hello");
        (void)at.try_remove("bucket", "k");
        EXPECT_EQ(at.live_bytes(), 0);
    }
    EXPECT_GT(mark_count("object.open_again"), 0U) << "no open ever met a moved blob";
}

task<bool> drop_reader_early(object_world* at) {
    auto reader = co_await at->objects->open(wanted("k"));
    auto begun = co_await (*reader)->next();
    EXPECT_TRUE(begun);
    reader->reset();
    co_return true;
}

TEST(get, a_reader_that_is_dropped_lets_go_of_everything) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "k", pattern(1'000'000, 1));
    EXPECT_TRUE(at.run(drop_reader_early(&at)));
    at.restart();
    for (const group_row& row : at.stripes.groups())
        EXPECT_FALSE(at.stripes.is_pinned(row.id));
    EXPECT_EQ(at.budget.figures().reserved_bytes, 0U);
}

}  // namespace
}  // namespace taicang::test
