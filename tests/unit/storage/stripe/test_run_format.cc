#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "erasure/reed_solomon.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"
#include "storage/stripe/run_encoder.h"
#include "storage/stripe/run_format.h"

namespace taicang {
namespace {

using run_format::run_header;

run_header sample() {
    run_header header;
    header.group = group_id(0x0000'0100'0000'0007);
    header.life = generation(3);
    header.run_block = 226;
    header.chunk = 5;
    header.k = 4;
    header.m = 2;
    header.unit_blocks = 2;
    header.rows = 1;
    header.data_length = 20'000;
    header.owner_blob = blob_id(0x0000'0100'0000'002a);
    header.owner_offset = 3'670'016;
    return header;
}

std::vector<std::byte> encoded(const run_header& header) {
    std::vector<std::byte> block(4096);
    run_format::store_block_crc(block, 0, 0x11223344);
    run_format::store_block_crc(block, 1, 0xaabbccdd);
    run_format::encode_header(header, block);
    return block;
}

TEST(run_format, reads_what_it_wrote) {
    run_header header = sample();
    for (const bool packed : {false, true}) {
        header.packed = packed;
        header.packed_unit = packed ? 131'072 : 0;
        const auto block = encoded(header);
        const auto decoded = run_format::decode_header(block);
        ASSERT_TRUE(decoded.ok()) << decoded.error().message;
        EXPECT_EQ(decoded.value(), header);
        EXPECT_EQ(run_format::load_block_crc(block, 1), 0xaabbccdd);
    }
}

TEST(run_format, refuses_every_changed_byte) {
    const auto good = encoded(sample());
    for (std::size_t at = 0; at < good.size(); ++at) {
        auto bad = good;
        bad[at] ^= std::byte{0x01};
        EXPECT_FALSE(run_format::decode_header(bad).ok()) << "byte " << at;
    }
}

TEST(run_format, says_that_a_newer_version_is_unknown) {
    auto block = encoded(sample());
    store_le(block.data() + run_format::version_at, std::uint16_t{2});
    // As a newer build would sum it: the crc field is zero while summing.
    store_le(block.data() + run_format::header_crc_at, std::uint32_t{0});
    const run_format::block_seeds seeds(sample().group, sample().life, sample().chunk);
    store_le(block.data() + run_format::header_crc_at, crc32c(block, seeds.of(sample().run_block)));
    EXPECT_TRUE(run_format::decode_header(block).is(errc::version_unsupported));
}

TEST(run_format, seeds_differ_by_group_life_chunk_and_place) {
    const auto seed = run_format::block_seeds(group_id(1), generation(1), 0).of(9);
    EXPECT_NE(seed, run_format::block_seeds(group_id(2), generation(1), 0).of(9));
    EXPECT_NE(seed, run_format::block_seeds(group_id(1), generation(2), 0).of(9));
    EXPECT_NE(seed, run_format::block_seeds(group_id(1), generation(1), 1).of(9));
    EXPECT_NE(seed, run_format::block_seeds(group_id(1), generation(1), 0).of(10));
}

TEST(run_format, block_sums_fold_into_the_sum_of_all) {
    const auto chance = seeded_random(11);
    std::vector<std::byte> bytes(7 * 4096);
    chance->fill(bytes);
    std::uint32_t folded = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 4096) {
        const auto seed = static_cast<std::uint32_t>(chance->next());
        const std::uint32_t of_block = crc32c(bytes_view(bytes).subspan(at, 4096), seed);
        folded = run_format::append_block_crc(folded, of_block, seed);
    }
    EXPECT_EQ(folded, crc32c(bytes));
}

/// The run of docs/formats/stripe.md: 20,000 bytes of a counting pattern in RS 4+2.
encoded_run golden_run(buffer_pool& buffers) {
    std::vector<std::byte> data(20'000);
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<std::byte>(i * 7 + i / 256);
    group_row row{.id = group_id(0x0000'0100'0000'0007),
                  .tier = tier_id::nvme,
                  .purpose = extent_purpose::stripe,
                  .k = 4,
                  .m = 2,
                  .chunks = {}};
    for (std::uint64_t life = 1; life <= 6; ++life)
        row.chunks.push_back({.device = {}, .extent = {}, .life = generation(life)});
    const run_request request{
        .tier = tier_id::nvme, .owner = {blob_id(0x0000'0100'0000'002a), 3'670'016}, .data = data};
    const run_layout layout = plan_run(tier_id::nvme, 4, 20'000, 0);
    const auto code = erasure::reed_solomon::create(4, 2);
    return encode_run(make_run_plan(row, 226, layout, request), *code.value(), data, buffers);
}

TEST(run_format, golden_run_of_version_1) {
    buffer_pool buffers(1 << 20);
    const encoded_run run = golden_run(buffers);
    std::string made;
    for (const buffer& chunk : run.chunks)
        made.append(as_text(chunk.view()));
    const char* root = std::getenv("TAICANG_SOURCE_DIR");
    ASSERT_NE(root, nullptr) << "run by ctest, or set TAICANG_SOURCE_DIR";
    const std::string path = std::string(root) + "/tests/golden/stripe_run_v1.bin";
    if (std::getenv("TAICANG_WRITE_GOLDEN") != nullptr) {
        std::ofstream(path, std::ios::binary) << made;
    }
    std::ifstream in(path, std::ios::binary);
    const std::string golden((std::istreambuf_iterator<char>(in)),
                             std::istreambuf_iterator<char>());
    ASSERT_EQ(golden.size(), made.size()) << path;
    EXPECT_TRUE(golden == made) << "the format changed: that takes a new version and a migration";
    EXPECT_EQ(made.size(), 6U * 3 * 4096);
}

TEST(run_format, encoder_sums_the_data_as_one) {
    buffer_pool buffers(1 << 20);
    std::vector<std::byte> data(20'000);
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<std::byte>(i * 7 + i / 256);
    EXPECT_EQ(golden_run(buffers).data_crc, crc32c(data));
}

}  // namespace
}  // namespace taicang
