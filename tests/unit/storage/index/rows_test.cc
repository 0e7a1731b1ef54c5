#include "storage/index/rows.h"

#include <gtest/gtest.h>

#include "tests/unit/storage/golden.h"
#include "tests/unit/storage/index/random_rows.h"

namespace taicang::test {
namespace {

/// Encodes and decodes; every shorter run of the bytes and one longer must be refused, an unknown
/// version by its name.
template <class Row, class Decode>
void round_trip(const Row& row, Decode decode) {
    const std::string bytes = encode_row(row);
    const auto back = decode(as_bytes(bytes));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back, row);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_TRUE(decode(as_bytes(bytes.substr(0, length))).is(errc::corrupt)) << length;
    }
    EXPECT_TRUE(decode(as_bytes(bytes + '\0')).is(errc::corrupt));
    std::string newer = bytes;
    newer[0] = 2;
    EXPECT_TRUE(decode(as_bytes(newer)).is(errc::version_unsupported));
}

TEST(index_rows, every_row_comes_back) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        row_source source(seed);
        round_trip(source.bucket(), decode_bucket_row);
        round_trip(source.version(), decode_version_row);
        round_trip(source.blob(), decode_blob_row);
        round_trip(source.upload(), decode_upload_row);
        round_trip(source.part(), decode_part_row);
        round_trip(source.group(), decode_group_row);
    }
}

TEST(index_rows, empty_rows_come_back) {
    round_trip(bucket_row{}, decode_bucket_row);
    round_trip(version_row{}, decode_version_row);
    round_trip(blob_row{}, decode_blob_row);
    round_trip(upload_row{}, decode_upload_row);
    round_trip(part_row{}, decode_part_row);
    round_trip(group_row{}, decode_group_row);
}

TEST(index_rows, changed_bytes_never_crash_a_decoder) {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        row_source source(seed);
        std::string bytes;
        switch (seed % 6) {
            case 0:
                bytes = encode_row(source.bucket());
                break;
            case 1:
                bytes = encode_row(source.version());
                break;
            case 2:
                bytes = encode_row(source.blob());
                break;
            case 3:
                bytes = encode_row(source.upload());
                break;
            case 4:
                bytes = encode_row(source.part());
                break;
            default:
                bytes = encode_row(source.group());
                break;
        }
        for (int change = 0; change < 4; ++change) {
            bytes[source.random().below(bytes.size())] =
                static_cast<char>(source.random().below(256));
        }
        // What a decoder accepts must be a row: it encodes and decodes to itself.
        if (const auto row = decode_version_row(as_bytes(bytes))) {
            EXPECT_EQ(*decode_version_row(as_bytes(encode_row(*row))), *row);
        }
        if (const auto row = decode_blob_row(as_bytes(bytes))) {
            EXPECT_EQ(*decode_blob_row(as_bytes(encode_row(*row))), *row);
        }
        (void)decode_bucket_row(as_bytes(bytes));
        (void)decode_upload_row(as_bytes(bytes));
        (void)decode_part_row(as_bytes(bytes));
        (void)decode_group_row(as_bytes(bytes));
    }
}

TEST(index_rows, a_count_beyond_the_bytes_is_refused_before_it_is_believed) {
    std::string bytes = encode_row(blob_row{});
    bytes.pop_back();
    encoder(bytes).varint(std::uint64_t{1} << 60);  // pieces
    EXPECT_TRUE(decode_blob_row(as_bytes(bytes)).is(errc::corrupt));
}

TEST(index_rows, bare_numbers_come_back) {
    for (const std::int64_t live : {std::int64_t{0}, std::int64_t{-5}, std::int64_t{1} << 40}) {
        EXPECT_EQ(*decode_live(as_bytes(encode_live(live))), live);
    }
    EXPECT_EQ(*decode_position(as_bytes(encode_position(lsn{77}))), lsn{77});
    EXPECT_TRUE(decode_live(as_bytes("1234567")).is(errc::corrupt));
    EXPECT_TRUE(decode_position(as_bytes("123456789")).is(errc::corrupt));
}

version_row sample_version() {
    version_row row;
    row.size = 300;
    row.modified = 1'700'000'000'000'000'000;
    row.clock = hybrid_clock{1'700'000'000'000'000'001};
    row.etag = "d41d8cd98f00b204e9800998ecf8427e";
    row.klass = storage_class::standard_ia;
    row.headers.content_type = "text/plain";
    row.headers.cache_control = "no-store";
    row.user_metadata = {{"colour", "blue"}};
    row.tags = {{"class", "core"}};
    row.checksum = stored_checksum{digest_kind::crc32c, true, "\xe3\x06\x92\x83"};
    row.blobs = {{blob_id{(std::uint64_t{3} << id_counter_bits) + 9}, 300}};
    row.part_sizes = {200, 100};
    row.owner = "root";
    return row;
}

piece sample_piece() {
    return {group_id{5}, 17, 32, 4096, 300, 0xe3069283};
}

blob_row sample_blob() {
    blob_row row;
    row.references = 2;
    row.logical_length = 300;
    row.stored_length = 300;
    row.tier = tier_id::hdd;
    row.digest = sha256(as_bytes("taicang"));
    row.crc = 0xe3069283;
    row.journal = journal_place{lsn{41}, 4096};
    row.pieces = {sample_piece()};
    return row;
}

group_row sample_group() {
    group_row row;
    row.id = group_id{5};
    row.tier = tier_id::hdd;
    row.k = 2;
    row.m = 1;
    for (std::uint64_t i = 0; i < 3; ++i) {
        chunk_place chunk;
        chunk.device.bytes.fill(static_cast<std::byte>(i + 1));
        chunk.extent = {shard_id{}, shard_term{3}, 40 + i};
        chunk.life = generation{i + 7};
        row.chunks.push_back(chunk);
    }
    return row;
}

TEST(index_rows, golden) {
    const auto hex = [](const std::string& bytes) { return to_hex(as_bytes(bytes)); };
    bucket_row bucket;
    bucket.id = bucket_id{9};
    bucket.name = "photos";
    bucket.owner = "root";
    bucket.created = 1'700'000'000'000'000'000;
    bucket.region = "us-east-1";
    upload_row upload;
    upload.upload_id = "0001";
    upload.bucket = bucket_id{9};
    upload.key = "a/b";
    upload.created = 1'700'000'000'000'000'000;
    upload.owner = "root";
    upload.checksum_kind = digest_kind::crc64nvme;
    upload.checksum_full_object = true;
    part_row part;
    part.number = 3;
    part.size = 200;
    part.etag = "d41d8cd98f00b204e9800998ecf8427e";
    part.modified = 1'700'000'000'000'000'000;
    part.checksum = stored_checksum{digest_kind::sha256, true, "0123456789abcdef0123456789abcdef"};
    part.blobs = {{blob_id{12}, 200}};
    expect_golden("index_rows.txt", {{"bucket", hex(encode_row(bucket))},
                                     {"version", hex(encode_row(sample_version()))},
                                     {"blob", hex(encode_row(sample_blob()))},
                                     {"group", hex(encode_row(sample_group()))},
                                     {"upload", hex(encode_row(upload))},
                                     {"part", hex(encode_row(part))},
                                     {"live", hex(encode_live(-2))},
                                     {"position", hex(encode_position(lsn{258}))}});
    const golden_lines kept = read_golden("index_rows.txt");
    EXPECT_EQ(*decode_version_row(as_bytes(from_hex(kept.at("version")))), sample_version());
    EXPECT_EQ(*decode_blob_row(as_bytes(from_hex(kept.at("blob")))), sample_blob());
    EXPECT_EQ(*decode_group_row(as_bytes(from_hex(kept.at("group")))), sample_group());
    EXPECT_EQ(*decode_bucket_row(as_bytes(from_hex(kept.at("bucket")))), bucket);
    EXPECT_EQ(*decode_upload_row(as_bytes(from_hex(kept.at("upload")))), upload);
    EXPECT_EQ(*decode_part_row(as_bytes(from_hex(kept.at("part")))), part);
}

}  // namespace
}  // namespace taicang::test
