// The bytes of superblock, root, membership and directory: against golden files, and against damage
// anywhere.
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "storage/base/random.h"
#include "storage/device/directory.h"
#include "storage/device/directory_format.h"
#include "storage/device/inspect.h"
#include "storage/device/membership_format.h"
#include "storage/device/root_format.h"
#include "storage/device/superblock_format.h"

namespace taicang::device_format {
namespace {

uuid numbered(std::uint8_t first) {
    uuid id;
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        id.bytes[i] = static_cast<std::byte>(first + i);
    }
    return id;
}

superblock example_superblock() {
    superblock out;
    out.device = numbered(0x10);
    out.hub = numbered(0x40);
    out.hub_number = hub_id(1);
    out.tier = 0;
    out.parity = 2;
    out.members_created = 6;
    out.index_created = 3;
    out.epoch = membership_epoch(2);
    out.created_at = 1'735'689'600'000'000'000;
    out.parts = plan_geometry(16 * limits::mib, 320);
    out.tiers[0] = {6, 2};
    out.tiers[1] = {6, 2};
    return out;
}

membership example_membership() {
    membership out;
    out.tier = 0;
    out.parity = 1;
    out.members_created = 3;
    out.members.push_back(
        {numbered(0x10), membership_epoch(1), member_state::active, 0, "nvme-0.dev", ""});
    out.members.push_back({numbered(0x20), membership_epoch(2), member_state::missing, 41,
                           "nvme-1.dev", "nvme-1.dev was not found"});
    out.members.push_back({numbered(0x30), membership_epoch(1), member_state::fenced, 0,
                           "nvme-2.dev", "flushing: error; replace the device"});
    return out;
}

std::string example_root() {
    root_header header;
    header.hub = numbered(0x40);
    header.tier = 0;
    header.parity = 1;
    header.position = {7, 42, 1'735'689'600'000'000'000};
    root_sections sections;
    sections[1] = encode_membership(example_membership());
    sections[2] = "journal";
    sections[3] = "";
    return encode_root(header, sections);
}

std::string example_directory_block() {
    extent_directory directory(numbered(0x10), 40);
    for (std::uint64_t i = 0; i < 3; ++i) {
        const auto purpose = static_cast<extent_purpose>(i + 1);
        const auto place = directory.take(purpose);
        directory.create(*place, {shard_id(0), shard_term(7), 100 + i}, purpose, i == 0);
    }
    directory.seal(1, 8192);
    directory.retire(2, false);
    directory.release(2);
    std::string block(directory_block_bytes, '\0');
    directory.encode_block(0, {reinterpret_cast<std::byte*>(block.data()), block.size()});
    return block;
}

/// Compares with tests/golden/NAME; TAICANG_WRITE_GOLDEN=1 writes it instead (only for a new format
/// version).
void expect_golden(const std::string& name, const std::string& bytes) {
    const char* source = std::getenv("TAICANG_SOURCE_DIR");
    ASSERT_NE(source, nullptr) << "run by ctest, or set TAICANG_SOURCE_DIR";
    const std::string path = std::string(source) + "/tests/golden/" + name;
    if (std::getenv("TAICANG_WRITE_GOLDEN") != nullptr) {
        std::ofstream(path, std::ios::binary) << bytes;
    }
    std::ifstream in(path, std::ios::binary);
    ASSERT_TRUE(in.good()) << path;
    const std::string golden((std::istreambuf_iterator<char>(in)),
                             std::istreambuf_iterator<char>());
    EXPECT_EQ(golden.size(), bytes.size());
    EXPECT_TRUE(golden == bytes) << name << ": the format changed; old devices must stay readable";
}

std::string field(const field_list& fields, const std::string& name) {
    for (const auto& [key, value] : fields) {
        if (key == name) return value;
    }
    return "(no " + name + ")";
}

TEST(superblock_format, golden_and_back) {
    const std::string bytes = encode_superblock(example_superblock());
    expect_golden("superblock_v1.bin", bytes);
    auto decoded = decode_superblock(as_bytes(bytes));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, example_superblock());
    const field_list fields = inspect_superblock(as_bytes(bytes));
    EXPECT_EQ(field(fields, "membership_epoch"), "2");
    EXPECT_EQ(field(fields, "capacity_extents"), "320");
    EXPECT_EQ(field(fields, "tier_1_created"), "6 members, parity 2");
}

TEST(superblock_format, every_damaged_byte_is_noticed) {
    const std::string bytes = encode_superblock(example_superblock());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
        EXPECT_TRUE(decode_superblock(as_bytes(damaged)).is(errc::corrupt)) << at;
    }
    const std::string zeros(superblock_bytes, '\0');
    EXPECT_TRUE(decode_superblock(as_bytes(zeros)).is(errc::corrupt));
    EXPECT_EQ(field(inspect_superblock(as_bytes(zeros)), "damage"), "superblock: no magic number");
}

TEST(superblock_format, insane_geometry_is_refused) {
    const auto refused = [](auto change) {
        superblock one = example_superblock();
        change(one.parts);
        return decode_superblock(as_bytes(encode_superblock(one))).is(errc::corrupt);
    };
    EXPECT_TRUE(refused([](geometry& g) { g.extent_bytes = 0; }));
    EXPECT_TRUE(refused([](geometry& g) { g.extent_bytes += 1; }));
    EXPECT_TRUE(refused([](geometry& g) { g.capacity_extents = 0; }));
    EXPECT_TRUE(refused([](geometry& g) { g.capacity_extents = ~0ULL; }));
    EXPECT_TRUE(refused([](geometry& g) { g.directory_offset = ~0ULL - 4095; }));
    EXPECT_TRUE(refused([](geometry& g) { g.root_offset = 64 * limits::kib; }));
    EXPECT_TRUE(refused([](geometry& g) { g.extents_offset = g.directory_offset; }));
    EXPECT_TRUE(refused([](geometry& g) { g.root_slot_bytes = 4096; }));
    EXPECT_FALSE(refused([](geometry&) {}));
}

TEST(root_format, golden_and_back) {
    const std::string bytes = example_root();
    expect_golden("root_v1.bin", bytes);
    auto header = decode_root_header(as_bytes(bytes).first(root_header_bytes));
    ASSERT_TRUE(header.ok());
    auto found = decode_root_body(*header, as_bytes(bytes).subspan(root_header_bytes));
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->header.position, (root_position{7, 42, 1'735'689'600'000'000'000}));
    EXPECT_EQ(found->sections.size(), 3U);
    EXPECT_EQ(found->sections.at(2), "journal");
    auto members = decode_membership(as_bytes(found->sections.at(1)));
    ASSERT_TRUE(members.ok());
    EXPECT_EQ(*members, example_membership());
    EXPECT_EQ(encode_root(found->header, found->sections), bytes);
    const field_list fields = inspect_root(as_bytes(bytes));
    EXPECT_EQ(field(fields, "sequence"), "42");
    EXPECT_EQ(field(fields, "journal"), "7 bytes");
}

TEST(root_format, every_damaged_byte_that_counts_is_noticed) {
    const std::string bytes = example_root();
    const std::size_t body =
        root_body_bytes({{1, encode_membership(example_membership())}, {2, "journal"}, {3, ""}});
    for (std::size_t at = 0; at < root_header_bytes + body; ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x01);
        EXPECT_EQ(inspect_root(as_bytes(damaged)).front().first, "damage") << at;
    }
    // A torn slot: the header of one root over the body of another.
    for (std::size_t cut = 512; cut < bytes.size(); cut += 512) {
        std::string torn = bytes.substr(0, cut) + std::string(bytes.size() - cut, '\0');
        if (torn == bytes) continue;
        EXPECT_EQ(inspect_root(as_bytes(torn)).front().first, "damage") << cut;
    }
}

TEST(membership_format, long_texts_are_cut_at_a_character_and_lists_are_checked) {
    membership one = example_membership();
    one.members[2].reason = std::string(limits::device_reason_bytes_max - 1, 'x') + "\xe7\xb2\xae";
    auto decoded = decode_membership(as_bytes(encode_membership(one)));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(decoded->members[2].reason, std::string(limits::device_reason_bytes_max - 1, 'x'));
    one.members[1].device = one.members[0].device;
    EXPECT_TRUE(decode_membership(as_bytes(encode_membership(one))).is(errc::corrupt));
    const std::string bytes = encode_membership(example_membership());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_TRUE(decode_membership(as_bytes(bytes).first(length)).is(errc::corrupt)) << length;
    }
}

TEST(directory_format, golden_and_back) {
    const std::string bytes = example_directory_block();
    expect_golden("directory_block_v1.bin", bytes);
    extent_directory loaded(numbered(0x10), 40);
    loaded.load_block(0, as_bytes(bytes));
    EXPECT_EQ(loaded.damaged_count(), 0U);
    const auto extents = loaded.list();
    ASSERT_EQ(extents.size(), 2U);
    EXPECT_EQ(extents[0].purpose, extent_purpose::journal);
    EXPECT_EQ(extents[0].name, (extent_name{shard_id(0), shard_term(7), 100}));
    EXPECT_TRUE(extents[1].sealed);
    EXPECT_EQ(extents[1].sealed_length, 8192U);
    EXPECT_EQ(loaded.at(2).life, 1U);  // kept in the free entry
    std::string again(directory_block_bytes, '\0');
    loaded.encode_block(0, {reinterpret_cast<std::byte*>(again.data()), again.size()});
    EXPECT_EQ(again, bytes);
    const field_list fields = inspect_directory_block(as_bytes(bytes), numbered(0x10), 0, 40);
    EXPECT_EQ(field(fields, "place 1 sealed"), "8192 bytes");
}

TEST(directory_format, an_entry_verifies_only_on_its_device_and_place) {
    const std::string block = example_directory_block();
    for (std::uint64_t place = 0; place < directory_entries_per_block; ++place) {
        const bytes_view entry =
            as_bytes(block).subspan(place * directory_entry_bytes, directory_entry_bytes);
        EXPECT_TRUE(decode_directory_entry(entry, numbered(0x10), place).ok());
        EXPECT_FALSE(decode_directory_entry(entry, numbered(0x10), place + 32).ok());
        EXPECT_FALSE(decode_directory_entry(entry, numbered(0x11), place).ok());
        for (std::size_t at = 0; at < directory_entry_bytes; ++at) {
            std::string damaged(as_text(entry));
            damaged[at] = static_cast<char>(damaged[at] ^ 0x80);
            EXPECT_FALSE(decode_directory_entry(as_bytes(damaged), numbered(0x10), place).ok());
        }
    }
    const std::string zeros(directory_entry_bytes, '\0');
    EXPECT_FALSE(decode_directory_entry(as_bytes(zeros), numbered(0x10), 0).ok());
}

TEST(directory_format, a_torn_block_leaves_each_entry_old_or_new) {
    const std::string before = example_directory_block();
    extent_directory directory(numbered(0x10), 40);
    directory.load_block(0, as_bytes(before));
    for (std::uint64_t i = 0; i < 20; ++i) {
        const auto place = directory.take(extent_purpose::stripe);
        directory.create(*place, {shard_id(0), shard_term(8), i}, extent_purpose::stripe, false);
    }
    std::string after(directory_block_bytes, '\0');
    directory.encode_block(0, {reinterpret_cast<std::byte*>(after.data()), after.size()});
    auto chance = seeded_random(5);
    for (unsigned round = 0; round < 200; ++round) {
        std::string torn = before;
        for (std::size_t at = 0; at < torn.size(); at += disk_sector_bytes) {
            if (chance->one_in(2))
                torn.replace(at, disk_sector_bytes, after, at, disk_sector_bytes);
        }
        extent_directory loaded(numbered(0x10), 40);
        loaded.load_block(0, as_bytes(torn));
        EXPECT_EQ(loaded.damaged_count(), 0U);
    }
}

TEST(directory_format, one_name_on_two_places_is_damage) {
    extent_directory directory(numbered(0x10), 40);
    const extent_name name{shard_id(0), shard_term(1), 1};
    std::string block(directory_block_bytes, '\0');
    directory.encode_block(0, {reinterpret_cast<std::byte*>(block.data()), block.size()});
    directory_entry entry;
    entry.state = place_state::live;
    entry.purpose = 2;
    entry.term = 1;
    entry.sequence = 1;
    entry.life = 1;
    for (const std::uint64_t place : {3U, 9U}) {
        encode_directory_entry(
            entry, numbered(0x10), place,
            {reinterpret_cast<std::byte*>(block.data()) + place * directory_entry_bytes,
             directory_entry_bytes});
    }
    extent_directory loaded(numbered(0x10), 40);
    loaded.load_block(0, as_bytes(block));
    EXPECT_EQ(loaded.damaged_count(), 1U);
    EXPECT_EQ(loaded.find(name), 3U);
    EXPECT_EQ(loaded.free_count(), 39U);
}

}  // namespace
}  // namespace taicang::device_format
