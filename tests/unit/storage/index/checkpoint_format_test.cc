#include "storage/index/checkpoint_format.h"

#include <gtest/gtest.h>

#include "tests/unit/storage/golden.h"
#include "tests/unit/storage/index/random_rows.h"

namespace taicang::test {
namespace {

checkpoint_manifest random_manifest(std::uint64_t seed) {
    row_source source(seed);
    checkpoint_manifest manifest;
    manifest.number = source.number();
    manifest.applied = lsn{source.number()};
    manifest.taken = source.time();
    manifest.files.resize(source.random().below(5));
    for (std::size_t i = 0; i < manifest.files.size(); ++i) {
        checkpoint_file& file = manifest.files[i];
        file.name = std::to_string(i) + ".sst";
        file.crc = source.small();
        if (source.flip()) {
            file.inlined = source.text(50);
            file.size = file.inlined.size();
            continue;
        }
        file.pieces.resize(1 + source.random().below(3));
        for (piece& where : file.pieces) {
            where = source.place();
            file.size += where.length;
        }
    }
    manifest.groups.resize(source.random().below(3));
    for (group_row& group : manifest.groups)
        group = source.group();
    return manifest;
}

TEST(checkpoint_format, a_manifest_comes_back) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const checkpoint_manifest manifest = random_manifest(seed);
        const auto back = decode_manifest(as_bytes(encode_manifest(manifest)));
        ASSERT_TRUE(back.ok()) << back.error().message;
        EXPECT_EQ(*back, manifest);
    }
}

TEST(checkpoint_format, any_changed_byte_is_found) {
    const std::string bytes = encode_manifest(random_manifest(12));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 0x10);
        EXPECT_TRUE(decode_manifest(as_bytes(changed)).is(errc::corrupt)) << at;
        EXPECT_TRUE(decode_manifest(as_bytes(bytes.substr(0, at))).is(errc::corrupt)) << at;
    }
}

TEST(checkpoint_format, a_newer_version_is_refused_by_name) {
    std::string bytes = encode_manifest(random_manifest(3));
    bytes.resize(bytes.size() - 4);
    bytes[0] = 2;
    encoder(bytes).u32(crc32c(as_bytes(bytes)));
    EXPECT_TRUE(decode_manifest(as_bytes(bytes)).is(errc::version_unsupported));
}

TEST(checkpoint_format, a_file_that_leaves_its_directory_is_refused) {
    for (const char* name : {"../CURRENT", "/etc/passwd", "..", ".", ""}) {
        checkpoint_manifest manifest;
        manifest.files.resize(1);
        manifest.files[0].name = name;
        EXPECT_TRUE(decode_manifest(as_bytes(encode_manifest(manifest))).is(errc::corrupt)) << name;
    }
}

TEST(checkpoint_format, sizes_must_add_up) {
    checkpoint_manifest manifest = random_manifest(4);
    manifest.files.resize(1);
    manifest.files[0].name = "1.sst";
    ++manifest.files[0].size;
    EXPECT_TRUE(decode_manifest(as_bytes(encode_manifest(manifest))).is(errc::corrupt));
}

checkpoint_root_entry sample_entry(std::uint64_t number) {
    checkpoint_root_entry entry;
    entry.info.number = number;
    entry.info.applied = lsn{number * 100};
    entry.info.files = 3;
    entry.info.bytes = 123'456;
    entry.info.taken = 1'700'000'000'000'000'000;
    entry.manifest_length = 300;
    entry.manifest_crc = 0xe3069283;
    entry.pieces = {{group_id{5}, 17, 1, 0, 300, 0xe3069283}};
    group_row group;
    group.id = group_id{5};
    group.purpose = extent_purpose::checkpoint;
    group.k = 1;
    group.chunks.resize(1);
    group.chunks[0].extent.sequence = 40;
    entry.groups = {group};
    return entry;
}

TEST(checkpoint_format, a_root_section_comes_back) {
    const std::string bytes = encode_checkpoint_root({sample_entry(2), sample_entry(1)});
    const auto back = decode_checkpoint_root(as_bytes(bytes));
    ASSERT_TRUE(back.ok()) << back.error().message;
    ASSERT_EQ(back->size(), 2U);
    EXPECT_EQ((*back)[0].info.number, 2U);
    EXPECT_EQ((*back)[0].info.applied, lsn{200});
    EXPECT_EQ((*back)[1].pieces, sample_entry(1).pieces);
    EXPECT_EQ((*back)[1].groups, sample_entry(1).groups);
    EXPECT_EQ(encode_checkpoint_root(*back), bytes);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        EXPECT_TRUE(decode_checkpoint_root(as_bytes(bytes.substr(0, at))).is(errc::corrupt)) << at;
    }
}

TEST(checkpoint_format, golden) {
    checkpoint_manifest manifest;
    manifest.number = 2;
    manifest.applied = lsn{200};
    manifest.taken = 1'700'000'000'000'000'000;
    manifest.files.resize(2);
    manifest.files[0].name = "000012.sst";
    manifest.files[0].size = 8000;
    manifest.files[0].crc = 0x01020304;
    manifest.files[0].pieces = {{group_id{5}, 1, 1, 0, 8000, 0x01020304}};
    manifest.files[1].name = "CURRENT";
    manifest.files[1].inlined = "MANIFEST-000004\n";
    manifest.files[1].size = manifest.files[1].inlined.size();
    manifest.files[1].crc = crc32c(as_bytes(manifest.files[1].inlined));
    manifest.groups = sample_entry(2).groups;
    expect_golden(
        "checkpoint.txt",
        {{"manifest", to_hex(as_bytes(encode_manifest(manifest)))},
         {"root", to_hex(as_bytes(encode_checkpoint_root({sample_entry(2), sample_entry(1)})))}});
    const golden_lines kept = read_golden("checkpoint.txt");
    EXPECT_EQ(*decode_manifest(as_bytes(from_hex(kept.at("manifest")))), manifest);
}

}  // namespace
}  // namespace taicang::test
