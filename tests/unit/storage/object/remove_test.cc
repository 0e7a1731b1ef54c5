#include <gtest/gtest.h>

#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

TEST(remove, the_version_and_its_bytes_go_and_again_is_fine) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "small", "x");
    at.put("bucket", "large", pattern(500'000, 1));
    EXPECT_TRUE(at.try_remove("bucket", "small")->existed);
    EXPECT_TRUE(at.try_remove("bucket", "large")->existed);
    EXPECT_FALSE(at.try_remove("bucket", "large")->existed);
    EXPECT_EQ(at.live_bytes(), 0);
    EXPECT_EQ(at.count_rows(index_key::family::version), 0U);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
    EXPECT_TRUE(at.try_remove("nowhere", "k").is(errc::bucket_not_found));
}

TEST(remove, by_version_and_by_condition) {
    object_world at;
    at.bucket("bucket");
    const auto done = at.put("bucket", "k", "x");
    conditions when;
    when.if_match = {"ffff"};
    EXPECT_TRUE(at.run(at.objects->remove("bucket", "k", std::nullopt, when))
                    .is(errc::precondition_failed));
    EXPECT_TRUE(at.run(at.objects->remove("bucket", "missing", std::nullopt, when))
                    .is(errc::key_not_found));
    EXPECT_FALSE(at.run(at.objects->remove("bucket", "k", "00000000ffffffff", {}))->existed);
    EXPECT_TRUE(
        at.run(at.objects->remove("bucket", "k", "nonsense", {})).is(errc::invalid_argument));
    EXPECT_EQ(at.get("bucket", "k"), "x");
    when.if_match = {done.etag};
    EXPECT_TRUE(at.run(at.objects->remove("bucket", "k", "null", when))->existed);
    EXPECT_TRUE(at.try_get("bucket", "k").is(errc::key_not_found));
}

TEST(remove, many_in_one_record) {
    object_world at;
    at.bucket("bucket");
    std::vector<std::string> keys;
    for (int i = 0; i < 300; ++i) {
        keys.push_back("key" + std::to_string(i));
        if (i % 3 != 0) at.put("bucket", keys.back(), "x");
    }
    keys.push_back("key1");  // twice in one request
    keys.push_back("");
    const lsn before = at.log.last_appended();
    const auto done = at.run(at.objects->remove_many("bucket", keys));
    ASSERT_TRUE(done);
    ASSERT_EQ(done->size(), keys.size());
    for (std::size_t i = 0; i < 300; ++i) {
        EXPECT_FALSE((*done)[i].failure);
        EXPECT_EQ((*done)[i].existed, i % 3 != 0);
        EXPECT_EQ((*done)[i].key, keys[i]);
    }
    EXPECT_FALSE((*done)[300].failure);
    ASSERT_TRUE((*done)[301].failure);
    EXPECT_EQ((*done)[301].failure->code, errc::invalid_argument);
    EXPECT_EQ(at.log.last_appended().value - before.value, 1U);
    EXPECT_TRUE(at.list("bucket").entries.empty());
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
}

task<void> remove_all(object_world* at, std::vector<std::string> keys, int* existed) {
    auto done = co_await at->objects->remove_many("bucket", std::move(keys));
    EXPECT_TRUE(done);
    for (const auto& one : *done)
        *existed += one.existed ? 1 : 0;
}
task<bool> remove_at_once(object_world* at, std::vector<std::string> keys, int* existed) {
    gate holder;
    std::vector<std::string> back(keys.rbegin(), keys.rend());
    EXPECT_TRUE(spawn(holder, remove_all(at, std::move(keys), existed)));
    EXPECT_TRUE(spawn(holder, remove_all(at, std::move(back), existed)));
    co_await holder.close();
    co_return true;
}

TEST(remove, many_against_many_neither_deadlock_nor_delete_twice) {
    object_world at;
    at.bucket("bucket");
    std::vector<std::string> keys;
    for (int i = 0; i < 50; ++i) {
        keys.push_back("key" + std::to_string(i));
        // Copies share blobs.
        at.put("bucket", keys.back(), pattern(i % 5 == 0 ? 200'000 : 10, 1));
        copy_request copy;
        copy.source_bucket = copy.bucket = "bucket";
        copy.source_key = keys.back();
        copy.key = "copy" + std::to_string(i);
        keys.push_back(copy.key);
        EXPECT_TRUE(at.run(at.objects->copy(copy)));
    }
    int existed = 0;
    EXPECT_TRUE(at.run(remove_at_once(&at, keys, &existed)));
    EXPECT_EQ(existed, 100);
    EXPECT_EQ(at.live_bytes(), 0);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
}

}  // namespace
}  // namespace taicang::test
