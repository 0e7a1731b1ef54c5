#include "storage/object/overlay.h"

#include <gtest/gtest.h>

namespace taicang {
namespace {

row_op put(std::string key, std::string value) {
    return {std::move(key), std::move(value), std::nullopt};
}
row_op drop(std::string key) {
    return {std::move(key), std::nullopt, std::nullopt};
}

TEST(overlay, tells_the_newest_and_forgets_what_is_applied) {
    overlay rows;
    const auto first = rows.add({put("a", "1"), put("b", "1")}, lsn{1});
    const auto second = rows.add({put("a", "2"), drop("b"), put("c", "2")}, lsn{2});
    ASSERT_NE(rows.find("a"), nullptr);
    EXPECT_EQ(rows.find("a")->value, "2");
    EXPECT_EQ(rows.find("a")->position, lsn{2});
    EXPECT_FALSE(rows.find("b")->value);
    rows.drop(first, lsn{1});
    EXPECT_EQ(rows.find("a")->value, "2") << "a later record changed it again";
    EXPECT_EQ(rows.size(), 3U);
    rows.drop(second, lsn{2});
    EXPECT_TRUE(rows.empty());
}

TEST(overlay, one_record_may_change_a_row_twice) {
    overlay rows;
    const auto marks = rows.add({put("a", "1"), drop("a"), put("a", "3")}, lsn{7});
    EXPECT_EQ(rows.find("a")->value, "3");
    rows.drop(marks, lsn{7});
    EXPECT_TRUE(rows.empty());
}

TEST(overlay, sums_are_not_rows) {
    overlay rows;
    const auto marks = rows.add({{"l", std::nullopt, 5}}, lsn{1});
    EXPECT_TRUE(rows.empty());
    rows.drop(marks, lsn{1});
}

TEST(overlay, prefixes_in_key_order) {
    overlay rows;
    const auto marks = rows.add({put("ab", "1"), put("a", "1"), put("b", "1")}, lsn{1});
    const auto found = rows.with_prefix("a");
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].first, "a");
    EXPECT_EQ(found[1].first, "ab");
    rows.drop(marks, lsn{1});
}

}  // namespace
}  // namespace taicang
