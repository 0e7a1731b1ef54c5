// The cache of repair plans: shared, bounded, right from many threads.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "erasure/plan_cache.h"
#include "tests/unit/erasure/codec_case.h"

namespace taicang::erasure {
namespace {

std::shared_ptr<const reed_solomon> code_of(size_t k, size_t m) {
    return reed_solomon::create(k, m).value();
}

TEST(plan_cache, the_same_question_gets_the_same_plan) {
    plan_cache cache;
    const auto code = code_of(4, 2);
    const auto first = cache.get(*code, 0b111110, 0b000001);
    const auto again = cache.get(*code, 0b111110, 0b000001);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(first->get(), again->get());
    EXPECT_EQ(cache.count().hits, 1u);
    EXPECT_EQ(cache.count().misses, 1u);
}

TEST(plan_cache, codes_and_masks_are_told_apart) {
    plan_cache cache;
    const auto narrow = cache.get(*code_of(4, 2), 0b011110, 0b000001);
    const auto other_code = cache.get(*code_of(3, 2), 0b011110, 0b000001);
    const auto other_sources = cache.get(*code_of(4, 2), 0b101110, 0b000001);
    const auto other_wanted = cache.get(*code_of(4, 2), 0b011110, 0b100000);
    ASSERT_TRUE(narrow.ok() && other_code.ok() && other_sources.ok() && other_wanted.ok());
    EXPECT_EQ((*other_code)->sources().size(), 3u);
    EXPECT_EQ((*other_sources)->source_mask(), 0b101110u);
    EXPECT_EQ((*other_wanted)->output_mask(), 0b100000u);
    EXPECT_EQ(cache.count().plans, 4u);
}

TEST(plan_cache, it_stays_within_its_capacity_and_drops_what_is_old) {
    plan_cache cache(2);
    const auto code = code_of(4, 2);
    const auto all = code->all_chunks();
    const auto first = cache.get(*code, all, 0b000001);
    ASSERT_TRUE(cache.get(*code, all, 0b000010).ok());
    ASSERT_TRUE(cache.get(*code, all, 0b000001).ok());  // asked for again: the other one is older
    ASSERT_TRUE(cache.get(*code, all, 0b000100).ok());
    EXPECT_EQ(cache.count().plans, 2u);
    EXPECT_EQ(cache.get(*code, all, 0b000001)->get(), first->get()) << "it was dropped";
    EXPECT_EQ(cache.count().misses, 3u);
    ASSERT_TRUE(cache.get(*code, all, 0b000010).ok());
    EXPECT_EQ(cache.count().misses, 4u) << "the oldest should have gone";
}

TEST(plan_cache, a_refusal_is_passed_on_and_not_kept) {
    plan_cache cache;
    EXPECT_EQ(cache.get(*code_of(4, 2), 0b000111, 0b001000).code(), error::not_recoverable);
    EXPECT_EQ(cache.count().plans, 0u);
}

TEST(plan_cache, many_threads_decode_right_while_plans_come_and_go) {
    plan_cache cache(4);  // far fewer than the 15 patterns below: entries are dropped all the time
    const auto code = code_of(4, 2);
    std::mt19937_64 random(11);
    const auto stripe = test::encode(*code, oracle::random_chunks(random, 4, 200));
    std::atomic<int> wrong = 0;
    const auto work = [&](size_t start) {
        for (size_t turn = 0; turn < 400; ++turn) {
            const size_t a = (start + turn) % 6;
            const size_t b = (a + 1 + turn % 5) % 6;
            const chunk_mask lost = chunk_mask{1} << a | chunk_mask{1} << b;
            const auto plan = cache.get(*code, code->all_chunks() & ~lost, lost);
            if (!plan.ok()) {
                ++wrong;
                continue;
            }
            const auto repaired = test::apply(**plan, stripe);
            for (size_t i = 0; i < repaired.size(); ++i) {
                if (repaired[i] != stripe[(*plan)->outputs()[i]]) ++wrong;
            }
        }
    };
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 4; ++i)
        threads.emplace_back(work, i);
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_LE(cache.count().plans, 4u);
    EXPECT_EQ(cache.count().hits + cache.count().misses, 1600u);
}

}  // namespace
}  // namespace taicang::erasure
