// The index alone: applying group commits of 64 small puts (version and blob row each), and finding
// the newest version of keys that exist and of keys that do not. Figures per put or per question;
// CPU of the whole process, flushes and compactions included. TAICANG_BENCH_DIR says where the
// index directory is made (default: here).
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <benchmark/benchmark.h>

#include "storage/base/log.h"
#include "storage/index/effects.h"
#include "storage/index/index.h"
#include "storage/index/keys.h"
#include "storage/io/reactor.h"

namespace taicang {
namespace {

constexpr std::uint64_t puts_of_batch = 64;
constexpr std::uint64_t batches_of_step = 50;
constexpr bucket_id bench_bucket{1};

class bench_world {
  public:
    bench_world() {
        set_log_level(log_level::error);
        const char* base = std::getenv("TAICANG_BENCH_DIR");
        root_ = std::string(base == nullptr ? "." : base) + "/taicang-bench-index";
        std::filesystem::remove_all(root_);
        std::filesystem::create_directories(root_);
        reactor_options wanted;
        wanted.name = "bench";
        auto started = reactor::start(wanted);
        TC_ASSERT(started.ok());
        home_ = std::move(*started);
        pool_ = make_worker_pool("bench-reads", 2);
        random_ = system_random();
        env_.emplace(environment{*home_, *pool_, *pool_, home_->files(), *random_, buffers_,
                                 budget_, metrics_});
        index_options options;
        options.directory = root_ + "/index";
        auto made = home_->run(index::create(*env_, options));
        TC_ASSERT(made.ok());
        rows_ = std::move(*made);
    }
    ~bench_world() {
        home_->run(rows_->stop());
        rows_.reset();
        home_->stop();
        std::filesystem::remove_all(root_);
    }
    bench_world(const bench_world&) = delete;
    bench_world& operator=(const bench_world&) = delete;

    index& rows() { return *rows_; }
    reactor& home() { return *home_; }

  private:
    std::string root_;
    buffer_pool buffers_{std::size_t{8} << 20};
    memory_budget budget_{std::size_t{64} << 20, 64};
    metric_registry metrics_;
    std::unique_ptr<reactor> home_;
    std::unique_ptr<worker_pool> pool_;
    std::unique_ptr<random_source> random_;
    std::optional<environment> env_;
    std::unique_ptr<index> rows_;
};

/// Keys in no order of time, as clients' names are.
std::string object_key(std::uint64_t number) {
    std::uint64_t mixed = number * 0x9e3779b97f4a7c15ULL;
    mixed ^= mixed >> 32;
    return "backup/" + std::to_string(mixed % 1000) + "/object-" + std::to_string(mixed) + ".bin";
}

std::vector<any_effect> effects_of_put(std::uint64_t number) {
    version_row version;
    version.size = 4096;
    version.modified = 1'700'000'000'000'000'000;
    version.etag = "d41d8cd98f00b204e9800998ecf8427e";
    version.headers.content_type = "application/octet-stream";
    version.owner = "root";
    version.blobs = {{blob_id{number}, 4096}};
    blob_row blob;
    blob.logical_length = blob.stored_length = 4096;
    blob.journal = journal_place{lsn{}, 0};
    std::vector<any_effect> effects;
    effects.push_back(effect::version_put{bench_bucket, object_key(number), std::move(version)});
    effects.push_back(effect::blob_put{blob_id{number}, std::move(blob)});
    effects.push_back(effect::group_live{group_id{1}, 4096});
    return effects;
}

task<bool> apply_batches(index& rows, std::uint64_t batches) {
    std::uint64_t number = rows.applied().value;
    for (std::uint64_t i = 0; i < batches; ++i) {
        std::vector<row_op> ops;
        ops.reserve(puts_of_batch * 3);
        for (std::uint64_t j = 0; j < puts_of_batch; ++j) {
            ++number;
            for (row_op& op : rows_of(effects_of_put(number), lsn{number}))
                ops.push_back(std::move(op));
        }
        auto applied = co_await rows.apply(std::move(ops), lsn{number});
        if (!applied) co_return false;
    }
    co_return true;
}

void apply(benchmark::State& state) {
    bench_world world;
    std::uint64_t puts = 0;
    for (auto _ : state) {
        if (!world.home().run(apply_batches(world.rows(), batches_of_step))) {
            state.SkipWithError("apply failed");
            break;
        }
        puts += batches_of_step * puts_of_batch;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(puts));
    state.counters["bytes_on_disk"] = static_cast<double>(world.rows().figures().bytes_on_disk);
}
BENCHMARK(apply)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(10);

void encode(benchmark::State& state) {
    std::uint64_t number = 0;
    for (auto _ : state) {
        const auto effects = effects_of_put(++number);
        benchmark::DoNotOptimize(encode_effects(effects));
        benchmark::DoNotOptimize(rows_of(effects, lsn{number}));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(number));
}
BENCHMARK(encode);

task<std::uint64_t> ask(index& rows, std::uint64_t from, std::uint64_t count, bool existing) {
    std::uint64_t found = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t number =
            existing ? 1 + (from + i) * 7919 % rows.applied().value : ~(from + i);
        std::string prefix = index_key::version_prefix(bench_bucket, object_key(number));
        auto answer = co_await rows.first_with_prefix(std::move(prefix));
        if (answer && answer->has_value()) ++found;
    }
    co_return found;
}

void first_with_prefix(benchmark::State& state) {
    const bool existing = state.range(0) != 0;
    const auto batches = static_cast<std::uint64_t>(state.range(1)) / puts_of_batch;
    bench_world world;
    TC_ASSERT(world.home().run(apply_batches(world.rows(), batches)));
    const index_figures before = world.rows().figures();
    std::uint64_t asked = 0;
    std::uint64_t found = 0;
    for (auto _ : state) {
        found += world.home().run(ask(world.rows(), asked, 1000, existing));
        asked += 1000;
    }
    const index_figures after = world.rows().figures();
    TC_ASSERT(found == (existing ? asked : 0));
    const auto each = [asked](std::uint64_t now, std::uint64_t then) {
        return static_cast<double>(now - then) / static_cast<double>(asked);
    };
    state.SetItemsProcessed(static_cast<std::int64_t>(asked));
    state.counters["blocks"] = each(after.blocks, before.blocks);
    state.counters["pool"] = each(after.gets_from_pool, before.gets_from_pool);
}
BENCHMARK(first_with_prefix)
    ->ArgNames({"existing", "objects"})
    ->ArgsProduct({{0, 1}, {100'000, 1'000'000}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace taicang

BENCHMARK_MAIN();
