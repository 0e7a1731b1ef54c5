#include "tests/model/random_ops.h"

#include <algorithm>
#include <cstring>

#include "storage/base/limits.h"

namespace taicang::model {
namespace {

constexpr const char* bucket_names[] = {"alpha", "beta"};
constexpr const char* temporary_prefix = "tmp-";
constexpr const char* temporary_key = "k";
constexpr const char* operation_header = "operation";

}  // namespace

random_ops::random_ops(std::uint64_t seed, object_model& model, random_options options)
    : model_(model), options_(options), random_(seeded_random(seed)) {
    // Keys that are prefixes of one another, with bytes that need escaping.
    const std::vector<std::string> stems{"a",  "a/",   "a/b",   "dir/",     std::string("z\0", 2),
                                         "ab", "dir0", "dir/x", "\xff\xfe", "dir//"};
    for (std::size_t i = 0; keys_.size() < options_.keys; ++i) {
        std::string key = stems[i % stems.size()];
        if (i >= stems.size()) key += std::to_string(i / stems.size());
        keys_.push_back(std::move(key));
    }
}

random_ops::~random_ops() = default;

task<result<void>> random_ops::prepare(object_service& objects) {
    for (const char* bucket : bucket_names) {
        auto made = co_await objects.create_bucket(bucket, "model", "here");
        if (!made) co_return std::move(made).error();
    }
    co_return ok();
}

void random_ops::cut() {
    if (living_) living_->cut = true;
    living_.reset();
    model_.restarted();
    // A part or an upload whose answer was lost is not counted on.
    for (const upload_ptr& upload : uploads_) {
        upload->sending = 0;
        upload->sending_of.clear();
    }
    std::erase_if(uploads_, [](const upload_ptr& upload) { return upload->ending; });
}

task<bool> random_ops::run(object_service& objects, environment& env, std::uint64_t operations) {
    auto at = std::make_shared<life>(life{objects, env, false, operations});
    living_ = at;
    gate clients;
    for (std::size_t i = 0; i < options_.clients; ++i) {
        const bool started = spawn(clients, client(at));
        TC_ASSERT(started);
    }
    co_await clients.close();
    co_return !at->cut;
}

task<void> random_ops::client(life_ptr at) {
    while (!at->cut && at->left > 0) {
        --at->left;
        co_await one(at);
        ++done_;
        // Calls of one client follow each other at once, later, or much later.
        if (random_->one_in(3))
            co_await sleep_for(static_cast<nanoseconds>(random_->below(300)) * one_microsecond);
    }
}

task<void> random_ops::one(life_ptr at) {
    const std::uint64_t dice = random_->below(100);
    if (dice < 33) {
        co_await put(at);
    } else if (dice < 41) {
        co_await put_if(at);
    } else if (dice < 51) {
        co_await remove(at);
    } else if (dice < 54) {
        co_await remove_many(at);
    } else if (dice < 62) {
        co_await copy(at);
    } else if (dice < 84) {
        name of = any_name();
        co_await get(at, std::move(of), false);
    } else if (dice < 91) {
        static const char* const prefixes[] = {"", "a", "dir", "dir/", "\xff", "q"};
        static const char* const delimiters[] = {"", "/", "b", "//"};
        list_request request;
        request.prefix = prefixes[random_->below(6)];
        request.delimiter = delimiters[random_->below(4)];
        request.keys_max = random_->one_in(2) ? 1000 : 1 + random_->below(7);
        std::string bucket = any_bucket();
        co_await list(at, std::move(bucket), std::move(request));
    } else if (dice < 99) {
        co_await upload_step(at);
    } else {
        co_await bucket_life(at);
    }
}

std::string random_ops::any_bucket() {
    return bucket_names[random_->below(2)];
}
name random_ops::any_name() {
    return name{any_bucket(), keys_[random_->below(keys_.size())]};
}

std::size_t random_ops::any_size() {
    const std::uint64_t dice = random_->below(100);
    if (dice < 8) return 0;
    if (dice < 70) return 1 + random_->below(4096);
    if (dice < 90) return 1 + random_->below(limits::inline_object_bytes_max);
    if (dice < 92) return limits::inline_object_bytes_max + random_->below(2);
    return 1 + random_->below(options_.body_bytes_max);
}

std::shared_ptr<const std::string> random_ops::any_bytes(std::size_t size) {
    auto bytes = std::make_shared<std::string>(size, '\0');
    for (std::size_t i = 0; i < size; i += 8) {
        const std::uint64_t word = random_->next();
        std::memcpy(bytes->data() + i, &word, std::min<std::size_t>(8, size - i));
    }
    return bytes;
}

std::string random_ops::etag_of(const std::string& bytes) {
    content_hasher hasher(digest_set().add(digest_kind::md5));
    hasher.update(as_bytes(bytes));
    const std::string md5 = hasher.finish().md5;
    return to_hex(as_bytes(md5));
}

put_attributes random_ops::attributes(std::uint64_t operation) {
    put_attributes made;
    made.owner = "model";
    made.user_metadata = {{operation_header, std::to_string(operation)}};
    if (random_->one_in(8)) made.klass = storage_class::standard_ia;
    return made;
}

outcome random_ops::judge(const life& at, const error& why) {
    if (at.cut) return outcome::unknown;
    ++failures_[why.code];
    return why.code == errc::outcome_unknown ? outcome::unknown : outcome::refused;
}

task<result<put_result>> random_ops::send(life_ptr at, put_request request,
                                          std::shared_ptr<const std::string> bytes,
                                          std::size_t step) {
    const bool announced = random_->one_in(2);
    if (announced) request.expected.length = bytes->size();
    auto writer = co_await at->objects.begin_put(std::move(request));
    if (!writer) co_return std::move(writer).error();
    for (std::size_t from = 0; from < bytes->size(); from += step) {
        const std::string_view some = std::string_view(*bytes).substr(from, step);
        buffer copy = at->env.buffers.allocate(some.size());
        std::memcpy(copy.data(), some.data(), some.size());
        auto taken = co_await (*writer)->write(std::move(copy));
        if (!taken) co_return std::move(taken).error();
    }
    auto committed = co_await (*writer)->commit();
    co_return committed;
}

task<void> random_ops::put(life_ptr at) {
    const name of = any_name();
    auto bytes = any_bytes(any_size());
    const std::string etag = etag_of(*bytes);
    model_.know(etag, bytes);
    const std::uint64_t operation = ++operations_;
    put_request request;
    request.bucket = of.bucket;
    request.key = of.key;
    request.attributes = attributes(operation);
    const std::size_t step = random_->one_in(2) ? bytes->size() + 1 : 1 + random_->below(200'000);
    const bool vanishes = random_->one_in(25);
    const auto handle = model_.call_put(of, operation, etag, std::nullopt);
    if (vanishes) {
        // A client that goes away in the middle of its body.
        auto writer = co_await at->objects.begin_put(std::move(request));
        if (writer && !bytes->empty()) {
            buffer half = at->env.buffers.allocate((bytes->size() + 1) / 2);
            std::memcpy(half.data(), bytes->data(), half.size());
            auto taken = co_await (*writer)->write(std::move(half));
            if (!taken) static_cast<void>(judge(*at, taken.error()));
        }
        model_.answer(handle, outcome::refused);
        co_return;
    }
    auto done = co_await send(at, std::move(request), std::move(bytes), step);
    if (!done) {
        model_.answer(handle, judge(*at, done.error()));
        co_return;
    }
    if (at->cut) co_return;
    if (done->etag != etag) model_.violate(of.key + ": a PUT answered with a wrong ETag");
    model_.answer(handle, outcome::acknowledged);
}

task<void> random_ops::put_if(life_ptr at) {
    const name of = any_name();
    auto bytes = any_bytes(any_size());
    const std::string etag = etag_of(*bytes);
    model_.know(etag, bytes);
    const std::uint64_t operation = ++operations_;
    put_request request;
    request.bucket = of.bucket;
    request.key = of.key;
    request.attributes = attributes(operation);
    std::optional<std::string> match;
    if (random_->one_in(2)) {
        // What was there a moment ago, mostly still is.
        open_request look;
        look.bucket = of.bucket;
        look.key = of.key;
        look.head_only = true;
        auto there = co_await at->objects.open(std::move(look));
        if (there) match = (*there)->info().version.etag;
    }
    if (match) {
        request.when.if_match = {*match};
    } else {
        request.when.if_none_match = {"*"};
    }
    if (at->cut) co_return;
    const moment called = model_.tick();
    const auto handle = model_.call_put(of, operation, etag, std::nullopt);
    auto done = co_await send(at, std::move(request), std::move(bytes), 100'000);
    if (done) {
        if (at->cut) co_return;
        if (match) {
            const auto before = model_.bytes_of(*match);
            const sight seen{true, std::nullopt, *match, before ? before->size() : 0, false};
            model_.saw(of, called, seen);
        } else {
            model_.saw_presence(of, called, false);
        }
        model_.answer(handle, outcome::acknowledged);
        co_return;
    }
    const outcome how = at->cut ? outcome::unknown
                        : done.is(errc::precondition_failed) || done.is(errc::key_not_found)
                            ? outcome::refused
                            : judge(*at, done.error());
    model_.answer(handle, how);
    if (at->cut) co_return;
    if (done.is(errc::precondition_failed)) {
        if (match) {
            model_.saw_other(of, called, *match);
        } else {
            model_.saw_presence(of, called, true);
        }
    }
    if (done.is(errc::key_not_found)) model_.saw_presence(of, called, false);
}

task<void> random_ops::remove(life_ptr at) {
    const name of = any_name();
    const moment called = model_.tick();
    const auto handle = model_.call_remove(of);
    auto done = co_await at->objects.remove(of.bucket, of.key, std::nullopt, {});
    if (!done) {
        model_.answer(handle, judge(*at, done.error()));
        co_return;
    }
    if (at->cut) co_return;
    if (done->existed) {
        model_.saw_presence(of, called, true);
        model_.answer(handle, outcome::acknowledged);
    } else {
        model_.answer(handle, outcome::refused);
        model_.saw(of, called, sight{});
    }
}

task<void> random_ops::remove_many(life_ptr at) {
    const std::string bucket = any_bucket();
    std::vector<std::string> keys;
    for (std::uint64_t i = 1 + random_->below(8); i > 0; --i)
        keys.push_back(keys_[random_->below(keys_.size())]);
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    const moment called = model_.tick();
    std::vector<object_model::handle> handles;
    for (const std::string& key : keys)
        handles.push_back(model_.call_remove(name{bucket, key}));
    auto done = co_await at->objects.remove_many(bucket, keys);
    if (at->cut) co_return;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const name of{bucket, keys[i]};
        if (!done || (*done)[i].failure) {
            const error& why = done ? *(*done)[i].failure : done.error();
            model_.answer(handles[i], judge(*at, why));
        } else if ((*done)[i].existed) {
            model_.saw_presence(of, called, true);
            model_.answer(handles[i], outcome::acknowledged);
        } else {
            model_.answer(handles[i], outcome::refused);
            model_.saw(of, called, sight{});
        }
    }
}

task<void> random_ops::copy(life_ptr at) {
    const name from = any_name();
    const name to = any_name();
    const std::uint64_t operation = ++operations_;
    copy_request request;
    request.source_bucket = from.bucket;
    request.source_key = from.key;
    request.bucket = to.bucket;
    request.key = to.key;
    request.replace_attributes = true;
    request.attributes = attributes(operation);
    request.class_given = true;
    const moment called = model_.tick();
    const auto handle = model_.call_put(to, operation, std::nullopt, from);
    auto done = co_await at->objects.copy(std::move(request));
    if (done) {
        if (at->cut) co_return;
        const version_row& row = done->version;
        model_.answer(handle, outcome::acknowledged, row.etag);
        // A copy of a multipart object into another tier has the ETag of one PUT of its bytes.
        if (from != to)
            model_.saw(from, called, sight{true, std::nullopt, row.etag, row.size, true});
        co_return;
    }
    const bool absent = done.is(errc::key_not_found);
    model_.answer(handle, absent && !at->cut ? outcome::refused : judge(*at, done.error()));
    if (absent && !at->cut) model_.saw_presence(from, called, false);
}

task<void> random_ops::bucket_life(life_ptr at) {
    const std::string bucket = temporary_prefix + std::to_string(++operations_);
    const auto expect = [this, &at, &bucket](bool right, const char* what) {
        if (!right && !at->cut) model_.violate("bucket " + bucket + ": " + what);
        return right && !at->cut;
    };
    auto made = co_await at->objects.create_bucket(bucket, "model", "here");
    if (!made) {
        static_cast<void>(judge(*at, made.error()));
        co_return;
    }
    auto again = co_await at->objects.create_bucket(bucket, "model", "here");
    if (!expect(again.is(errc::bucket_exists) || again.is(errc::outcome_unknown), "made twice"))
        co_return;
    put_request request;
    request.bucket = bucket;
    request.key = temporary_key;
    auto bytes = any_bytes(1 + random_->below(200'000));
    auto put_done = co_await send(at, std::move(request), std::move(bytes), 100'000);
    if (put_done) {
        auto refused = co_await at->objects.delete_bucket(bucket);
        if (!expect(!refused.ok(), "deleted with an object in it")) co_return;
    } else {
        static_cast<void>(judge(*at, put_done.error()));
    }
    auto removed = co_await at->objects.remove(bucket, temporary_key, std::nullopt, {});
    if (!removed) {
        static_cast<void>(judge(*at, removed.error()));
        co_return;
    }
    auto dropped = co_await at->objects.delete_bucket(bucket);
    if (!dropped) {
        static_cast<void>(judge(*at, dropped.error()));
        expect(!dropped.is(errc::bucket_not_empty), "is empty but was not deleted");
        co_return;
    }
    auto found = co_await at->objects.find_bucket(bucket);
    expect(found.is(errc::bucket_not_found), "is there after it was deleted");
}

task<bool> random_ops::clear(object_service& objects, environment& env) {
    auto at = std::make_shared<life>(life{objects, env, false, 0});
    bool clean = true;
    for (const char* bucket : bucket_names) {
        std::string emptied = bucket;
        const bool aborted = co_await abort_all(at, std::move(emptied));
        clean = clean && aborted;
        for (;;) {
            list_request everything;
            auto page = co_await objects.list(bucket, std::move(everything));
            if (!page || page->entries.empty()) {
                clean = clean && page.ok();
                break;
            }
            std::vector<std::string> keys;
            std::vector<object_model::handle> handles;
            for (const auto& entry : page->entries) {
                keys.push_back(entry.key);
                handles.push_back(model_.call_remove(name{bucket, entry.key}));
            }
            auto removed = co_await objects.remove_many(bucket, std::move(keys));
            if (!removed) co_return false;
            for (std::size_t i = 0; i < handles.size(); ++i) {
                if ((*removed)[i].failure) co_return false;
                model_.answer(handles[i], outcome::acknowledged);
            }
        }
    }
    uploads_.clear();
    const bool cleared = co_await clear_temporary(objects);
    clean = clean && cleared;
    co_return clean;
}

/// What bucket_life() left behind when a crash came between its steps.
task<bool> random_ops::clear_temporary(object_service& objects) {
    auto buckets = co_await objects.list_buckets();
    if (!buckets) co_return false;
    for (const bucket_row& bucket : *buckets) {
        if (!bucket.name.starts_with(temporary_prefix)) continue;
        std::string name = bucket.name;
        std::string key = temporary_key;
        auto removed = co_await objects.remove(name, std::move(key), std::nullopt, {});
        if (!removed) co_return false;
        auto dropped = co_await objects.delete_bucket(std::move(name));
        if (!dropped) co_return false;
    }
    co_return true;
}

}  // namespace taicang::model
