// The journal's bytes: what is written decodes, what was changed does not, and the golden batch
// stays readable.
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "storage/base/random.h"
#include "storage/journal/batch_builder.h"
#include "storage/journal/record_format.h"
#include "storage/journal/segment_map.h"
#include "tests/unit/storage/golden.h"

namespace taicang {
namespace {

record_draft draft(std::string body, std::string_view payload) {
    record_draft out;
    out.clock = hybrid_clock(0x0102030405060708);
    out.origin = hub_id(1);
    out.set = set_id(2);
    out.set_sequence = 3;
    out.body = std::move(body);
    out.payload = as_bytes(payload);
    return out;
}

const batch_position place{segment_id(7), ensemble_epoch(3), 8192};

batch_builder sample(buffer_pool& pool) {
    batch_builder built(pool, 0, lsn(41), sha256(as_bytes("before")));
    built.add(draft("the first body", "payload one"), shard_id(0));
    built.add(draft("", ""), shard_id(0));
    built.add(draft("third", std::string_view("third payload, longer than the others")),
              shard_id(0));
    built.place(place, 5, lsn(40));
    return built;
}

batch_fault decode_all(bytes_view bytes, const batch_position& expected,
                       std::vector<record_view>* records = nullptr) {
    batch_header header;
    const batch_fault fault = decode_batch_header(bytes, expected, header);
    if (fault != batch_fault::none) return fault;
    if (header.padded_length() > bytes.size()) return batch_fault::truncated;
    return decode_batch(bytes, header, {true, true, true, true}, records);
}

TEST(journal_format, a_batch_reads_back_as_it_was_built) {
    buffer_pool pool(1 << 20);
    const batch_builder built = sample(pool);
    ASSERT_EQ(built.view().size(), 4096U);
    std::vector<record_view> records;
    ASSERT_EQ(decode_all(built.view(), place, &records), batch_fault::none);
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[0].header.position, lsn(41));
    EXPECT_EQ(as_text(records[0].body), "the first body");
    EXPECT_EQ(as_text(records[0].payload), "payload one");
    EXPECT_EQ(records[0].header.payload_digest, sha256(as_bytes("payload one")));
    EXPECT_EQ(records[1].header.position, lsn(42));
    EXPECT_TRUE(records[1].payload.empty());
    EXPECT_EQ(records[1].header.payload_digest, sha256_digest{});
    EXPECT_EQ(records[2].header.set_sequence, 3U);
    EXPECT_EQ(built.payloads()[2].crc, crc32c(records[2].payload));
}

TEST(journal_format, every_changed_bit_is_found) {
    buffer_pool pool(1 << 20);
    const batch_builder built = sample(pool);
    std::vector<std::byte> bytes(built.view().begin(), built.view().end());
    for (std::size_t bit = 0; bit < built.length() * 8; ++bit) {
        bytes[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_NE(decode_all(bytes, place), batch_fault::none) << "bit " << bit;
        bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    }
}

TEST(journal_format, a_batch_counts_only_where_it_belongs) {
    buffer_pool pool(1 << 20);
    const batch_builder built = sample(pool);
    batch_position elsewhere = place;
    elsewhere.segment = segment_id(8);
    EXPECT_EQ(decode_all(built.view(), elsewhere), batch_fault::misplaced);
    elsewhere = place;
    elsewhere.epoch = ensemble_epoch(4);
    EXPECT_EQ(decode_all(built.view(), elsewhere), batch_fault::misplaced);
    elsewhere = place;
    elsewhere.offset = 4096;
    EXPECT_EQ(decode_all(built.view(), elsewhere), batch_fault::misplaced);
    EXPECT_EQ(decode_all(built.view().first(4000), place), batch_fault::truncated);
}

TEST(journal_format, placing_again_changes_neither_records_nor_chain) {
    buffer_pool pool(1 << 20);
    batch_builder built = sample(pool);
    const sha256_digest chain = built.header().chain_after;
    const std::vector<std::byte> before(built.view().begin() + journal_format::batch_header_bytes,
                                        built.view().end());
    const batch_position other{segment_id(9), ensemble_epoch(4), 0};
    built.place(other, 0, lsn(40));
    EXPECT_EQ(decode_all(built.view(), other), batch_fault::none);
    EXPECT_EQ(built.header().chain_after, chain);
    const std::vector<std::byte> after(built.view().begin() + journal_format::batch_header_bytes,
                                       built.view().end());
    EXPECT_EQ(before, after);
}

TEST(journal_format, a_batch_grows_as_records_come) {
    buffer_pool pool(1 << 20);
    batch_builder built(pool, 0, lsn(1), sha256_digest{});
    const std::string payload(3000, 'x');
    for (int i = 0; i < 50; ++i)
        built.add(draft(std::to_string(i), payload), shard_id(0));
    built.place({segment_id(1), ensemble_epoch(1), 0}, 0, lsn(0));
    std::vector<record_view> records;
    ASSERT_EQ(decode_all(built.view(), {segment_id(1), ensemble_epoch(1), 0}, &records),
              batch_fault::none);
    ASSERT_EQ(records.size(), 50U);
    EXPECT_EQ(as_text(records[49].body), "49");
    EXPECT_EQ(as_text(records[49].payload), payload);
}

TEST(journal_format, random_bytes_are_never_a_batch) {
    const auto chance = seeded_random(5);
    buffer_pool pool(1 << 20);
    const batch_builder built = sample(pool);
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::byte> bytes(built.view().begin(), built.view().end());
        const std::size_t changes = 1 + chance->below(8);
        for (std::size_t i = 0; i < changes; ++i) {
            const std::size_t at = chance->below(built.length());
            bytes[at] = static_cast<std::byte>(chance->next());
        }
        if (std::equal(bytes.begin(), bytes.end(), built.view().begin())) continue;
        EXPECT_NE(decode_all(bytes, place), batch_fault::none);
    }
}

segment_map sample_map() {
    segment_map map;
    map.epoch = ensemble_epoch(9);
    map.next_segment = segment_id(6);
    map.base_next = lsn(100);
    map.base_chain = sha256(as_bytes("base"));
    for (std::uint64_t i = 3; i < 6; ++i) {
        segment_entry entry;
        entry.id = segment_id(i);
        entry.epoch = ensemble_epoch(8);
        entry.capacity = 1 << 24;
        for (unsigned m = 0; m < 3; ++m) {
            segment_member member;
            member.device.bytes.fill(static_cast<std::byte>(m + 1));
            member.extent = {shard_id(0), shard_term(4), i * 10 + m};
            entry.members.push_back(member);
        }
        if (i == 3) {
            entry.state = segment_state::sealed;
            entry.length = 8192;
            entry.first = lsn(100);
            entry.last = lsn(140);
            entry.chain_end = sha256(as_bytes("end"));
        }
        map.segments.push_back(entry);
    }
    return map;
}

TEST(journal_segment_map, reads_back_and_refuses_every_changed_bit) {
    const segment_map map = sample_map();
    std::string bytes = encode_segment_map(map);
    const auto decoded = decode_segment_map(as_bytes(bytes));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, map);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_FALSE(decode_segment_map(as_bytes(bytes)).ok()) << "bit " << bit;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    }
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_FALSE(decode_segment_map(as_bytes(std::string_view(bytes).substr(0, length))).ok());
    }
}

TEST(journal_segment_map, contradictions_are_refused) {
    segment_map map = sample_map();
    map.segments[0].first = lsn(101);
    EXPECT_TRUE(decode_segment_map(as_bytes(encode_segment_map(map))).is(errc::corrupt));
    map = sample_map();
    std::swap(map.segments[1].id, map.segments[2].id);
    EXPECT_TRUE(decode_segment_map(as_bytes(encode_segment_map(map))).is(errc::corrupt));
    map = sample_map();
    map.segments[0].length = map.segments[0].capacity + 4096;
    EXPECT_TRUE(decode_segment_map(as_bytes(encode_segment_map(map))).is(errc::corrupt));
}

TEST(journal_golden, version_1_segment_maps_stay_readable) {
    const segment_map map = sample_map();
    test::expect_golden("segment_map.txt",
                        {{"segment_map", to_hex(as_bytes(encode_segment_map(map)))}});
    const std::string kept = test::from_hex(test::read_golden("segment_map.txt")["segment_map"]);
    const auto decoded = decode_segment_map(as_bytes(kept));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, map);
}

/// tests/golden/journal_batch.hex is the worked example of docs/formats/journal.md.
TEST(journal_golden, version_1_batches_stay_readable) {
    const char* root = std::getenv("TAICANG_SOURCE_DIR");
    ASSERT_NE(root, nullptr) << "ctest sets TAICANG_SOURCE_DIR";
    std::ifstream in(std::string(root) + "/tests/golden/journal_batch.hex");
    ASSERT_TRUE(in.good());
    const std::string golden((std::istreambuf_iterator<char>(in)),
                             std::istreambuf_iterator<char>());
    buffer_pool pool(1 << 20);
    const batch_builder built = sample(pool);
    const std::string now = to_hex(built.view().first(static_cast<std::size_t>(built.length())));
    EXPECT_EQ(now + "\n", golden) << "the format changed: it needs a version and a migration";
}

}  // namespace
}  // namespace taicang
