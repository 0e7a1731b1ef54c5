#include <gtest/gtest.h>

#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

copy_request from_to(const std::string& from, const std::string& to) {
    copy_request made;
    made.source_bucket = made.bucket = "bucket";
    made.source_key = from;
    made.key = to;
    return made;
}

TEST(copy, shares_the_bytes_until_the_last_name_goes) {
    object_world at;
    at.bucket("bucket");
    at.bucket("other");
    for (const std::size_t size : {10U, 500'000U}) {
        const std::string text = pattern(size, 1);
        const auto done = at.put("bucket", "k", text);
        const auto writes = at.stripes.writes;
        copy_request request = from_to("k", "copy");
        request.bucket = "other";
        const auto copied = at.run(at.objects->copy(request));
        ASSERT_TRUE(copied) << copied.error().message;
        EXPECT_EQ(copied->version.etag, done.etag);
        EXPECT_GT(copied->version.modified, 0);
        EXPECT_EQ(at.stripes.writes, writes);
        EXPECT_EQ(at.count_rows(index_key::family::blob), 1U);
        (void)at.try_remove("bucket", "k");
        EXPECT_EQ(at.get("other", "copy"), text) << "a blob was freed while it is referenced";
        EXPECT_EQ(at.live_bytes(), size > 1000 ? static_cast<std::int64_t>(size) : 0);
        (void)at.try_remove("other", "copy");
        EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
        EXPECT_EQ(at.live_bytes(), 0);
    }
}

TEST(copy, attributes_come_along_or_are_replaced) {
    object_world at;
    at.bucket("bucket");
    put_request put = at.request("bucket", "k");
    put.attributes.headers.content_type = "text/plain";
    put.attributes.user_metadata = {{"a", "1"}};
    ASSERT_TRUE(at.try_put(put, "x"));
    const auto same = at.run(at.objects->copy(from_to("k", "same")));
    EXPECT_EQ(same->version.headers.content_type, "text/plain");
    EXPECT_EQ(same->version.user_metadata.size(), 1U);
    copy_request other = from_to("k", "other");
    other.replace_attributes = true;
    other.attributes.headers.content_type = "image/png";
    const auto replaced = at.run(at.objects->copy(other));
    EXPECT_EQ(replaced->version.headers.content_type, "image/png");
    EXPECT_TRUE(replaced->version.user_metadata.empty());
}

TEST(copy, to_itself_must_change_something) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "k", pattern(300'000, 1));
    EXPECT_TRUE(at.run(at.objects->copy(from_to("k", "k"))).is(errc::invalid_argument));
    copy_request replace = from_to("k", "k");
    replace.replace_attributes = true;
    replace.attributes.user_metadata = {{"a", "1"}};
    ASSERT_TRUE(at.run(at.objects->copy(replace)));
    EXPECT_EQ(at.get("bucket", "k"), pattern(300'000, 1));
    EXPECT_EQ(at.count_rows(index_key::family::version), 1U);
    EXPECT_EQ(at.live_bytes(), 300'000);
    (void)at.try_remove("bucket", "k");
    EXPECT_EQ(at.live_bytes(), 0) << "the count of its blob is wrong";
}

TEST(copy, another_tier_gets_its_own_bytes) {
    object_world at;
    at.bucket("bucket");
    const std::string text = pattern(600'000, 1);
    const auto done = at.put("bucket", "k", text);
    copy_request request = from_to("k", "k");
    request.class_given = true;
    request.attributes.klass = storage_class::standard_ia;
    const auto copied = at.run(at.objects->copy(request));
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_EQ(copied->version.etag, done.etag);
    EXPECT_EQ(at.get("bucket", "k"), text);
    EXPECT_EQ(at.live_bytes(), 600'000);
    for (const group_row& row : at.stripes.groups()) {
        if (at.decisions->live_bytes(row.id) != 0) {
            EXPECT_EQ(row.tier, tier_id::hdd);
        }
    }
}

TEST(copy, conditions_on_the_source_and_on_the_target) {
    object_world at;
    at.bucket("bucket");
    const auto done = at.put("bucket", "k", "x");
    copy_request request = from_to("k", "l");
    request.source_when.if_none_match = {done.etag};
    EXPECT_TRUE(at.run(at.objects->copy(request)).is(errc::precondition_failed));
    request = from_to("k", "l");
    request.when.if_none_match = {"*"};
    EXPECT_TRUE(at.run(at.objects->copy(request)));
    EXPECT_TRUE(at.run(at.objects->copy(request)).is(errc::precondition_failed));
    EXPECT_TRUE(at.run(at.objects->copy(from_to("missing", "l"))).is(errc::key_not_found));
    request = from_to("k", "l");
    request.bucket = "nowhere";
    EXPECT_TRUE(at.run(at.objects->copy(request)).is(errc::bucket_not_found));
}

task<void> overwrite_source(object_world* at, int times) {
    for (int i = 0; i < times; ++i) {
        put_request request = at->request("bucket", "k");
        buffer body = at->bytes(pattern(200'000, static_cast<std::uint64_t>(i)));
        auto done = co_await at->objects->put(std::move(request), std::move(body));
        EXPECT_TRUE(done);
    }
}
task<void> copy_source(object_world* at, int who, int times, int* copied) {
    for (int i = 0; i < times; ++i) {
        auto done = co_await at->objects->copy(from_to("k", "copy" + std::to_string(who)));
        if (done) ++*copied;
        if (!done) {
            EXPECT_TRUE(done.is(errc::conflict)) << done.error().message;
        }
    }
}
task<bool> copy_while_overwritten(object_world* at, int* copied) {
    gate holder;
    EXPECT_TRUE(spawn(holder, overwrite_source(at, 30)));
    for (int who = 0; who < 4; ++who)
        EXPECT_TRUE(spawn(holder, copy_source(at, who, 30, copied)));
    co_await holder.close();
    co_return true;
}

TEST(copy, of_a_source_that_changes_all_the_time_is_whole) {
    object_world at;
    at.bucket("bucket");
    at.put("bucket", "k", pattern(200'000, 0));
    int copied = 0;
    EXPECT_TRUE(at.run(copy_while_overwritten(&at, &copied)));
    EXPECT_GT(copied, 60);
    for (int who = 0; who < 4; ++who) {
        const std::string got = at.get("bucket", "copy" + std::to_string(who));
        bool known = false;
        for (std::uint64_t i = 0; i < 30; ++i)
            known = known || got == pattern(200'000, i);
        EXPECT_TRUE(known);
    }
    for (const char* key : {"k", "copy0", "copy1", "copy2", "copy3"})
        (void)at.try_remove("bucket", key);
    EXPECT_EQ(at.live_bytes(), 0);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
}

copy_part_request part_from(const std::string& from, const upload_row& upload,
                            std::uint32_t number) {
    copy_part_request made;
    made.source_bucket = made.bucket = "bucket";
    made.source_key = from;
    made.key = upload.key;
    made.upload_id = upload.upload_id;
    made.number = number;
    return made;
}

TEST(copy, parts_share_whole_objects_and_copy_ranges) {
    object_world at;
    at.bucket("bucket");
    const std::string large = pattern(limits::part_bytes_min, 1);
    at.put("bucket", "large", large);
    at.put("bucket", "small", "small");
    upload_request begin;
    begin.bucket = "bucket";
    begin.key = "k";
    const auto upload = at.run(at.objects->create_upload(begin));
    const auto writes = at.stripes.writes;
    const auto whole = at.run(at.objects->copy_part(part_from("large", *upload, 1)));
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ(at.stripes.writes, writes) << "a whole object is shared";
    copy_part_request range = part_from("large", *upload, 2);
    range.range = range_request{0, limits::part_bytes_min - 2};
    EXPECT_TRUE(at.run(at.objects->copy_part(range)));
    range.range = range_request{10, limits::part_bytes_min};
    EXPECT_TRUE(at.run(at.objects->copy_part(range)).is(errc::range_not_satisfiable));
    range.range = range_request{10, 19};
    const auto cut = at.run(at.objects->copy_part(range));
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->size, 10U);
    const auto small = at.run(at.objects->copy_part(part_from("small", *upload, 3)));
    ASSERT_TRUE(small);
    EXPECT_EQ(small->size, 5U);
    (void)at.try_remove("bucket", "large");
    (void)at.try_remove("bucket", "small");
    const auto done = at.run(at.objects->complete_upload(
        "bucket", "k", upload->upload_id, {{1, whole->etag, {}}, {2, cut->etag, {}}}, {}));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(at.get("bucket", "k"), large + large.substr(10, 10));
    (void)at.try_remove("bucket", "k");
    EXPECT_EQ(at.live_bytes(), 0);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
}

}  // namespace
}  // namespace taicang::test
