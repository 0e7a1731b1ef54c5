// Pure rules: names, conditions, ranges, checksums of parts.
#include <gtest/gtest.h>

#include "storage/base/crc64nvme.h"
#include "storage/object/checksums.h"
#include "storage/object/conditions.h"
#include "storage/object/names.h"

namespace taicang {
namespace {

TEST(names, buckets) {
    for (const char* good : {"abc", "a-b.c", "0ab", "my.bucket-1", "1.2.3.4.5", "1.2.3",
                             "123456789012345678901234567890123456789012345678901234567890123"}) {
        EXPECT_TRUE(check_bucket_name(good)) << good;
    }
    for (const char* bad :
         {"", "ab", "Abc", "a_b", "-abc", "abc-", ".abc", "abc.", "a..b", "192.168.5.4", "xn--abc",
          "sthree-x", "amzn-s3-demo-x", "abc-s3alias", "abc--ol-s3", "abc.mrap", "abc--x-s3", "a b",
          "1234567890123456789012345678901234567890123456789012345678901234"}) {
        EXPECT_TRUE(check_bucket_name(bad).is(errc::bucket_name_invalid)) << bad;
    }
}

TEST(names, keys) {
    EXPECT_TRUE(check_key(std::string(1024, 'x')));
    EXPECT_TRUE(check_key(std::string(1025, 'x')).is(errc::key_too_long));
    EXPECT_TRUE(check_key("").is(errc::invalid_argument));
}

version_row row() {
    version_row made;
    made.etag = "aaaa";
    made.modified = 1'000'500'000'000;  // half a second after second 1000
    made.size = 100;
    return made;
}
constexpr timestamp_ns at_1000s = 1'000'000'000'000;

TEST(conditions, reads_in_the_order_of_rfc_9110) {
    conditions when;
    when.if_match = {"bbbb"};
    EXPECT_TRUE(check_read_conditions(when, row()).is(errc::precondition_failed));
    when.if_match = {"bbbb", "aaaa"};
    when.if_unmodified_since = at_1000s - 1'000'000'000;
    EXPECT_TRUE(check_read_conditions(when, row()))
        << "If-Match decides, the date is not looked at";
    when.if_match.clear();
    EXPECT_TRUE(check_read_conditions(when, row()).is(errc::precondition_failed));
    when.if_unmodified_since = at_1000s;
    EXPECT_TRUE(check_read_conditions(when, row())) << "dates have whole seconds";
    when = {};
    when.if_none_match = {"aaaa"};
    EXPECT_TRUE(check_read_conditions(when, row()).is(errc::not_modified));
    when.if_none_match = {"*"};
    EXPECT_TRUE(check_read_conditions(when, row()).is(errc::not_modified));
    when.if_none_match = {"bbbb"};
    when.if_modified_since = at_1000s;
    EXPECT_TRUE(check_read_conditions(when, row())) << "If-None-Match decides";
    when.if_none_match.clear();
    EXPECT_TRUE(check_read_conditions(when, row()).is(errc::not_modified));
    when.if_modified_since = at_1000s - 1'000'000'000;
    EXPECT_TRUE(check_read_conditions(when, row()));
    when = {};
    when.if_match = {"bbbb"};
    when.if_none_match = {"aaaa"};
    EXPECT_TRUE(check_read_conditions(when, row()).is(errc::precondition_failed)) << "412 first";
}

TEST(conditions, sources_are_never_not_modified) {
    conditions when;
    when.if_none_match = {"aaaa"};
    EXPECT_TRUE(check_source_conditions(when, row()).is(errc::precondition_failed));
}

TEST(conditions, writes) {
    const version_row there = row();
    conditions when;
    when.if_none_match = {"*"};
    EXPECT_TRUE(check_write_conditions(when, nullptr));
    EXPECT_TRUE(check_write_conditions(when, &there).is(errc::precondition_failed));
    when = {};
    when.if_match = {"aaaa"};
    EXPECT_TRUE(check_write_conditions(when, &there));
    EXPECT_TRUE(check_write_conditions(when, nullptr).is(errc::key_not_found));
    when.if_match = {"bbbb"};
    EXPECT_TRUE(check_write_conditions(when, &there).is(errc::precondition_failed));
}

TEST(ranges, resolve_clip_and_refuse) {
    const auto resolve = [](range_request range, std::uint64_t size) {
        version_row version;
        version.size = size;
        return resolve_range(range, std::nullopt, version);
    };
    const auto whole = resolve({0, std::nullopt}, 10);
    EXPECT_EQ(whole->length, 10U);
    EXPECT_TRUE(whole->partial);
    EXPECT_EQ(resolve({3, 5}, 10)->first, 3U);
    EXPECT_EQ(resolve({3, 5}, 10)->length, 3U);
    EXPECT_EQ(resolve({3, 500}, 10)->length, 7U);
    EXPECT_EQ(resolve({std::nullopt, 4}, 10)->first, 6U);
    EXPECT_EQ(resolve({std::nullopt, 400}, 10)->first, 0U);
    EXPECT_TRUE(resolve({10, std::nullopt}, 10).is(errc::range_not_satisfiable));
    EXPECT_TRUE(resolve({std::nullopt, 0}, 10).is(errc::range_not_satisfiable));
    EXPECT_TRUE(resolve({0, std::nullopt}, 0).is(errc::range_not_satisfiable));
    EXPECT_TRUE(resolve({std::nullopt, 1}, 0).is(errc::range_not_satisfiable));
}

TEST(ranges, part_numbers) {
    version_row version;
    version.size = 30;
    EXPECT_EQ(resolve_range({}, 1, version)->length, 30U);
    EXPECT_TRUE(resolve_range({}, 2, version).is(errc::range_not_satisfiable));
    version.part_sizes = {10, 15, 5};
    EXPECT_EQ(resolve_range({}, 2, version)->first, 10U);
    EXPECT_EQ(resolve_range({}, 2, version)->length, 15U);
    EXPECT_TRUE(resolve_range({}, 4, version).is(errc::range_not_satisfiable));
    EXPECT_TRUE(resolve_range({}, 0, version).is(errc::range_not_satisfiable));
}

TEST(version_ids, null_or_hex) {
    version_row version;
    EXPECT_EQ(version_id_text(version, lsn{255}), "null");
    EXPECT_TRUE(is_version_id_of("null", version, lsn{255}));
    EXPECT_TRUE(is_version_id_of("00000000000000ff", version, lsn{255}));
    version.null_version = false;
    EXPECT_EQ(version_id_text(version, lsn{255}), "00000000000000ff");
    EXPECT_FALSE(is_version_id_of("null", version, lsn{255}));
    EXPECT_FALSE(is_version_id("00000000000000fg"));
    EXPECT_FALSE(is_version_id("ff"));
}

TEST(checksums, multipart_etag_is_md5_of_md5s) {
    // printf of two MD5s of "a" and "b", as bytes, through md5sum.
    const std::vector<std::string> parts{"0cc175b9c0f1b6a831c399e269772661",
                                         "92eb5ffee6ae2fec3ad71c777531578f"};
    content_hasher hasher(digest_set().add(digest_kind::md5));
    const unsigned char bytes[] = {0x0c, 0xc1, 0x75, 0xb9, 0xc0, 0xf1, 0xb6, 0xa8, 0x31, 0xc3, 0x99,
                                   0xe2, 0x69, 0x77, 0x26, 0x61, 0x92, 0xeb, 0x5f, 0xfe, 0xe6, 0xae,
                                   0x2f, 0xec, 0x3a, 0xd7, 0x1c, 0x77, 0x75, 0x31, 0x57, 0x8f};
    hasher.update(std::as_bytes(std::span(bytes)));
    const auto md5 = hasher.finish().md5;
    EXPECT_EQ(multipart_etag(parts), to_hex(as_bytes(md5)) + "-2");
    EXPECT_EQ(multipart_etag({"no"}), "");
}

TEST(checksums, crcs_combine_to_those_of_the_whole) {
    auto random = seeded_random(7);
    for (const digest_kind kind :
         {digest_kind::crc32, digest_kind::crc32c, digest_kind::crc64nvme}) {
        crc_combiner combined(kind);
        content_hasher whole(digest_set().add(kind));
        for (const std::size_t length : {5U, 1U, 1000U, 1000U, 77U, 0U, 4096U}) {
            std::string bytes(length, '\0');
            for (char& byte : bytes)
                byte = static_cast<char>(random->below(256));
            content_hasher part(digest_set().add(kind));
            part.update(as_bytes(bytes));
            whole.update(as_bytes(bytes));
            combined.append(part.finish().of(kind), length);
        }
        EXPECT_EQ(combined.value(), whole.finish().of(kind));
    }
}

}  // namespace
}  // namespace taicang
