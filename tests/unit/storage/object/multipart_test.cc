#include <gtest/gtest.h>

#include "storage/object/checksums.h"
#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

/// An upload with the few things tests do to it.
struct upload_scene {
    object_world& at;
    std::string key, id;

    upload_scene(object_world& world, std::string to, upload_request begin = {})
        : at(world), key(std::move(to)) {
        begin.bucket = "bucket";
        begin.key = key;
        const auto made = at.run(at.objects->create_upload(begin));
        EXPECT_TRUE(made);
        id = made->upload_id;
    }
    task<result<put_result>> send(std::uint32_t number, std::string text) {
        part_request part;
        part.bucket = "bucket";
        part.key = key;
        part.upload_id = id;
        part.number = number;
        auto writer = co_await at.objects->begin_part(std::move(part));
        if (!writer) co_return std::move(writer).error();
        for (std::size_t from = 0; from < text.size(); from += 1'000'000) {
            auto taken =
                co_await (*writer)->write(at.bytes(std::string_view(text).substr(from, 1'000'000)));
            if (!taken) co_return std::move(taken).error();
        }
        auto done = co_await (*writer)->commit();
        co_return done;
    }
    completed_part put(std::uint32_t number, const std::string& text) {
        auto done = at.run(send(number, text));
        EXPECT_TRUE(done) << done.error().message;
        return completed_part{number, done ? done->etag : "", {}};
    }
    result<object_info> complete(std::vector<completed_part> parts) {
        return at.run(at.objects->complete_upload("bucket", key, id, std::move(parts), {}));
    }
    result<part_list_page> list(std::uint32_t after = 0, std::size_t most = 1000) {
        return at.run(at.objects->list_parts("bucket", key, id, after, most));
    }
};

constexpr std::size_t part_min = limits::part_bytes_min;

TEST(multipart, parts_become_one_object_by_reference) {
    object_world at;
    at.bucket("bucket");
    upload_scene upload(at, "k");
    const std::string one = pattern(part_min, 1);
    const std::string two = pattern(part_min + 5, 2);
    const std::string last = pattern(100, 3);
    // In any order, and one of them twice.
    const auto third = upload.put(7, last);
    upload.put(2, pattern(part_min, 9));
    const auto second = upload.put(2, two);
    const auto first = upload.put(1, one);
    upload.put(9, "not used");
    EXPECT_TRUE(at.try_get("bucket", "k").is(errc::key_not_found));
    const auto writes = at.stripes.writes;
    const auto done = upload.complete({first, second, third});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(at.stripes.writes, writes) << "completion writes no bytes";
    EXPECT_EQ(done->version.etag, multipart_etag({first.etag, second.etag, third.etag}));
    EXPECT_EQ(at.get("bucket", "k"), one + two + last);
    EXPECT_EQ(at.live_bytes(), static_cast<std::int64_t>(one.size() + two.size() + last.size()));
    EXPECT_EQ(at.count_rows(index_key::family::part), 0U);
    EXPECT_EQ(at.count_rows(index_key::family::upload), 0U);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 3U);
    open_request part;
    part.bucket = "bucket";
    part.key = "k";
    part.part_number = 2;
    EXPECT_EQ(*at.run(at.read(part)), two);
    open_request across;
    across.bucket = "bucket";
    across.key = "k";
    across.range = range_request{part_min - 10, part_min + 9};
    EXPECT_EQ(*at.run(at.read(across)), one.substr(part_min - 10) + two.substr(0, 10));
    (void)at.try_remove("bucket", "k");
    EXPECT_EQ(at.live_bytes(), 0);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
}

TEST(multipart, what_does_not_fit_is_refused_and_the_upload_stays) {
    object_world at;
    at.bucket("bucket");
    upload_scene upload(at, "k");
    const auto small = upload.put(1, "small");
    const auto other = upload.put(2, "other");
    EXPECT_TRUE(upload.complete({small, other}).is(errc::part_too_small));
    EXPECT_TRUE(upload.complete({other, small}).is(errc::invalid_part_order));
    EXPECT_TRUE(upload.complete({small, small}).is(errc::invalid_part_order));
    EXPECT_TRUE(upload.complete({}).is(errc::invalid_argument));
    EXPECT_TRUE(upload.complete({{1, other.etag, {}}}).is(errc::invalid_part));
    EXPECT_TRUE(upload.complete({{3, small.etag, {}}}).is(errc::invalid_part));
    EXPECT_TRUE(at.run(upload.send(0, "x")).is(errc::invalid_argument));
    EXPECT_TRUE(at.run(upload.send(10'001, "x")).is(errc::invalid_argument));
    EXPECT_TRUE(upload.complete({other})) << "one part may be of any size";
    EXPECT_EQ(at.get("bucket", "k"), "other");
}

TEST(multipart, ended_uploads_are_gone_but_a_completion_may_be_repeated) {
    object_world at;
    at.bucket("bucket");
    upload_scene upload(at, "k");
    const auto part = upload.put(1, "x");
    ASSERT_TRUE(upload.complete({part}));
    EXPECT_TRUE(at.run(upload.send(2, "y")).is(errc::upload_not_found));
    EXPECT_TRUE(upload.list().is(errc::upload_not_found));
    EXPECT_TRUE(upload.complete({part})) << "the answer may have been lost";
    EXPECT_TRUE(
        at.run(at.objects->abort_upload("bucket", "k", upload.id)).is(errc::upload_not_found));
    at.put("bucket", "k", "another");
    EXPECT_TRUE(upload.complete({part}).is(errc::upload_not_found));
    upload_scene aborted(at, "l");
    aborted.put(1, pattern(700'000, 1));
    EXPECT_EQ(at.live_bytes(), 700'000);
    ASSERT_TRUE(at.run(at.objects->abort_upload("bucket", "l", aborted.id)));
    EXPECT_EQ(at.live_bytes(), 0);
    EXPECT_TRUE(aborted.complete({part}).is(errc::upload_not_found));
    EXPECT_EQ(at.count_rows(index_key::family::part), 0U);
}

TEST(multipart, checksums_composite_and_of_the_whole) {
    object_world at;
    at.bucket("bucket");
    const std::string one = pattern(part_min, 1);
    const std::string two = pattern(1000, 2);
    for (const bool full : {false, true}) {
        upload_request begin;
        begin.checksum = digest_kind::crc32c;
        begin.checksum_full_object = full;
        upload_scene upload(at, "k", begin);
        const auto first = upload.put(1, one);
        const auto second = upload.put(2, two);
        const auto parts = upload.list();
        ASSERT_TRUE(parts);
        ASSERT_TRUE(parts->parts[0].checksum);
        const auto done = upload.complete({first, second});
        ASSERT_TRUE(done);
        ASSERT_TRUE(done->version.checksum);
        EXPECT_EQ(done->version.checksum->full_object, full);
        content_hasher hasher(digest_set().add(digest_kind::crc32c));
        hasher.update(as_bytes(
            full ? one + two : parts->parts[0].checksum->value + parts->parts[1].checksum->value));
        EXPECT_EQ(done->version.checksum->value, hasher.finish().crc32c);
    }
}

TEST(multipart, parts_are_listed_in_pages) {
    object_world at;
    at.bucket("bucket");
    upload_scene upload(at, "k");
    for (const std::uint32_t number : {300U, 2U, 1U, 10'000U})
        upload.put(number, "x");
    auto page = upload.list(0, 3);
    ASSERT_EQ(page->parts.size(), 3U);
    EXPECT_TRUE(page->truncated);
    EXPECT_EQ(page->parts[2].number, 300U);
    page = upload.list(300, 3);
    ASSERT_EQ(page->parts.size(), 1U);
    EXPECT_FALSE(page->truncated);
    EXPECT_TRUE(upload.list(10'000)->parts.empty());
    EXPECT_TRUE(upload.list(0, 0)->parts.empty());
}

TEST(multipart, uploads_are_listed_by_prefix_delimiter_and_markers) {
    object_world at;
    at.bucket("bucket");
    upload_scene a1(at, "a");
    upload_scene a2(at, "a");
    upload_scene b1(at, "b/1");
    upload_scene b2(at, "b/2");
    upload_scene c(at, "c");
    const auto list = [&at](upload_list_request wanted) {
        auto page = at.run(at.objects->list_uploads("bucket", std::move(wanted)));
        EXPECT_TRUE(page);
        return std::move(*page);
    };
    upload_list_page page = list({"", "/", "", "", 1000});
    ASSERT_EQ(page.entries.size(), 4U);
    EXPECT_EQ(page.entries[0].upload.upload_id, a1.id) << "of one key the oldest first";
    EXPECT_EQ(page.entries[1].upload.upload_id, a2.id);
    EXPECT_TRUE(page.entries[2].common_prefix);
    EXPECT_EQ(page.entries[2].key, "b/");
    EXPECT_FALSE(page.truncated);
    page = list({"", "", "a", a1.id, 2});
    ASSERT_EQ(page.entries.size(), 2U);
    EXPECT_EQ(page.entries[0].upload.upload_id, a2.id);
    EXPECT_EQ(page.entries[1].upload.upload_id, b1.id);
    EXPECT_TRUE(page.truncated);
    page = list({"", "", "a", "", 1000});
    EXPECT_EQ(page.entries.size(), 3U) << "without an id the marker is past the key";
    page = list({"b/", "", "", "", 1000});
    EXPECT_EQ(page.entries.size(), 2U);
    page = list({"", "/", "b/", "", 1000});
    EXPECT_EQ(page.entries.size(), 1U);
}

struct sent {
    int failures = 0;
};
task<void> send_one(upload_scene* upload, std::uint32_t number, sent* told) {
    auto done = co_await upload->send(number, pattern(300'000, number));
    if (!done) ++told->failures;
}
task<bool> send_at_once(upload_scene* upload, sent* told) {
    gate holder;
    for (std::uint32_t number = 1; number <= 20; ++number)
        EXPECT_TRUE(spawn(holder, send_one(upload, number % 10 + 1, told)));
    co_await holder.close();
    co_return true;
}

TEST(multipart, parts_side_by_side_and_over_each_other) {
    object_world at;
    at.bucket("bucket");
    upload_scene upload(at, "k");
    sent told;
    EXPECT_TRUE(at.run(send_at_once(&upload, &told)));
    EXPECT_EQ(told.failures, 0);
    EXPECT_EQ(upload.list()->parts.size(), 10U);
    EXPECT_EQ(at.live_bytes(), 3'000'000);
    ASSERT_TRUE(at.run(at.objects->abort_upload("bucket", "k", upload.id)));
    EXPECT_EQ(at.live_bytes(), 0);
}

task<void> complete_one(object_world* at, upload_scene* upload, completed_part part, int* won) {
    std::vector<completed_part> parts{std::move(part)};
    auto done =
        co_await at->objects->complete_upload("bucket", "k", upload->id, std::move(parts), {});
    if (done) ++*won;
}
task<void> abort_one(object_world* at, upload_scene* upload, int* won) {
    auto done = co_await at->objects->abort_upload("bucket", "k", upload->id);
    if (done) ++*won;
}
task<bool> end_at_once(object_world* at, upload_scene* upload, completed_part part, int* completed,
                       int* aborted) {
    gate holder;
    EXPECT_TRUE(spawn(holder, complete_one(at, upload, part, completed)));
    EXPECT_TRUE(spawn(holder, abort_one(at, upload, aborted)));
    co_await holder.close();
    co_return true;
}

TEST(multipart, completion_or_abort_wins) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        object_world at(seed);
        at.bucket("bucket");
        upload_scene upload(at, "k");
        const auto part = upload.put(1, "x");
        int completed = 0;
        int aborted = 0;
        EXPECT_TRUE(at.run(end_at_once(&at, &upload, part, &completed, &aborted)));
        EXPECT_EQ(completed + aborted, 1);
        EXPECT_EQ(at.try_get("bucket", "k").ok(), completed == 1);
    }
}

TEST(multipart, ten_thousand_parts_fit_a_record) {
    object_world at;
    at.bucket("bucket");
    upload_scene upload(at, "k");
    decision change;
    std::vector<completed_part> parts;
    const std::string etag = "d41d8cd98f00b204e9800998ecf8427e";
    // The rows alone: bytes for ten thousand parts would take long and prove nothing more.
    for (std::uint32_t number = 1; number <= limits::part_number_max; ++number) {
        part_row part;
        part.number = number;
        part.size = limits::part_bytes_min + number;
        part.etag = etag;
        const blob_id blob = at.decisions->next_blob_id();
        part.blobs = {blob_ref{blob, part.size}};
        blob_row row;
        row.logical_length = row.stored_length = part.size;
        change.effects.push_back(effect::blob_put{blob, row});
        change.effects.push_back(effect::part_put{upload.id, part});
        parts.push_back({number, etag, {}});
    }
    ASSERT_TRUE(at.run(at.decisions->commit(std::move(change))));
    const auto done = upload.complete(parts);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->version.blobs.size(), limits::part_number_max);
    EXPECT_TRUE(at.try_remove("bucket", "k")->existed);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
}

}  // namespace
}  // namespace taicang::test
