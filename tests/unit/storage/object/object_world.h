// The object room on a simulation: the real sequencer and index (RocksDB in memory), a journal and
// stripes in memory. Threads: the test's. Lifetime: one life of a hub; restart() gives the next.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/index/index.h"
#include "storage/index/keys.h"
#include "storage/io/environment.h"
#include "storage/io/simulation.h"
#include "storage/object/object_service.h"
#include "storage/object/sequencer.h"
#include "tests/unit/storage/object/fake_journal.h"
#include "tests/unit/storage/object/fake_stripes.h"

namespace taicang::test {

class object_world {
  public:
    explicit object_world(std::uint64_t seed = 1, object_service_options wanted = {})
        : service_options(wanted), world(seed), env{world.main(),  world.pool(),   world.pool(),
                                                    world.files(), world.random(), buffers,
                                                    budget,        metrics} {
        index_options options;
        options.in_memory = true;
        options.media = &media;
        options.directory = "/index";
        auto made = world.run(index::create(env, options));
        EXPECT_TRUE(made) << made.error().message;
        rows = std::move(*made);
        begin();
    }
    ~object_world() {
        end();
        run(stop_index());
    }

    template <class T>
    T run(task<T> body) {
        return world.run(std::move(body));
    }
    void run(task<void> body) { (void)world.run(finish(std::move(body))); }

    void begin() {
        decisions = sequencer::make(env, log, *rows, stripes, shard_term{++term_}, hub_id{1});
        auto loaded = run(decisions->load());
        EXPECT_TRUE(loaded);
        stripes.set_group_log(decisions.get());
        objects = make_object_service(env, *decisions, *rows, log, stripes, service_options);
    }
    void end() {
        if (!objects) return;
        run(objects->stop());
        objects.reset();
        stripes.set_group_log(nullptr);
        decisions.reset();
    }
    /// A clean stop and start of the room; the index stays.
    void restart() {
        end();
        begin();
    }

    // Shorthands; they expect what they do to go well.
    bucket_row bucket(const std::string& name) {
        auto made = run(objects->create_bucket(name, "me", "here"));
        EXPECT_TRUE(made) << made.error().message;
        return std::move(*made);
    }
    buffer bytes(std::string_view text) {
        buffer made = buffers.allocate(text.size());
        const bytes_view from = as_bytes(text);
        std::copy(from.begin(), from.end(), made.data());
        return made;
    }
    put_request request(const std::string& in, const std::string& key) {
        put_request made;
        made.bucket = in;
        made.key = key;
        return made;
    }
    result<put_result> try_put(put_request made, std::string_view text) {
        return run(objects->put(std::move(made), bytes(text)));
    }
    put_result put(const std::string& in, const std::string& key, std::string_view text) {
        auto done = try_put(request(in, key), text);
        EXPECT_TRUE(done) << done.error().message;
        return done ? *done : put_result{};
    }
    /// In writes of `step` bytes, without a length announced.
    task<result<put_result>> stream(put_request made, std::string text, std::size_t step) {
        auto writer = co_await objects->begin_put(std::move(made));
        if (!writer) co_return std::move(writer).error();
        for (std::size_t at = 0; at < text.size(); at += step) {
            auto taken = co_await (*writer)->write(bytes(std::string_view(text).substr(at, step)));
            if (!taken) co_return std::move(taken).error();
        }
        auto committed = co_await (*writer)->commit();
        co_return committed;
    }
    task<result<std::string>> read_all(object_reader& reader) {
        std::string text;
        for (;;) {
            auto next = co_await reader.next();
            if (!next) co_return std::move(next).error();
            if (next->empty()) break;
            text.append(as_text(next->view()));
        }
        co_return std::move(text);
    }
    task<result<std::string>> read(open_request wanted) {
        auto reader = co_await objects->open(std::move(wanted));
        if (!reader) co_return std::move(reader).error();
        auto text = co_await read_all(**reader);
        co_return text;
    }
    result<std::string> try_get(const std::string& in, const std::string& key) {
        open_request wanted;
        wanted.bucket = in;
        wanted.key = key;
        return run(read(std::move(wanted)));
    }
    std::string get(const std::string& in, const std::string& key) {
        auto got = try_get(in, key);
        EXPECT_TRUE(got) << got.error().message;
        return got ? *got : "";
    }
    result<delete_outcome> try_remove(const std::string& in, const std::string& key) {
        return run(objects->remove(in, key, std::nullopt, {}));
    }
    list_page list(const std::string& in, list_request wanted = {}) {
        auto page = run(objects->list(in, std::move(wanted)));
        EXPECT_TRUE(page);
        return page ? std::move(*page) : list_page{};
    }
    /// Keys, and common prefixes with a "*" behind.
    static std::vector<std::string> names(const list_page& page) {
        std::vector<std::string> all;
        for (const auto& one : page.entries)
            all.push_back(one.common_prefix ? one.key + "*" : one.key);
        return all;
    }
    /// Rows of a family as applied.
    std::size_t count_rows(index_key::family which) {
        std::size_t count = 0;
        auto read = run(rows->with_cursor([&count, which](index_cursor& cursor) {
            const std::string prefix(1, static_cast<char>(which));
            for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix);
                 cursor.next())
                ++count;
            return cursor.status();
        }));
        EXPECT_TRUE(read);
        return count;
    }
    std::int64_t live_bytes() {
        std::int64_t sum = 0;
        for (const group_row& row : stripes.groups())
            sum += decisions->live_bytes(row.id);
        return sum;
    }

    /// The journal failed and the hub died: of what was not answered, the records appended are all
    /// there afterwards (`kept`), or none.
    void crash(bool kept) {
        end();
        log.revive(kept);
        run(replay());
        begin();
    }

    object_service_options service_options;
    simulation world;
    buffer_pool buffers{4 * limits::mib};
    memory_budget budget{64 * limits::mib, 100};
    metric_registry metrics;
    environment env;
    index_media media;
    fake_journal log;
    fake_stripes stripes;
    std::unique_ptr<index> rows;
    std::unique_ptr<sequencer> decisions;
    std::unique_ptr<object_service> objects;

  private:
    task<void> replay() {
        for (lsn next{rows->applied().value + 1}; next <= log.last_durable(); ++next.value) {
            auto applied = co_await rows->apply(rows_of(log.effects_of(next), next), next);
            EXPECT_TRUE(applied);
        }
    }
    task<void> stop_index() { co_await rows->stop(); }
    static task<bool> finish(task<void> body) {
        co_await std::move(body);
        co_return true;
    }
    std::uint64_t term_ = 0;
};

/// Bytes that differ everywhere, from a seed.
inline std::string pattern(std::size_t size, std::uint64_t seed) {
    auto random = seeded_random(seed);
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; i += 8) {
        const std::uint64_t word = random->next();
        std::memcpy(text.data() + i, &word, std::min<std::size_t>(8, size - i));
    }
    return text;
}

}  // namespace taicang::test
