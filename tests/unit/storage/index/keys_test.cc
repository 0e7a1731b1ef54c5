#include "storage/index/keys.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/storage/golden.h"
#include "tests/unit/storage/index/random_rows.h"

namespace taicang::test {
namespace {

using namespace std::string_literals;

constexpr lsn head{std::numeric_limits<std::uint64_t>::max()};
constexpr bucket_id here{7};

std::string hex(std::string_view bytes) {
    return to_hex(as_bytes(bytes));
}

/// Keys that are near each other: prefixes of one another, with 00, 01 and ff at their ends.
std::vector<std::string> near_keys(std::uint64_t seed, std::size_t count) {
    row_source source(seed);
    std::set<std::string> keys{"a",     "a/b",       "a\0"s, "a\0\x01"s, "a\x01",
                               "a\xff", "a\xff\xff", "\xff", "\0"s,      "\0\0"s};
    while (keys.size() < count) {
        std::string key = source.flip() ? source.text(6) : *keys.begin() + source.text(3);
        if (source.flip())
            key = *std::next(keys.begin(), static_cast<long>(source.random().below(keys.size()))) +
                  source.text(2);
        if (!key.empty()) keys.insert(key);
    }
    return {keys.begin(), keys.end()};
}

TEST(index_keys, versions_sort_by_bucket_key_and_newest_first) {
    row_source source(1);
    using logical = std::tuple<std::uint64_t, std::string, std::uint64_t>;
    std::vector<logical> rows;
    for (const std::string& key : near_keys(2, 400)) {
        for (int i = 0; i < 3; ++i)
            rows.emplace_back(source.random().below(3), key, ~source.number());
    }
    for (int round = 0; round < 200'000; ++round) {
        const logical& a = rows[source.random().below(rows.size())];
        const logical& b = rows[source.random().below(rows.size())];
        const auto row_key = [](const logical& row) {
            return index_key::version(bucket_id{std::get<0>(row)}, std::get<1>(row),
                                      lsn{~std::get<2>(row)});
        };
        ASSERT_EQ(a <=> b, row_key(a) <=> row_key(b))
            << hex(row_key(a)) << " and " << hex(row_key(b));
    }
}

TEST(index_keys, a_key_sorts_before_keys_under_it) {
    EXPECT_LT(index_key::version(here, "a", lsn{}), index_key::version(here, "a/b", head));
    EXPECT_LT(index_key::version(here, "a", lsn{}), index_key::version(here, "a\0"s, head));
    EXPECT_LT(index_key::version(here, "\xff"s, lsn{}),
              index_key::version(here, "\xff\xff"s, head));
}

TEST(index_keys, no_prefix_of_a_key_is_the_prefix_of_another) {
    const auto keys = near_keys(3, 200);
    for (const std::string& a : keys) {
        for (const std::string& b : keys) {
            if (a == b) continue;
            EXPECT_FALSE(
                index_key::version(here, b, lsn{9}).starts_with(index_key::version_prefix(here, a)))
                << hex(a) << " and " << hex(b);
        }
    }
}

TEST(index_keys, seek_is_before_exactly_the_keys_not_less) {
    const auto keys = near_keys(4, 200);
    for (const std::string& from : keys) {
        const std::string seek = index_key::version_seek(here, from);
        for (const std::string& key : keys) {
            for (const lsn position : {lsn{}, head}) {
                EXPECT_EQ(key >= from, index_key::version(here, key, position) >= seek)
                    << hex(from) << " and " << hex(key);
            }
        }
        EXPECT_LT(index_key::version(bucket_id{here.value - 1}, "\xff\xff\xff", lsn{}), seek);
        EXPECT_GT(index_key::version(bucket_id{here.value + 1}, "\0"s, head), seek);
    }
}

TEST(index_keys, seek_past_prefix_skips_exactly_the_prefix) {
    auto keys = near_keys(5, 200);
    auto prefixes = keys;
    prefixes.push_back("");
    for (const std::string& prefix : prefixes) {
        const std::string seek = index_key::version_seek_past_prefix(here, prefix);
        for (const std::string& key : keys) {
            const bool after = !key.starts_with(prefix) && key > prefix;
            for (const lsn position : {lsn{}, head}) {
                EXPECT_EQ(after, index_key::version(here, key, position) >= seek)
                    << hex(prefix) << " and " << hex(key);
            }
        }
        EXPECT_GE(index_key::version(bucket_id{here.value + 1}, "\0"s, head), seek) << hex(prefix);
    }
    // Nothing is after the last bucket's keys but other families.
    const bucket_id last{std::numeric_limits<std::uint64_t>::max()};
    EXPECT_EQ(index_key::version_seek_past_prefix(last, "\xff"), "w");
}

TEST(index_keys, parts_come_back) {
    row_source source(6);
    for (int round = 0; round < 20'000; ++round) {
        const bucket_id bucket{source.number()};
        const std::string key = source.text(30);
        const lsn position{source.number()};
        const auto version = index_key::parse_version(index_key::version(bucket, key, position));
        ASSERT_TRUE(version.has_value());
        EXPECT_EQ(version->bucket, bucket);
        EXPECT_EQ(version->key, key);
        EXPECT_EQ(version->position, position);

        const std::string upload_id = source.text(20);
        const auto upload = index_key::parse_upload(index_key::upload(bucket, key, upload_id));
        ASSERT_TRUE(upload.has_value());
        EXPECT_EQ(upload->bucket, bucket);
        EXPECT_EQ(upload->key, key);
        EXPECT_EQ(upload->upload_id, upload_id);

        const auto named = index_key::parse_bucket(index_key::bucket("n" + key, position));
        ASSERT_TRUE(named.has_value());
        EXPECT_EQ(named->name, "n" + key);
        EXPECT_EQ(named->position, position);

        const lsn when{source.number()};
        const auto retired = index_key::parse_retired(
            index_key::retired(when, index_key::version(bucket, key, position)));
        ASSERT_TRUE(retired.has_value());
        EXPECT_EQ(retired->when, when);
        EXPECT_EQ(retired->version.key, key);
        EXPECT_EQ(retired->version.position, position);

        const std::uint32_t number = source.small();
        EXPECT_EQ(index_key::parse_part_number(index_key::part(upload_id, number)), number);
        const std::uint64_t id = source.number();
        EXPECT_EQ(index_key::parse_blob(index_key::blob(blob_id{id})), blob_id{id});
        EXPECT_EQ(index_key::parse_group(index_key::group(group_id{id})), group_id{id});
        EXPECT_EQ(index_key::parse_group(index_key::group_live(group_id{id})), group_id{id});
    }
}

TEST(index_keys, what_is_no_key_is_refused) {
    const std::string good = index_key::version(here, "a\0b"s, lsn{5});
    for (std::size_t length = 0; length < good.size(); ++length) {
        EXPECT_FALSE(index_key::parse_version(good.substr(0, length))) << length;
    }
    EXPECT_FALSE(index_key::parse_version(good + "x"));
    EXPECT_FALSE(index_key::parse_version(index_key::upload(here, "a", "12345678")));
    EXPECT_FALSE(index_key::parse_bucket(index_key::bucket_prefix("b")));
    EXPECT_FALSE(index_key::parse_blob(index_key::group(group_id{1})));
    EXPECT_FALSE(index_key::parse_retired(index_key::retired(lsn{1}, "v")));
    // 00 followed by neither ff nor 01.
    std::string wrong = good;
    wrong[1 + 8 + 2] = '\x02';
    EXPECT_FALSE(index_key::parse_version(wrong));
}

TEST(index_keys, parts_and_retired_rows_sort_by_number) {
    row_source source(8);
    for (int round = 0; round < 10'000; ++round) {
        const std::uint32_t a = source.small();
        const std::uint32_t b = source.small();
        EXPECT_EQ(a <=> b, index_key::part("u", a) <=> index_key::part("u", b));
        const lsn c{source.number()};
        const lsn d{source.number()};
        if (c != d) {
            EXPECT_EQ(c <=> d, index_key::retired(c, source.text(9)) <=>
                                   index_key::retired(d, source.text(9)));
        }
    }
}

TEST(index_keys, golden) {
    const bucket_id bucket{0x0102030405060708};
    const lsn position{0x1122334455667788};
    expect_golden(
        "index_keys.txt",
        {{"blob", hex(index_key::blob(blob_id{258}))},
         {"bucket", hex(index_key::bucket("photos", position))},
         {"bucket_prefix", hex(index_key::bucket_prefix("photos"))},
         {"bucket_all", hex(index_key::bucket_prefix(""))},
         {"cursor", hex(index_key::cursor("packing"))},
         {"group", hex(index_key::group(group_id{258}))},
         {"group_live", hex(index_key::group_live(group_id{258}))},
         {"meta", hex(index_key::meta("applied"))},
         {"part", hex(index_key::part("id", 258))},
         {"part_prefix", hex(index_key::part_prefix("id"))},
         {"retired", hex(index_key::retired(lsn{258}, index_key::version(bucket, "k", position)))},
         {"upload", hex(index_key::upload(bucket, "a\0b"s, "id"))},
         {"upload_bucket_prefix", hex(index_key::upload_bucket_prefix(bucket))},
         {"upload_prefix", hex(index_key::upload_prefix(bucket, "a\0b"s))},
         {"upload_seek", hex(index_key::upload_seek(bucket, "a\0b"s))},
         {"version", hex(index_key::version(bucket, "a\0b"s, position))},
         {"version_bucket_prefix", hex(index_key::version_bucket_prefix(bucket))},
         {"version_prefix", hex(index_key::version_prefix(bucket, "a\0b"s))},
         {"version_seek", hex(index_key::version_seek(bucket, "a\0b"s))},
         {"version_seek_past_prefix", hex(index_key::version_seek_past_prefix(bucket, "a\xff"))}});
}

}  // namespace
}  // namespace taicang::test
