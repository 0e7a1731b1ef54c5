// Lengths from nothing to several sub-blocks, at addresses that no vector register likes, with a
// watch on the bytes around every buffer.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/erasure/codec_case.h"

namespace taicang::erasure {
namespace {

constexpr std::byte fence{0xc3};
constexpr size_t fence_bytes = 128;

// A chunk at an odd address between two fences.
class fenced_chunk {
  public:
    fenced_chunk(size_t length, size_t misalignment)
        : length_(length), storage_(length + 2 * fence_bytes, fence), start_(misalignment) {}

    std::byte* data() { return storage_.data() + start_; }
    oracle::bytes contents() { return {data(), data() + length_}; }
    void fill(const oracle::bytes& from) { std::copy(from.begin(), from.end(), data()); }

    bool fences_stand() const {
        const auto begin = storage_.begin() + static_cast<ptrdiff_t>(start_);
        const auto is_fence = [](std::byte b) { return b == fence; };
        return std::all_of(storage_.begin(), begin, is_fence) &&
               std::all_of(begin + static_cast<ptrdiff_t>(length_), storage_.end(), is_fence);
    }

  private:
    size_t length_;
    oracle::bytes storage_;
    size_t start_;
};

// Encodes and repairs `lost` of RS(k,m) at one length, every buffer misaligned differently.
void try_length(size_t k, size_t m, chunk_mask lost, size_t length) {
    SCOPED_TRACE("RS(" + std::to_string(k) + "," + std::to_string(m) + "), length " +
                 std::to_string(length));
    std::mt19937_64 random(length);
    const auto data = oracle::random_chunks(random, k, length);
    const auto code = reed_solomon::create(k, m);
    ASSERT_TRUE(code.ok());
    std::vector<fenced_chunk> chunks;
    std::vector<fenced_chunk> repaired;
    for (size_t i = 0; i < k + m; ++i) {
        chunks.emplace_back(length, 1 + (i * 13 + length) % 63);
        repaired.emplace_back(length, 1 + (i * 29 + length) % 63);
    }
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    for (size_t i = 0; i < k + m; ++i) {
        if (i < k) {
            chunks[i].fill(data[i]);
            in.push_back(chunks[i].data());
        } else {
            out.push_back(chunks[i].data());
        }
    }
    ASSERT_TRUE((*code)->encode(in, out, length).ok());
    const auto stripe = oracle::encode(k, m, data);
    for (size_t i = 0; i < k + m; ++i) {
        ASSERT_TRUE(chunks[i].contents() == stripe[i]) << "chunk " << i;
        ASSERT_TRUE(chunks[i].fences_stand()) << "encode wrote outside chunk " << i;
    }

    const auto plan = (*code)->plan_repair((*code)->all_chunks() & ~lost, lost);
    ASSERT_TRUE(plan.ok());
    in.clear();
    out.clear();
    for (const uint8_t source : (*plan)->sources())
        in.push_back(chunks[source].data());
    for (const uint8_t output : (*plan)->outputs())
        out.push_back(repaired[output].data());
    ASSERT_TRUE((*plan)->apply(in, out, length).ok());
    for (const uint8_t output : (*plan)->outputs()) {
        ASSERT_TRUE(repaired[output].contents() == stripe[output]) << "chunk " << unsigned{output};
        ASSERT_TRUE(repaired[output].fences_stand()) << "repair wrote outside a chunk";
    }
}

TEST(lengths, every_length_up_to_some_vectors) {
    for (size_t length = 0; length <= 520; ++length) {
        ASSERT_NO_FATAL_FAILURE(try_length(4, 2, 0b010010, length));
    }
}

TEST(lengths, around_the_edges_of_sub_blocks) {
    // 64 KiB sub-blocks for six chunks, 16 KiB for 32.
    for (const size_t edge : {sub_block_bytes_max, 2 * sub_block_bytes_max}) {
        for (const size_t length : {edge - 1, edge, edge + 1, edge + 31}) {
            ASSERT_NO_FATAL_FAILURE(try_length(4, 2, 0b100001, length));
        }
    }
    for (const size_t length :
         {sub_block_bytes_min - 1, sub_block_bytes_min + 1, 3 * sub_block_bytes_min + 7}) {
        ASSERT_NO_FATAL_FAILURE(try_length(24, 8, 0x81818181u, length));
    }
}

TEST(lengths, a_part_of_a_chunk_repairs_alone) {
    // A read of 100 bytes in the middle of a lost chunk needs the same 100 bytes of the others.
    std::mt19937_64 random(3);
    const auto code = reed_solomon::create(4, 2);
    ASSERT_TRUE(code.ok());
    const auto stripe = test::encode(**code, oracle::random_chunks(random, 4, 5000));
    const auto plan = (*code)->plan_repair(0b111101, 0b000010);
    ASSERT_TRUE(plan.ok());
    constexpr size_t offset = 1777;
    std::vector<const std::byte*> in;
    for (const uint8_t source : (*plan)->sources())
        in.push_back(stripe[source].data() + offset);
    oracle::bytes part(100);
    std::byte* const out[] = {part.data()};
    ASSERT_TRUE((*plan)->apply(in, out, part.size()).ok());
    EXPECT_TRUE(std::equal(part.begin(), part.end(), stripe[1].begin() + offset));
}

TEST(lengths, padding_with_zeros_is_the_callers_and_changes_no_parity_before_it) {
    std::mt19937_64 random(5);
    auto data = oracle::random_chunks(random, 3, 90);
    const auto code = reed_solomon::create(3, 2);
    ASSERT_TRUE(code.ok());
    const auto narrow = test::encode(**code, data);
    for (auto& chunk : data)
        chunk.resize(128);
    const auto padded = test::encode(**code, data);
    for (size_t i = 3; i < 5; ++i) {
        EXPECT_TRUE(std::equal(narrow[i].begin(), narrow[i].end(), padded[i].begin()));
        EXPECT_TRUE(std::all_of(padded[i].begin() + 90, padded[i].end(),
                                [](std::byte b) { return b == std::byte{0}; }));
    }
}

}  // namespace
}  // namespace taicang::erasure
