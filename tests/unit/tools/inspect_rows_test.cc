// Rows as `taicang inspect index` prints them: what a process test cannot bring about, and every
// family's own line.
#include "tools/cli/inspect_rows.h"

#include <gtest/gtest.h>

#include "storage/index/keys.h"
#include "storage/index/rows.h"

namespace taicang {

namespace {

const std::string version_key = index_key::version(bucket_id(7), "a/b", lsn(42));

TEST(inspect_rows, a_version_shows_how_it_ended) {
    version_row row;
    row.etag = "e";
    row.null_version = false;
    EXPECT_EQ(row_text(version_key, encode_row(row)),
              "version bucket 7 key a/b LSN 42 size 0 etag e");
    row.tombstone = true;
    EXPECT_EQ(row_text(version_key, encode_row(row)),
              "version bucket 7 key a/b LSN 42 size 0 etag e tombstone");
    row.tombstone = false;
    row.delete_marker = true;
    row.null_version = true;
    EXPECT_EQ(row_text(version_key, encode_row(row)),
              "version bucket 7 key a/b LSN 42 size 0 etag e delete-marker null-version");
}

TEST(inspect_rows, uploads_parts_and_live_bytes_are_decoded) {
    upload_row upload;
    upload.upload_id = "u1";
    upload.bucket = bucket_id(7);
    upload.key = "a/b";
    upload.owner = "root";
    upload.created = 5;
    EXPECT_EQ(row_text(index_key::upload(bucket_id(7), "a/b", "u1"), encode_row(upload)),
              "upload u1 bucket 7 key a/b owner root created 5");
    part_row part;
    part.number = 3;
    part.size = 10;
    part.etag = "e";
    part.blobs = {{blob_id(9), 10}};
    EXPECT_EQ(row_text(index_key::part("u1", 3), encode_row(part)),
              "part 3 of upload u1 size 10 etag e blob 9 (10 bytes)");
    EXPECT_EQ(row_text(index_key::group_live(group_id(4)), encode_live(-12)),
              "live bytes of group 4 -12");
}

TEST(inspect_rows, the_rows_without_a_value_of_their_own) {
    EXPECT_EQ(row_text(index_key::retired(lsn(50), version_key), ""),
              "retired at LSN 50 bucket 7 key a/b LSN 42");
    EXPECT_EQ(row_text(index_key::cursor("packer"), encode_position(lsn(6))),
              "cursor packer at LSN 6");
    EXPECT_EQ(row_text(index_key::meta("applied"), encode_position(lsn(8))),
              "meta applied at LSN 8");
    EXPECT_EQ(row_text(index_key::meta("identity"), "a uuid"), "meta identity a uuid");
}

TEST(inspect_rows, what_cannot_be_read_is_said) {
    EXPECT_EQ(row_text("z1", "abc"), "a row of no known family, key 7a31, 3 bytes");
    EXPECT_EQ(row_text("v", "abc"), "version with an unreadable key");
    EXPECT_TRUE(row_text(version_key, "abc").starts_with("unreadable: "));
    EXPECT_TRUE(row_text("p", "abc").starts_with("unreadable: "));
    EXPECT_TRUE(row_text("l", "abc").starts_with("unreadable: "));
    EXPECT_EQ(row_text("", ""), "an empty key");
}

}  // namespace

}  // namespace taicang
