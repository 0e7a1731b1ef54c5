// What the codes refuse, and with which error.
#include <set>

#include <gtest/gtest.h>

#include "tests/unit/erasure/codec_case.h"

namespace taicang::erasure {
namespace {

TEST(limits, codes_outside_the_limits_are_refused) {
    constexpr size_t huge = ~size_t{0};
    const std::pair<size_t, size_t> wrong[] = {{0, 0},    {0, 2},      {33, 0},   {32, 1},
                                               {1, 32},   {17, 16},    {huge, 1}, {1, huge},
                                               {huge, 2}, {huge, huge}};
    for (const auto& [k, m] : wrong) {
        EXPECT_EQ(reed_solomon::create(k, m).code(), error::invalid_code) << k << "+" << m;
    }
    for (size_t k = 1; k <= chunks_max; ++k) {
        for (size_t m = 0; m + k <= chunks_max; ++m) {
            const auto code = reed_solomon::create(k, m);
            ASSERT_TRUE(code.ok()) << k << "+" << m;
            EXPECT_EQ((*code)->k(), k);
            EXPECT_EQ((*code)->m(), m);
        }
    }
}

TEST(limits, a_code_is_built_once) {
    EXPECT_EQ(reed_solomon::create(8, 3).value().get(), reed_solomon::create(8, 3).value().get());
    EXPECT_NE(reed_solomon::create(8, 3).value().get(), reed_solomon::create(3, 8).value().get());
}

TEST(limits, plain_stores_and_cannot_repair) {
    const auto plain = reed_solomon::create(3, 0);
    ASSERT_TRUE(plain.ok());
    const oracle::bytes chunk(10);
    const std::byte* const data[] = {chunk.data(), chunk.data(), chunk.data()};
    EXPECT_TRUE((*plain)->encode(data, {}, chunk.size()).ok());
    EXPECT_EQ((*plain)->plan_repair(0b011, 0b100).code(), error::not_recoverable);
}

TEST(limits, wrong_numbers_of_chunks_are_refused_before_a_byte_is_touched) {
    const auto code = reed_solomon::create(2, 1);
    ASSERT_TRUE(code.ok());
    const oracle::bytes a(8);
    oracle::bytes p(8, std::byte{9});
    const std::byte* const one[] = {a.data()};
    const std::byte* const two[] = {a.data(), a.data()};
    const std::byte* const three[] = {a.data(), a.data(), a.data()};
    const std::byte* const with_null[] = {a.data(), nullptr};
    std::byte* const parity[] = {p.data()};
    std::byte* const no_parity[] = {nullptr};
    EXPECT_EQ((*code)->encode(one, parity, 8).code(), error::chunk_count);
    EXPECT_EQ((*code)->encode(three, parity, 8).code(), error::chunk_count);
    EXPECT_EQ((*code)->encode(two, {}, 8).code(), error::chunk_count);
    EXPECT_EQ((*code)->encode(with_null, parity, 8).code(), error::null_chunk);
    EXPECT_EQ((*code)->encode(two, no_parity, 8).code(), error::null_chunk);
    EXPECT_TRUE((*code)->encode(with_null, no_parity, 0).ok()) << "no byte, no buffer needed";
    EXPECT_EQ(p, oracle::bytes(8, std::byte{9}));

    const auto plan = (*code)->plan_repair(0b101, 0b010);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ((*plan)->apply(one, parity, 8).code(), error::chunk_count);
    EXPECT_EQ((*plan)->apply(with_null, parity, 8).code(), error::null_chunk);
    EXPECT_EQ((*plan)->apply(two, no_parity, 8).code(), error::null_chunk);
}

TEST(limits, masks_beyond_the_code_are_refused) {
    const auto code = reed_solomon::create(4, 2);
    ASSERT_TRUE(code.ok());
    EXPECT_EQ((*code)->plan_repair(0b1111110, 0b1).code(), error::chunk_index);
    EXPECT_EQ((*code)->plan_repair(0b0111110, 0b1000000).code(), error::chunk_index);
    EXPECT_EQ((*code)->plan_repair(0b0111110, 0).code(), error::nothing_wanted);
    EXPECT_EQ((*code)->plan_repair(0b0111000, 0b1).code(), error::not_recoverable);
    EXPECT_EQ((*code)->plan_repair(0, 0b1).code(), error::not_recoverable);
}

TEST(limits, every_error_has_a_sentence_of_its_own) {
    std::set<std::string_view> sentences;
    for (uint8_t number = 0; number <= static_cast<uint8_t>(error::not_recoverable); ++number) {
        sentences.insert(describe(static_cast<error>(number)));
    }
    EXPECT_EQ(sentences.size(), size_t{1} + static_cast<size_t>(error::not_recoverable));
}

TEST(limits, reading_a_value_that_is_not_there_ends_the_process) {
    const auto refused = reed_solomon::create(0, 1);
    EXPECT_DEATH(static_cast<void>(refused.value()), "");
}

}  // namespace
}  // namespace taicang::erasure
