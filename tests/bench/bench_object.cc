// What sequencer, service and index cost without disks: small puts, overwrites, gets and pages of a
// listing on a reactor with a real index, a journal and stripes in memory. Figures are CPU time of
// the whole process for each operation; digests are given, as the gateway gives them.
#include <cstring>
#include <filesystem>
#include <string>

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include "storage/io/reactor.h"
#include "storage/object/object_service.h"
#include "storage/object/sequencer.h"
#include "tests/unit/storage/object/fake_journal.h"
#include "tests/unit/storage/object/fake_stripes.h"

namespace taicang::test {
namespace {

constexpr std::size_t body_bytes = 4096;
constexpr int in_flight = 64;

class bench_hub {
  public:
    bench_hub() {
        std::string pattern = "./taicang-bench-object-XXXXXX";
        TC_ASSERT(mkdtemp(pattern.data()) != nullptr);
        root_ = pattern;
        reactor_options wanted;
        wanted.name = "bench";
        auto started = reactor::start(wanted);
        TC_ASSERT(started.ok());
        home = std::move(*started);
        env_.emplace(environment{*home, *pool_, *pool_, home->files(), *random_, buffers, budget_,
                                 metrics_});
        log.commit_delay = 50 * one_microsecond;
        log.check_digests = false;
        stripes.write_delay = stripes.read_delay = 0;
        TC_ASSERT(home->run(begin()));
    }
    ~bench_hub() {
        home->run(end());
        home->stop();
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    task<bool> put(std::uint64_t number) {
        put_request request;
        request.bucket = "bucket";
        request.key = "some/prefix/of/keys/" + std::to_string(number);
        request.known_digests = digests_;
        buffer body = buffers.allocate(body_bytes);
        std::memset(body.data(), 'x', body.size());
        auto done = co_await objects->put(std::move(request), std::move(body));
        co_return done.ok();
    }
    task<bool> get(std::uint64_t number) {
        open_request request;
        request.bucket = "bucket";
        request.key = "some/prefix/of/keys/" + std::to_string(number);
        auto reader = co_await objects->open(std::move(request));
        if (!reader) co_return false;
        auto bytes = co_await (*reader)->next();
        co_return bytes && bytes->size() == body_bytes;
    }
    task<bool> page() {
        list_request request;
        auto listed = co_await objects->list("bucket", std::move(request));
        co_return listed && listed->entries.size() == 1000;
    }
    /// `count` operations, `in_flight` at once.
    task<bool> many(bool puts, std::uint64_t first, std::uint64_t count, std::uint64_t among) {
        gate holder;
        next_ = first;
        end_ = first + count;
        failed_ = false;
        for (int i = 0; i < in_flight; ++i)
            TC_ASSERT(spawn(holder, worker(puts, among)));
        co_await holder.close();
        co_return !failed_;
    }

    std::unique_ptr<reactor> home;
    buffer_pool buffers{16 * limits::mib};
    fake_journal log;
    fake_stripes stripes;
    std::unique_ptr<object_service> objects;

  private:
    task<void> worker(bool puts, std::uint64_t among) {
        while (next_ < end_) {
            const std::uint64_t number = next_++ % among;
            task<bool> one = puts ? put(number) : get(number);
            const bool done = co_await std::move(one);
            failed_ = failed_ || !done;
        }
    }
    task<bool> begin() {
        index_options options;
        options.directory = root_ + "/index";
        auto made = co_await index::create(*env_, options);
        if (!made) co_return false;
        rows_ = std::move(*made);
        decisions_ = sequencer::make(*env_, log, *rows_, stripes, shard_term{1}, hub_id{1});
        auto loaded = co_await decisions_->load();
        if (!loaded) co_return false;
        objects = make_object_service(*env_, *decisions_, *rows_, log, stripes, {});
        auto bucket = co_await objects->create_bucket("bucket", "me", "here");
        const std::string body(body_bytes, 'x');
        content_hasher hasher(digest_set().add(digest_kind::md5).add(digest_kind::sha256));
        hasher.update(as_bytes(body));
        digests_ = hasher.finish();
        co_return bucket.ok();
    }
    task<bool> end() {
        co_await objects->stop();
        objects.reset();
        decisions_.reset();
        co_await rows_->stop();
        rows_.reset();
        co_return true;
    }

    std::string root_;
    std::unique_ptr<worker_pool> pool_ = make_worker_pool("bench-pool", 1);
    std::unique_ptr<random_source> random_ = system_random();
    memory_budget budget_{256 * limits::mib, 1000};
    metric_registry metrics_;
    std::optional<environment> env_;
    std::unique_ptr<index> rows_;
    std::unique_ptr<sequencer> decisions_;
    content_digests digests_;
    std::uint64_t next_ = 0;
    std::uint64_t end_ = 0;
    bool failed_ = false;
};

constexpr std::uint64_t batch = 20'000;

void run(benchmark::State& state, bool puts, std::uint64_t among, std::uint64_t filled) {
    bench_hub hub;
    if (filled != 0) TC_ASSERT(hub.home->run(hub.many(true, 0, filled, filled)));
    std::uint64_t first = filled;
    for (auto step : state) {
        static_cast<void>(step);
        TC_ASSERT(hub.home->run(hub.many(puts, first, batch, among)));
        first += batch;
        state.PauseTiming();
        hub.log.forget();
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

void put_new(benchmark::State& state) {
    run(state, true, ~0ULL, 0);
}
void put_over(benchmark::State& state) {
    run(state, true, 10'000, 10'000);
}
void list_page_of_1000(benchmark::State& state) {
    bench_hub hub;
    TC_ASSERT(hub.home->run(hub.many(true, 0, 50'000, 50'000)));
    for (auto step : state) {
        static_cast<void>(step);
        TC_ASSERT(hub.home->run(hub.page()));
    }
}

BENCHMARK(put_new)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(put_over)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(list_page_of_1000)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void get_small(benchmark::State& state) {
    bench_hub hub;
    TC_ASSERT(hub.home->run(hub.many(true, 0, 10'000, 10'000)));
    for (auto step : state) {
        static_cast<void>(step);
        TC_ASSERT(hub.home->run(hub.many(false, 0, 10'000, 10'000)));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 10'000));
}
BENCHMARK(get_small)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace taicang::test

BENCHMARK_MAIN();
