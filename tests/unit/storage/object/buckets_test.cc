#include <gtest/gtest.h>

#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

TEST(buckets, made_found_listed_dropped) {
    object_world at;
    at.bucket("bbb");
    at.bucket("aaa");
    const auto found = at.run(at.objects->find_bucket("bbb"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->owner, "me");
    EXPECT_EQ(found->region, "here");
    EXPECT_GT(found->created, 0);
    auto all = at.run(at.objects->list_buckets());
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ((*all)[0].name, "aaa");
    EXPECT_TRUE(at.run(at.objects->delete_bucket("aaa")));
    EXPECT_TRUE(at.run(at.objects->delete_bucket("aaa")).is(errc::bucket_not_found));
    EXPECT_TRUE(at.run(at.objects->find_bucket("aaa")).is(errc::bucket_not_found));
    EXPECT_EQ(at.run(at.objects->list_buckets())->size(), 1U);
}

TEST(buckets, a_name_is_taken_once) {
    object_world at;
    at.bucket("bucket");
    EXPECT_TRUE(at.run(at.objects->create_bucket("bucket", "me", "")).is(errc::bucket_exists));
    EXPECT_TRUE(at.run(at.objects->create_bucket("bucket", "you", "")).is(errc::already_exists));
    EXPECT_TRUE(at.run(at.objects->create_bucket("B", "me", "")).is(errc::bucket_name_invalid));
}

TEST(buckets, only_empty_ones_go_and_a_new_one_of_the_name_is_another) {
    object_world at;
    const bucket_id first = at.bucket("bucket").id;
    at.put("bucket", "k", "x");
    EXPECT_TRUE(at.run(at.objects->delete_bucket("bucket")).is(errc::bucket_not_empty));
    at.put("bucket", "l", "it is open again");
    (void)at.try_remove("bucket", "k");
    (void)at.try_remove("bucket", "l");
    EXPECT_TRUE(at.run(at.objects->delete_bucket("bucket")));
    EXPECT_TRUE(at.try_put(at.request("bucket", "k"), "x").is(errc::bucket_not_found));
    EXPECT_TRUE(at.try_get("bucket", "k").is(errc::bucket_not_found));
    EXPECT_NE(at.bucket("bucket").id, first);
    EXPECT_TRUE(at.list("bucket").entries.empty());
    at.restart();
    EXPECT_TRUE(at.list("bucket").entries.empty());
}

TEST(buckets, uploads_in_progress_go_with_their_bucket) {
    object_world at;
    at.bucket("bucket");
    upload_request begin;
    begin.bucket = "bucket";
    begin.key = "k";
    const auto upload = at.run(at.objects->create_upload(begin));
    part_request part;
    part.bucket = "bucket";
    part.key = "k";
    part.upload_id = upload->upload_id;
    part.number = 1;
    auto writer = at.run(at.objects->begin_part(part));
    ASSERT_TRUE(at.run((*writer)->write(at.bytes(pattern(600'000, 3)))));
    ASSERT_TRUE(at.run((*writer)->commit()));
    writer->reset();
    EXPECT_EQ(at.live_bytes(), 600'000);
    ASSERT_TRUE(at.run(at.objects->delete_bucket("bucket")));
    EXPECT_EQ(at.live_bytes(), 0);
    EXPECT_EQ(at.count_rows(index_key::family::upload), 0U);
    EXPECT_EQ(at.count_rows(index_key::family::part), 0U);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
}

struct race {
    std::optional<result<put_result>> put;
    std::optional<result<void>> dropped;
};

task<void> racing_put(object_world* at, race* told, nanoseconds delay) {
    co_await sleep_for(delay);
    put_request request = at->request("bucket", "k");
    buffer body = at->bytes("x");
    told->put = co_await at->objects->put(std::move(request), std::move(body));
}
task<void> racing_drop(object_world* at, race* told, nanoseconds delay) {
    co_await sleep_for(delay);
    told->dropped = co_await at->objects->delete_bucket("bucket");
}
task<bool> both(object_world* at, race* told, nanoseconds put_at, nanoseconds drop_at) {
    gate holder;
    EXPECT_TRUE(spawn(holder, racing_put(at, told, put_at)));
    EXPECT_TRUE(spawn(holder, racing_drop(at, told, drop_at)));
    co_await holder.close();
    co_return true;
}

TEST(buckets, a_put_and_a_deletion_of_its_bucket_never_both_win) {
    int puts = 0;
    int drops = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        object_world at(seed);
        at.bucket("bucket");
        race told;
        const auto put_at = static_cast<nanoseconds>(seed % 6) * 40 * one_microsecond;
        const auto drop_at = static_cast<nanoseconds>(seed / 6) * 40 * one_microsecond;
        EXPECT_TRUE(at.run(both(&at, &told, put_at, drop_at)));
        ASSERT_TRUE(told.put && told.dropped);
        EXPECT_NE(told.put->ok(), told.dropped->ok()) << "seed " << seed;
        if (told.put->ok()) {
            ++puts;
            EXPECT_TRUE(told.dropped->is(errc::bucket_not_empty));
            EXPECT_EQ(at.get("bucket", "k"), "x");
        } else {
            ++drops;
            EXPECT_TRUE(told.put->is(errc::bucket_not_found) || told.put->is(errc::conflict));
        }
    }
    EXPECT_GT(puts, 0);
    EXPECT_GT(drops, 0);
}

}  // namespace
}  // namespace taicang::test
