// Random erasure patterns of large codes, up to 32 chunks, against the slow codec.
#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/unit/erasure/codec_case.h"

namespace taicang::erasure {
namespace {

// `count` distinct chunks of n, as a mask.
chunk_mask random_chunk_set(std::mt19937_64& random, size_t n, size_t count) {
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    chunk_mask mask = 0;
    for (size_t i = 0; i < count; ++i)
        mask |= chunk_mask{1} << order[i];
    return mask;
}

void try_random_pattern(uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const size_t n = 11 + random() % (chunks_max - 10);
    const size_t m = 1 + random() % (n - 1);
    const size_t k = n - m;
    const size_t length = random() % 300;
    const auto data = oracle::random_chunks(random, k, length);
    const auto code = reed_solomon::create(k, m);
    ASSERT_TRUE(code.ok());
    const auto stripe = oracle::encode(k, m, data);
    ASSERT_EQ(test::encode(**code, data), stripe);

    const chunk_mask lost = random_chunk_set(random, n, 1 + random() % m);
    // Any part of what is lost may be asked for; other chunks may be absent and not wanted.
    chunk_mask wanted = lost & static_cast<chunk_mask>(random());
    if (wanted == 0) wanted = lost;
    const auto plan = (*code)->plan_repair((*code)->all_chunks() & ~lost, wanted);
    ASSERT_TRUE(plan.ok());
    ASSERT_EQ((*plan)->output_mask(), wanted);
    const auto repaired = test::apply(**plan, stripe);
    for (size_t i = 0; i < repaired.size(); ++i) {
        ASSERT_EQ(repaired[i], stripe[(*plan)->outputs()[i]]) << "RS(" << k << "," << m << ")";
    }
    // One loss beyond m is refused, whatever chunk is asked for.
    const chunk_mask too_many = random_chunk_set(random, n, m + 1);
    EXPECT_EQ((*code)->plan_repair((*code)->all_chunks() & ~too_many, too_many).code(),
              error::not_recoverable);
}

TEST(large_codes, random_patterns_give_back_what_the_oracle_encoded) {
    for (uint64_t seed = 1; seed <= 400; ++seed) {
        ASSERT_NO_FATAL_FAILURE(try_random_pattern(seed));
    }
}

TEST(large_codes, the_widest_codes_lose_all_they_may) {
    for (const size_t m : {1u, 2u, 16u, 30u, 31u}) {
        const size_t k = chunks_max - m;
        std::mt19937_64 random(m);
        const auto data = oracle::random_chunks(random, k, 129);
        const auto code = reed_solomon::create(k, m);
        ASSERT_TRUE(code.ok());
        EXPECT_EQ((*code)->all_chunks(), 0xffffffffu);
        const auto stripe = test::encode(**code, data);
        ASSERT_EQ(stripe, oracle::encode(k, m, data));
        // The first m and the last m chunks.
        const chunk_mask low = static_cast<chunk_mask>((uint64_t{1} << m) - 1);
        for (const chunk_mask lost : {low, static_cast<chunk_mask>(low << k)}) {
            const auto plan = (*code)->plan_repair(~lost, lost);
            ASSERT_TRUE(plan.ok());
            const auto repaired = test::apply(**plan, stripe);
            ASSERT_EQ(repaired.size(), m);
            for (size_t i = 0; i < m; ++i) {
                ASSERT_EQ(repaired[i], stripe[(*plan)->outputs()[i]]);
            }
        }
    }
}

}  // namespace
}  // namespace taicang::erasure
