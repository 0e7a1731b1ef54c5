// The inside of a packed run: its bytes as documented, and a layout in which no blob crosses a
// unit.
#include "storage/upkeep/packed_run.h"

#include <gtest/gtest.h>

#include "storage/base/random.h"
#include "tests/unit/storage/golden.h"

namespace taicang::packed_run {
namespace {

TEST(packed_run, directory_has_the_documented_bytes) {
    const std::string bytes = encode_directory({{blob_id{7}, 48, 100}, {blob_id{9}, 4096, 4000}});
    ASSERT_EQ(bytes.size(), directory_bytes(2));
    test::expect_golden("packed_run.txt", {{"directory", to_hex(as_bytes(bytes))}});
    const auto back = decode_directory(as_bytes(bytes));
    ASSERT_TRUE(back);
    EXPECT_EQ((*back)[1], (entry{blob_id{9}, 4096, 4000}));
}

TEST(packed_run, damage_is_found) {
    std::string bytes = encode_directory({{blob_id{7}, 48, 100}});
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string broken = bytes;
        broken[at] = static_cast<char>(broken[at] ^ 0x20);
        EXPECT_FALSE(decode_directory(as_bytes(broken))) << "byte " << at;
    }
    EXPECT_FALSE(decode_directory(as_bytes(std::string_view(bytes).substr(0, 20))));
}

TEST(packed_run, no_blob_crosses_a_unit_and_none_overlaps) {
    const auto random = seeded_random(1);
    for (int round = 0; round < 200; ++round) {
        std::vector<std::uint32_t> lengths;
        const std::uint64_t count = 1 + random->below(300);
        for (std::uint64_t i = 0; i < count; ++i) {
            lengths.push_back(static_cast<std::uint32_t>(1 + random->below(128 * 1024)));
        }
        const std::uint32_t unit = choose_unit(lengths, 4, 128 * 1024);
        const layout placed = plan(lengths, unit, 4 << 20);
        ASSERT_GE(placed.entries.size(), 1U);
        std::uint64_t free_from = directory_bytes(placed.entries.size());
        for (std::size_t i = 0; i < placed.entries.size(); ++i) {
            const entry& one = placed.entries[i];
            EXPECT_EQ(one.length, lengths[i]);
            EXPECT_GE(one.skip, free_from);
            EXPECT_EQ(one.skip / unit, (one.skip + one.length - 1) / unit);
            free_from = one.skip + one.length;
        }
        EXPECT_EQ(placed.data_length, free_from);
        EXPECT_LE(placed.data_length, 4U << 20);
    }
}

}  // namespace
}  // namespace taicang::packed_run
