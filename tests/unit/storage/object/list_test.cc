#include <set>

#include <gtest/gtest.h>

#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

using text_list = std::vector<std::string>;

list_request request(std::string prefix, std::string delimiter, std::size_t keys_max = 1000) {
    list_request made;
    made.prefix = std::move(prefix);
    made.delimiter = std::move(delimiter);
    made.keys_max = keys_max;
    return made;
}

/// S3's listing over a plain set of keys.
text_list expected(const std::set<std::string>& keys, const list_request& wanted) {
    text_list all;
    for (const std::string& key : keys) {
        if (!key.starts_with(wanted.prefix)) continue;
        std::size_t at = std::string::npos;
        if (!wanted.delimiter.empty()) at = key.find(wanted.delimiter, wanted.prefix.size());
        std::string name = key;
        if (at != std::string::npos) name = key.substr(0, at + wanted.delimiter.size()) + "*";
        if (all.empty() || all.back() != name) all.push_back(name);
    }
    return all;
}

/// All pages, each begun where the last ended.
text_list paged(object_world& at, list_request wanted) {
    text_list all;
    for (int page_number = 0; page_number < 1000; ++page_number) {
        const list_page page = at.list("bucket", wanted);
        EXPECT_LE(page.entries.size(), wanted.keys_max);
        for (auto& name : object_world::names(page))
            all.push_back(name);
        if (!page.truncated) return all;
        EXPECT_EQ(page.entries.size(), wanted.keys_max);
        wanted.start_after = page.entries.back().key;
        wanted.start_after_is_common_prefix = page.entries.back().common_prefix;
    }
    ADD_FAILURE() << "a listing without an end";
    return all;
}

TEST(list, prefixes_and_delimiters_of_any_length) {
    object_world at;
    at.bucket("bucket");
    std::set<std::string> keys;
    auto random = seeded_random(3);
    for (int i = 0; i < 300; ++i) {
        std::string key;
        for (std::uint64_t c = 1 + random->below(8); c > 0; --c)
            key.push_back("ab/-\xff"[random->below(5)]);
        keys.insert(key);
        at.put("bucket", key, "");
    }
    for (const char* prefix : {"", "a", "a/", "/", "b/-", "\xff", "zz", "a-b"}) {
        for (const char* delimiter : {"", "/", "a", "-/", "\xff", "/b/"}) {
            for (const std::size_t keys_max : {1U, 2U, 7U, 1000U}) {
                const list_request wanted = request(prefix, delimiter, keys_max);
                EXPECT_EQ(paged(at, wanted), expected(keys, wanted))
                    << prefix << " " << delimiter << " " << keys_max;
            }
        }
    }
}

TEST(list, truncated_is_exact) {
    object_world at;
    at.bucket("bucket");
    for (const char* key : {"a", "b/1", "b/2", "c"})
        at.put("bucket", key, "");
    EXPECT_FALSE(at.list("bucket", request("", "/", 3)).truncated);
    EXPECT_TRUE(at.list("bucket", request("", "/", 2)).truncated);
    EXPECT_FALSE(at.list("bucket", request("b/", "", 2)).truncated);
    EXPECT_FALSE(at.list("bucket", request("", "", 0)).truncated);
    EXPECT_TRUE(at.list("bucket", request("", "", 0)).entries.empty());
    list_request after = request("", "/", 10);
    after.start_after = "b/";
    EXPECT_EQ(object_world::names(at.list("bucket", after)), (text_list{"c"}))
        << "a marker that is a common prefix was shown on the page before";
    after.start_after = "b/1";
    EXPECT_EQ(object_world::names(at.list("bucket", after)), (text_list{"b/*", "c"}));
    after.start_after = "zzz";
    EXPECT_TRUE(at.list("bucket", after).entries.empty());
}

TEST(list, shows_size_etag_and_time_only_of_what_is_in_the_bucket) {
    object_world at;
    at.bucket("bucket");
    at.bucket("other");
    at.put("other", "k", "y");
    const auto done = at.put("bucket", "k", "hello");
    const list_page page = at.list("bucket");
    ASSERT_EQ(page.entries.size(), 1U);
    EXPECT_EQ(page.entries[0].version.size, 5U);
    EXPECT_EQ(page.entries[0].version.etag, done.etag);
    EXPECT_EQ(page.entries[0].version.modified, done.modified);
    EXPECT_TRUE(page.entries[0].version.blobs.empty());
    EXPECT_TRUE(at.run(at.objects->list("nowhere", {})).is(errc::bucket_not_found));
}

TEST(list, versions_one_a_key_while_nothing_is_versioned) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "a", "1");
    at.put("bucket", "a", "22");
    at.put("bucket", "b/1", "1");
    list_request wanted = request("", "/");
    wanted.versions = true;
    const list_page page = at.list("bucket", wanted);
    EXPECT_EQ(object_world::names(page), (text_list{"a", "b/*"}));
    EXPECT_TRUE(page.entries[0].latest);
    EXPECT_EQ(page.entries[0].version.size, 2U);
    wanted.start_after = "a";
    wanted.version_start_after = page.entries[0].position;
    EXPECT_EQ(object_world::names(at.list("bucket", wanted)), (text_list{"b/*"}));
}

index_figures spent(object_world& at, const list_request& wanted, std::size_t entries) {
    const index_figures before = at.rows->figures();
    const list_page page = at.list("bucket", wanted);
    EXPECT_EQ(page.entries.size(), entries);
    const index_figures after = at.rows->figures();
    index_figures figures;
    figures.seeks = after.seeks - before.seeks;
    figures.nexts = after.nexts - before.nexts;
    return figures;
}

TEST(list, the_cost_follows_what_is_returned_not_what_lies_below) {
    object_world at;
    at.bucket("bucket");
    const auto fill = [&at](int from, int to) {
        for (int i = from; i < to; ++i)
            at.put("bucket", "dir" + std::to_string(i % 10) + "/" + std::to_string(i), "");
    };
    fill(0, 100);
    const index_figures few = spent(at, request("", "/"), 10);
    fill(100, 3000);
    const index_figures many = spent(at, request("", "/"), 10);
    EXPECT_EQ(many.seeks, few.seeks);
    EXPECT_EQ(many.nexts, few.nexts);
    EXPECT_LE(many.seeks, 12U);
    const index_figures page = spent(at, request("dir1/", "", 100), 100);
    EXPECT_LE(page.seeks + page.nexts, 103U);
}

TEST(list, superseded_rows_are_passed_over_by_a_seek) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "a", "");
    at.decisions->pin_view(at.decisions->applied());
    for (int i = 0; i < 200; ++i)
        at.put("bucket", "a", std::to_string(i));
    at.put("bucket", "b", "");
    const index_figures cost = spent(at, request("", ""), 2);
    EXPECT_LE(cost.nexts, 2 * limits::same_key_nexts_max);
    EXPECT_LE(cost.seeks, 3U);
    list_request versions = request("", "");
    versions.versions = true;
    EXPECT_EQ(at.list("bucket", versions).entries.size(), 2U)
        << "rows kept for a view are no versions";
}

}  // namespace
}  // namespace taicang::test
