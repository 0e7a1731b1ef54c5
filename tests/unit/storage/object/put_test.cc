#include <gtest/gtest.h>

#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

std::string digest_of(digest_kind kind, std::string_view text) {
    content_hasher hasher(digest_set().add(kind));
    hasher.update(as_bytes(text));
    return hasher.finish().of(kind);
}
std::string md5_hex(std::string_view text) {
    const std::string raw = digest_of(digest_kind::md5, text);
    return to_hex(as_bytes(raw));
}

TEST(put, small_bodies_travel_in_the_record) {
    object_world at;
    at.bucket("bucket");
    const auto done = at.put("bucket", "k", "hello");
    EXPECT_EQ(done.etag, "5d41402abc4b2a76b9719d911017c592");
    EXPECT_EQ(at.log.records().at(done.position).payload, "hello");
    EXPECT_EQ(at.stripes.writes, 0U);
    EXPECT_EQ(at.get("bucket", "k"), "hello");
}

TEST(put, at_the_inline_limit_and_just_above) {
    object_world at;
    at.bucket("bucket");
    const std::string fits = pattern(limits::inline_object_bytes_max, 1);
    const std::string exceeds = pattern(limits::inline_object_bytes_max + 1, 2);
    at.put("bucket", "fits", fits);
    EXPECT_EQ(at.stripes.writes, 0U);
    at.put("bucket", "exceeds", exceeds);
    EXPECT_EQ(at.stripes.writes, 1U);
    EXPECT_EQ(at.get("bucket", "fits"), fits);
    EXPECT_EQ(at.get("bucket", "exceeds"), exceeds);
}

TEST(put, empty_objects_have_no_blob) {
    object_world at;
    at.bucket("bucket");
    EXPECT_EQ(at.put("bucket", "k", "").etag, "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(at.get("bucket", "k"), "");
    EXPECT_EQ(at.count_rows(index_key::family::blob), 0U);
}

TEST(put, large_bodies_stream_in_runs_whatever_the_writes) {
    object_world at;
    at.bucket("bucket");
    for (const std::size_t step : {1'000U, 65'536U, 262'144U, 3'000'000U}) {
        const std::string text = pattern(1'300'000, step);
        auto done = at.run(at.stream(at.request("bucket", "k"), text, step));
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_EQ(done->etag, md5_hex(text));
        EXPECT_EQ(at.get("bucket", "k"), text);
        EXPECT_EQ(at.live_bytes(), 1'300'000) << "what was superseded is no longer live";
    }
    EXPECT_EQ(at.count_rows(index_key::family::blob), 1U);
    EXPECT_LE(at.stripes.writing_max, limits::runs_in_flight_max);
    EXPECT_GE(at.stripes.writing_max, 2U) << "runs are written side by side";
}

TEST(put, blob_rows_carry_the_digest_tree) {
    object_world at;
    at.bucket("bucket");
    const std::string text = pattern(2'500'000, 5);
    auto done = at.run(at.stream(at.request("bucket", "k"), text, 100'000));
    ASSERT_TRUE(done);
    bool seen = false;
    for (const any_effect& one : at.log.effects_of(done->position)) {
        const auto* put = std::get_if<effect::blob_put>(&one);
        if (put == nullptr) continue;
        seen = true;
        ASSERT_EQ(put->row.leaves.size(), 3U);
        for (std::size_t i = 0; i < 3; ++i) {
            const auto leaf = std::string_view(text).substr(i * digest_leaf_size, digest_leaf_size);
            EXPECT_EQ(put->row.leaves[i], sha256(as_bytes(leaf)));
        }
        EXPECT_EQ(put->row.digest, digest_tree_root(put->row.leaves));
        for (const piece& where : put->row.pieces)
            EXPECT_TRUE(at.stripes.is_durable(where.group)) << "named before it was flushed";
    }
    EXPECT_TRUE(seen);
}

TEST(put, storage_class_chooses_the_tier) {
    object_world at;
    at.bucket("bucket");
    put_request request = at.request("bucket", "cold");
    request.attributes.klass = storage_class::standard_ia;
    ASSERT_TRUE(at.try_put(request, pattern(200'000, 1)));
    ASSERT_EQ(at.stripes.groups().size(), 1U);
    EXPECT_EQ(at.stripes.groups()[0].tier, tier_id::hdd);
    request.attributes.klass = storage_class::glacier;
    EXPECT_TRUE(at.try_put(request, "x").is(errc::unsupported));
}

TEST(put, what_the_client_claims_is_checked_and_nothing_is_left_when_it_is_wrong) {
    object_world at;
    at.bucket("bucket");
    for (const std::size_t size : {100U, 300'000U}) {
        const std::string text = pattern(size, 9);
        put_request request = at.request("bucket", "k");
        request.expected.md5 = digest_of(digest_kind::md5, text);
        request.expected.sha256 = digest_of(digest_kind::sha256, text);
        request.expected.checksum =
            stored_checksum{digest_kind::crc64nvme, true, digest_of(digest_kind::crc64nvme, text)};
        auto good = at.try_put(request, text);
        ASSERT_TRUE(good) << good.error().message;
        EXPECT_EQ(good->checksum->value, digest_of(digest_kind::crc64nvme, text));
        (void)at.try_remove("bucket", "k");
        for (int wrong = 0; wrong < 3; ++wrong) {
            put_request bad = request;
            std::string* const changed = wrong == 0   ? &*bad.expected.md5
                                         : wrong == 1 ? &*bad.expected.sha256
                                                      : &bad.expected.checksum->value;
            changed->front() = static_cast<char>(changed->front() ^ 1);
            const errc why = wrong == 1 ? errc::payload_digest_mismatch : errc::digest_mismatch;
            EXPECT_TRUE(at.try_put(bad, text).is(why)) << wrong;
            EXPECT_TRUE(at.try_get("bucket", "k").is(errc::key_not_found));
        }
        EXPECT_EQ(at.live_bytes(), 0);
    }
}

task<result<put_result>> short_body(object_world* at, std::uint64_t announced, std::string text) {
    put_request request = at->request("bucket", "k");
    request.expected.length = announced;
    auto writer = co_await at->objects->begin_put(std::move(request));
    if (!writer) co_return std::move(writer).error();
    auto taken = co_await (*writer)->write(at->bytes(text));
    if (!taken) co_return std::move(taken).error();
    auto done = co_await (*writer)->commit();
    co_return done;
}

TEST(put, length_must_be_what_was_announced) {
    object_world at;
    at.bucket("bucket");
    EXPECT_TRUE(at.run(short_body(&at, 10, "four")).is(errc::incomplete_body));
    EXPECT_TRUE(at.run(short_body(&at, 500'000, pattern(400'000, 1))).is(errc::incomplete_body));
    EXPECT_TRUE(at.run(short_body(&at, 3, "four")).is(errc::invalid_argument));
    EXPECT_TRUE(at.run(short_body(&at, 6ULL << 30, "x")).is(errc::object_too_large));
    EXPECT_TRUE(at.list("bucket").entries.empty());
}

task<result<put_result>> with_trailer(object_world* at, std::string text, stored_checksum trailer,
                                      bool announced) {
    put_request request = at->request("bucket", "k");
    if (announced) request.checksum = trailer.kind;
    auto writer = co_await at->objects->begin_put(std::move(request));
    auto taken = co_await (*writer)->write(at->bytes(text));
    EXPECT_TRUE(taken);
    (*writer)->expect(std::move(trailer));
    auto done = co_await (*writer)->commit();
    co_return done;
}

TEST(put, checksums_in_trailers) {
    object_world at;
    at.bucket("bucket");
    const std::string text = pattern(200'000, 4);
    const stored_checksum right{digest_kind::crc32, true, digest_of(digest_kind::crc32, text)};
    const auto done = at.run(with_trailer(&at, text, right, true));
    ASSERT_TRUE(done);
    EXPECT_EQ(done->checksum, right);
    EXPECT_TRUE(at.run(with_trailer(&at, text, right, false)).is(errc::invalid_argument));
    const stored_checksum small{digest_kind::sha1, true, digest_of(digest_kind::sha1, "small")};
    EXPECT_TRUE(at.run(with_trailer(&at, "small", small, false)));
    EXPECT_TRUE(at.run(with_trailer(&at, "other", small, true)).is(errc::digest_mismatch));
}

TEST(put, digests_the_caller_has_are_not_computed_again) {
    object_world at;
    at.bucket("bucket");
    put_request request = at.request("bucket", "k");
    content_hasher hasher(digest_set().add(digest_kind::md5).add(digest_kind::sha256));
    hasher.update(as_bytes("hello"));
    request.known_digests = hasher.finish();
    // A wrong MD5 would show: it is taken as given.
    request.known_digests->md5.front() = static_cast<char>(request.known_digests->md5.front() ^ 1);
    EXPECT_EQ(at.try_put(request, "hello")->etag, "5c41402abc4b2a76b9719d911017c592");
    EXPECT_EQ(at.get("bucket", "k"), "hello");
}

TEST(put, conditions_are_checked_early_and_in_the_end) {
    object_world at;
    at.bucket("bucket");
    put_request fresh = at.request("bucket", "k");
    fresh.when.if_none_match = {"*"};
    const auto first = at.try_put(fresh, "one");
    ASSERT_TRUE(first);
    EXPECT_TRUE(at.try_put(fresh, "two").is(errc::precondition_failed));
    put_request same = at.request("bucket", "k");
    same.when.if_match = {first->etag};
    // Another overwrites between begin and commit.
    auto writer = at.run(at.objects->begin_put(same));
    ASSERT_TRUE(at.run((*writer)->write(at.bytes("three"))));
    at.put("bucket", "k", "between");
    EXPECT_TRUE(at.run((*writer)->commit()).is(errc::precondition_failed));
    writer->reset();
    EXPECT_EQ(at.get("bucket", "k"), "between");
    same.key = "missing";
    EXPECT_TRUE(at.try_put(same, "x").is(errc::key_not_found));
}

struct winners {
    int won = 0;
    int lost = 0;
    int other = 0;
};

task<void> put_if_new(object_world* at, winners* told, std::string text) {
    put_request request = at->request("bucket", "k");
    request.when.if_none_match = {"*"};
    buffer body = at->bytes(text);
    auto done = co_await at->objects->put(std::move(request), std::move(body));
    if (done) {
        ++told->won;
        // Only what is durable may be told.
        EXPECT_LE(done->position, at->log.last_durable());
    } else if (done.is(errc::precondition_failed)) {
        ++told->lost;
        EXPECT_EQ(at->log.last_appended(), at->log.last_durable())
            << "a refusal rests on a record that is not durable";
    } else {
        ++told->other;
    }
}
task<bool> put_at_once(object_world* at, winners* told) {
    gate holder;
    for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(spawn(holder, put_if_new(at, told, std::to_string(i))));
    co_await holder.close();
    co_return true;
}

TEST(put, of_many_that_must_be_first_one_wins) {
    object_world at;
    at.bucket("bucket");
    winners told;
    EXPECT_TRUE(at.run(put_at_once(&at, &told)));
    EXPECT_EQ(told.won, 1);
    EXPECT_EQ(told.lost, 9);
    EXPECT_EQ(told.other, 0);
}

task<void> overwrite(object_world* at, std::string text, int* failures) {
    put_request request = at->request("bucket", "k");
    buffer body = at->bytes(text);
    auto done = co_await at->objects->put(std::move(request), std::move(body));
    if (!done) ++*failures;
}
task<bool> overwrite_at_once(object_world* at, int* failures) {
    gate holder;
    for (int i = 0; i < 50; ++i)
        EXPECT_TRUE(spawn(holder, overwrite(at, pattern(i % 2 == 0 ? 100 : 200'000, 1), failures)));
    co_await holder.close();
    co_return true;
}

TEST(put, overwrites_of_one_key_leave_one_version_and_one_blob) {
    object_world at;
    at.bucket("bucket");
    int failures = 0;
    const auto before = at.log.commits;
    EXPECT_TRUE(at.run(overwrite_at_once(&at, &failures)));
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(at.count_rows(index_key::family::version), 1U);
    EXPECT_EQ(at.count_rows(index_key::family::blob), 1U);
    EXPECT_LT(at.log.commits - before, 50U) << "decisions on one key share group commits";
    const auto live = at.live_bytes();
    EXPECT_TRUE(live == 0 || live == 200'000);
}

task<bool> abandon(object_world* at) {
    put_request request = at->request("bucket", "k");
    auto writer = co_await at->objects->begin_put(std::move(request));
    auto taken = co_await (*writer)->write(at->bytes(pattern(900'000, 1)));
    EXPECT_TRUE(taken);
    // Runs are being written and hashed.
    writer->reset();
    co_return true;
}

TEST(put, abandoned_bodies_leave_nothing_that_is_named_or_pinned) {
    object_world at;
    at.bucket("bucket");
    EXPECT_TRUE(at.run(abandon(&at)));
    at.end();
    at.begin();
    EXPECT_EQ(at.live_bytes(), 0);
    for (const group_row& row : at.stripes.groups())
        EXPECT_FALSE(at.stripes.is_pinned(row.id));
    EXPECT_TRUE(at.list("bucket").entries.empty());
    EXPECT_EQ(at.budget.figures().reserved_bytes, 0U);
}

TEST(put, a_failed_write_fails_the_body_and_the_next_one_is_fine) {
    object_world at;
    at.bucket("bucket");
    at.stripes.fail_writes = error(errc::no_space, "full");
    EXPECT_TRUE(at.try_put(at.request("bucket", "k"), pattern(900'000, 1)).is(errc::no_space));
    at.stripes.fail_writes.reset();
    EXPECT_TRUE(at.try_get("bucket", "k").is(errc::key_not_found));
    at.put("bucket", "k", pattern(900'000, 1));
    EXPECT_EQ(at.get("bucket", "k"), pattern(900'000, 1));
}

TEST(put, little_memory_is_slow_not_wrong) {
    object_world at;
    at.bucket("bucket");
    // Room for one run and what coding adds, no more.
    const std::size_t one = at.stripes.run_bytes * limits::run_memory_factor;
    const std::size_t limit = at.budget.figures().limit_bytes;
    memory_lease rest = at.budget.try_acquire(limit - one);
    ASSERT_NE(rest.bytes(), 0U);
    const std::string text = pattern(1'300'000, 8);
    ASSERT_TRUE(at.run(at.stream(at.request("bucket", "k"), text, 50'000)));
    EXPECT_EQ(at.stripes.writing_max, 1U);
    rest.release();
    EXPECT_EQ(at.get("bucket", "k"), text);
}

TEST(put, attributes_are_kept) {
    object_world at;
    at.bucket("bucket");
    put_request request = at.request("bucket", "k");
    request.attributes.headers.content_type = "text/plain";
    request.attributes.user_metadata = {{"colour", "red"}};
    request.attributes.tags = {{"a", "b"}};
    request.attributes.owner = "me";
    ASSERT_TRUE(at.try_put(request, "x"));
    open_request wanted;
    wanted.bucket = "bucket";
    wanted.key = "k";
    wanted.head_only = true;
    const auto reader = at.run(at.objects->open(wanted));
    ASSERT_TRUE(reader);
    const version_row& row = (*reader)->info().version;
    EXPECT_EQ(row.headers.content_type, "text/plain");
    EXPECT_EQ(row.user_metadata, request.attributes.user_metadata);
    EXPECT_EQ(row.tags, request.attributes.tags);
    EXPECT_EQ(row.owner, "me");
    EXPECT_EQ(row.size, 1U);
    EXPECT_GT(row.modified, 0);
    EXPECT_EQ(at.log.reads, 0U) << "a HEAD reads no bytes";
}

TEST(put, keys_that_are_prefixes_of_others_live_side_by_side) {
    object_world at;
    at.bucket("bucket");
    const std::string zero("a\0b", 3);
    for (const std::string& key :
         {std::string("a"), std::string("a/b"), std::string("a/"), zero, std::string(1024, 'x')})
        at.put("bucket", key, key);
    for (const std::string& key :
         {std::string("a"), std::string("a/b"), std::string("a/"), zero, std::string(1024, 'x')})
        EXPECT_EQ(at.get("bucket", key), key);
    EXPECT_TRUE(
        at.try_put(at.request("bucket", std::string(1025, 'x')), "").is(errc::key_too_long));
    EXPECT_TRUE(at.try_put(at.request("nowhere", "k"), "").is(errc::bucket_not_found));
}

}  // namespace
}  // namespace taicang::test
