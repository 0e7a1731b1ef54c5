// Every erasure pattern of every code with k + m <= 10, against the slow codec.
#include <algorithm>
#include <bit>

#include <gtest/gtest.h>

#include "tests/unit/erasure/codec_case.h"

namespace taicang::erasure {
namespace {

constexpr size_t small_code_chunks_max = 10;
constexpr size_t length = 67;  // no multiple of any vector width

// One stripe of RS(k,m) under every subset of chunks present.
void try_every_pattern(size_t k, size_t m, uint64_t& recovered, uint64_t& refused) {
    SCOPED_TRACE("RS(" + std::to_string(k) + "," + std::to_string(m) + ")");
    std::mt19937_64 random(k * 100 + m);
    const auto data = oracle::random_chunks(random, k, length);
    const auto code = reed_solomon::create(k, m);
    ASSERT_TRUE(code.ok());
    const auto stripe = oracle::encode(k, m, data);
    ASSERT_EQ(test::encode(**code, data), stripe);

    const chunk_mask all = (*code)->all_chunks();
    ASSERT_EQ(static_cast<size_t>(std::popcount(all)), k + m);
    for (chunk_mask present = 0; present < all; ++present) {
        const chunk_mask lost = all & ~present;
        const auto plan = (*code)->plan_repair(present, lost);
        if (static_cast<size_t>(std::popcount(lost)) > m) {
            ASSERT_EQ(plan.code(), error::not_recoverable) << "present " << present;
            ++refused;
            continue;
        }
        ASSERT_TRUE(plan.ok()) << "present " << present;
        ASSERT_EQ((*plan)->sources().size(), k);
        ASSERT_EQ((*plan)->source_mask() & ~present, 0u) << "reads a lost chunk";
        ASSERT_EQ((*plan)->output_mask(), lost);

        // Lost chunks hold garbage: neither codec may look at them.
        auto damaged = stripe;
        for (size_t i = 0; i < k + m; ++i) {
            if ((lost >> i & 1) != 0) damaged[i].assign(length, std::byte{0xee});
        }
        const auto by_oracle = oracle::decode(k, m, damaged, present);
        ASSERT_TRUE(by_oracle.has_value());
        ASSERT_EQ(*by_oracle, stripe);
        const auto repaired = test::apply(**plan, damaged);
        ASSERT_EQ(repaired.size(), static_cast<size_t>(std::popcount(lost)));
        for (size_t i = 0; i < repaired.size(); ++i) {
            ASSERT_EQ(repaired[i], stripe[(*plan)->outputs()[i]])
                << "present " << present << ", chunk " << unsigned{(*plan)->outputs()[i]};
        }
        ++recovered;
    }
}

TEST(every_pattern, small_codes_give_back_what_the_oracle_encoded) {
    uint64_t recovered = 0;
    uint64_t refused = 0;
    for (size_t n = 1; n <= small_code_chunks_max; ++n) {
        for (size_t k = 1; k <= n; ++k) {
            ASSERT_NO_FATAL_FAILURE(try_every_pattern(k, n - k, recovered, refused));
        }
    }
    // No pattern was skipped: with n chunks and m running from 0 to n-1, the sum over m of the
    // patterns of 1..m losses is n * 2^(n-1) - n, and n * 2^(n-1) patterns lose more than m.
    EXPECT_EQ(recovered, 9162u);
    EXPECT_EQ(refused, 9217u);
}

TEST(every_pattern, the_product_and_the_oracle_agree_on_the_format) {
    // RS(4,2) of chunk i = {i+1, 0x10*i, 0xff-i}: bytes worked out apart from both codecs. If
    // this fails, every stripe that was ever written reads wrong.
    std::vector<oracle::bytes> data;
    for (unsigned i = 0; i < 4; ++i) {
        data.push_back({std::byte(i + 1), std::byte(0x10 * i), std::byte(0xff - i)});
    }
    const auto code = reed_solomon::create(4, 2);
    ASSERT_TRUE(code.ok());
    const auto stripe = test::encode(**code, data);
    const std::vector<oracle::bytes> parity(stripe.begin() + 4, stripe.end());
    const std::vector<oracle::bytes> expected{
        {std::byte{0x48}, std::byte{0xe8}, std::byte{0x16}},
        {std::byte{0x0f}, std::byte{0xd2}, std::byte{0x36}},
    };
    EXPECT_EQ(parity, expected);
}

TEST(every_pattern, a_present_chunk_that_is_wanted_is_recomputed_not_read) {
    std::mt19937_64 random(7);
    const auto data = oracle::random_chunks(random, 4, length);
    const auto code = reed_solomon::create(4, 2);
    ASSERT_TRUE(code.ok());
    const auto stripe = test::encode(**code, data);
    for (size_t doubted = 0; doubted < 6; ++doubted) {
        const auto plan = (*code)->plan_repair((*code)->all_chunks(), chunk_mask{1} << doubted);
        ASSERT_TRUE(plan.ok());
        auto damaged = stripe;
        damaged[doubted][3] ^= std::byte{1};
        EXPECT_EQ(test::apply(**plan, damaged).at(0), stripe[doubted]);
    }
}

TEST(every_pattern, the_caller_chooses_the_sources) {
    const auto code = reed_solomon::create(4, 2);
    ASSERT_TRUE(code.ok());
    const auto plan = (*code)->plan_repair(0b111010, 0b000001);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ((*plan)->source_mask(), 0b111010u);
    // With more than k at hand data chunks are read before parity.
    const auto preferred = (*code)->plan_repair(0b111110, 0b000001);
    ASSERT_TRUE(preferred.ok());
    EXPECT_EQ((*preferred)->source_mask(), 0b011110u);
}

}  // namespace
}  // namespace taicang::erasure
