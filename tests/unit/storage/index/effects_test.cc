#include "storage/index/effects.h"

#include <map>

#include <gtest/gtest.h>

#include "storage/index/keys.h"
#include "tests/unit/storage/golden.h"
#include "tests/unit/storage/index/random_rows.h"

namespace taicang::test {
namespace {

std::vector<any_effect> one_of_each(std::uint64_t seed) {
    row_source source(seed);
    std::vector<any_effect> effects;
    for (std::size_t which = 0; which < std::variant_size_v<any_effect>; ++which) {
        effects.push_back(source.effect_of(which));
        EXPECT_EQ(effects.back().index(), which);
    }
    return effects;
}

// Rows of the same effects are the same, so equal rows stand for equal effects; encoding stands for
// the rest.
void expect_same(const std::vector<any_effect>& a, const std::vector<any_effect>& b) {
    ASSERT_EQ(a.size(), b.size());
    EXPECT_EQ(encode_effects(a), encode_effects(b));
    const auto rows_a = rows_of(a, lsn{99});
    const auto rows_b = rows_of(b, lsn{99});
    ASSERT_EQ(rows_a.size(), rows_b.size());
    for (std::size_t i = 0; i < rows_a.size(); ++i) {
        EXPECT_EQ(rows_a[i].key, rows_b[i].key);
        EXPECT_EQ(rows_a[i].value, rows_b[i].value);
        EXPECT_EQ(rows_a[i].add, rows_b[i].add);
    }
}

TEST(index_effects, a_body_comes_back) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const auto effects = one_of_each(seed);
        const auto back = decode_effects(as_bytes(encode_effects(effects)));
        ASSERT_TRUE(back.ok()) << back.error().message;
        expect_same(effects, *back);
    }
    EXPECT_TRUE(decode_effects(as_bytes(encode_effects({})))->empty());
}

TEST(index_effects, a_cut_body_is_refused_unless_cut_between_effects) {
    const auto effects = one_of_each(7);
    const std::string body = encode_effects(effects);
    std::size_t whole = 0;
    for (std::size_t length = 0; length < body.size(); ++length) {
        const auto back = decode_effects(as_bytes(body.substr(0, length)));
        if (!back) continue;
        EXPECT_EQ(back->size(), whole++) << length;
    }
    EXPECT_EQ(whole, effects.size());
}

TEST(index_effects, newer_formats_are_refused_by_name) {
    std::string body = encode_effects({effect::group_drop{group_id{1}}});
    std::string newer = body;
    newer[0] = 2;
    EXPECT_TRUE(decode_effects(as_bytes(newer)).is(errc::version_unsupported));
    std::string unknown = body;
    unknown[1] = 99;
    EXPECT_TRUE(decode_effects(as_bytes(unknown)).is(errc::version_unsupported));
    EXPECT_TRUE(decode_effects({}).is(errc::corrupt));
}

TEST(index_effects, garbage_never_crashes) {
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
        row_source source(seed);
        std::string body =
            encode_effects({source.effect_of(seed % std::variant_size_v<any_effect>)});
        for (int change = 0; change < 3; ++change) {
            body[source.random().below(body.size())] =
                static_cast<char>(source.random().below(256));
        }
        const auto back = decode_effects(as_bytes(body));
        if (back) expect_same(*back, *decode_effects(as_bytes(encode_effects(*back))));
    }
}

std::map<std::string, row_op> by_key(std::vector<row_op> rows) {
    std::map<std::string, row_op> out;
    for (row_op& row : rows) {
        const std::string key = row.key;
        out[key] = std::move(row);
    }
    return out;
}

TEST(index_effects, rows_carry_the_records_position) {
    const lsn at{50};
    version_row version;
    version.etag = "e";
    blob_row inside;
    inside.journal = journal_place{lsn{}, 4096};
    blob_row elsewhere;
    elsewhere.journal = journal_place{lsn{12}, 0};
    bucket_row bucket;
    bucket.name = "b";
    const auto rows = by_key(rows_of(
        {effect::bucket_put{bucket}, effect::version_put{bucket_id{1}, "k", version},
         effect::version_retire{bucket_id{1}, "k", lsn{40}}, effect::blob_put{blob_id{7}, inside},
         effect::blob_put{blob_id{8}, elsewhere}, effect::cursor_put{"c", lsn{49}}},
        at));
    ASSERT_EQ(rows.size(), 6U);
    EXPECT_TRUE(rows.contains(index_key::bucket("b", at)));
    EXPECT_EQ(rows.at(index_key::version(bucket_id{1}, "k", at)).value, encode_row(version));
    EXPECT_EQ(rows.at(index_key::retired(at, index_key::version(bucket_id{1}, "k", lsn{40}))).value,
              "");
    EXPECT_EQ(decode_blob_row(as_bytes(*rows.at(index_key::blob(blob_id{7})).value))->journal,
              (journal_place{at, 4096}));
    EXPECT_EQ(decode_blob_row(as_bytes(*rows.at(index_key::blob(blob_id{8})).value))->journal,
              (journal_place{lsn{12}, 0}));
    EXPECT_EQ(*decode_position(as_bytes(*rows.at(index_key::cursor("c")).value)), lsn{49});
}

TEST(index_effects, drops_take_rows_away) {
    const lsn at{50};
    const auto rows = by_key(rows_of(
        {effect::bucket_drop{"gone", lsn{3}}, effect::version_purge{bucket_id{1}, "k", lsn{4}},
         effect::retired_drop{lsn{5}, bucket_id{1}, "k", lsn{4}}, effect::blob_drop{blob_id{7}},
         effect::upload_drop{bucket_id{1}, "k", "u"}, effect::part_drop{"u", 2},
         effect::group_drop{group_id{9}}},
        at));
    for (const std::string& key :
         {index_key::bucket("gone", lsn{3}), index_key::version(bucket_id{1}, "k", lsn{4}),
          index_key::retired(lsn{5}, index_key::version(bucket_id{1}, "k", lsn{4})),
          index_key::blob(blob_id{7}), index_key::upload(bucket_id{1}, "k", "u"),
          index_key::part("u", 2), index_key::group(group_id{9}),
          index_key::group_live(group_id{9})}) {
        ASSERT_TRUE(rows.contains(key)) << to_hex(as_bytes(key));
        EXPECT_FALSE(rows.at(key).value || rows.at(key).add);
    }
    EXPECT_EQ(rows.size(), 8U);
}

TEST(index_effects, a_bucket_kept_for_views_gets_a_tombstone) {
    const auto rows = rows_of({effect::bucket_drop{"b", lsn{3}, false}}, lsn{50});
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].key, index_key::bucket("b", lsn{50}));
    EXPECT_TRUE(decode_bucket_row(as_bytes(*rows[0].value))->tombstone);
}

TEST(index_effects, golden) {
    const std::string body = encode_effects(
        {effect::version_put{bucket_id{9}, "a/b", {}},
         effect::version_retire{bucket_id{9}, "a/b", lsn{40}},
         effect::retired_drop{lsn{41}, bucket_id{9}, "a/b", lsn{40}},
         effect::version_purge{bucket_id{9}, "a/b", lsn{40}}, effect::blob_put{blob_id{12}, {}},
         effect::blob_drop{blob_id{13}}, effect::bucket_put{{}},
         effect::bucket_drop{"photos", lsn{5}, false}, effect::upload_put{{}},
         effect::upload_drop{bucket_id{9}, "a/b", "u1"}, effect::part_put{"u1", {}},
         effect::part_drop{"u1", 3}, effect::group_put{{}}, effect::group_live{group_id{5}, -300},
         effect::group_drop{group_id{5}}, effect::cursor_put{"packing", lsn{40}}});
    expect_golden("index_effects.txt", {{"body", to_hex(as_bytes(body))}});
    const auto kept =
        decode_effects(as_bytes(from_hex(read_golden("index_effects.txt").at("body"))));
    ASSERT_TRUE(kept.ok());
    EXPECT_EQ(kept->size(), std::variant_size_v<any_effect>);
}

}  // namespace
}  // namespace taicang::test
