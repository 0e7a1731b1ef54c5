// One bucket, listed with a delimiter: a page of 1,000 entries, of which some are common prefixes
// with ever more keys below. Jobs are stepped here, so that nothing else reads the index while a
// page is counted, and so that "once reclaim has run" is a point in time.
#include "tools/cli/bench_list.h"

#include <cstdio>
#include <cstring>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/when_all.h"
#include "storage/upkeep/packing.h"
#include "tools/cli/bench_engine.h"
#include "tools/cli/exit_code.h"

namespace taicang {

namespace {

using nlohmann::json;

constexpr const char* bucket_name = "taicang-bench-list";
constexpr std::uint64_t few_keys = 1000;  // under deeper prefixes, of the page held against
constexpr double most_ratio = 2.0;
constexpr nanoseconds job_wait_ns = 50'000'000;

struct list_wishes {
    std::uint64_t keys = 1'000'000;
    std::uint64_t prefixes = 20;
    unsigned in_flight = 64;
    std::size_t object_bytes = 16;
};

struct page_cost {
    std::string name;
    std::uint64_t deeper = 0;  ///< keys that lie under the page's prefixes
    std::uint64_t seeks = 0, nexts = 0, blocks = 0, deleted_passed = 0;
};

class list_bench {
  public:
    list_bench(hub& storage, environment& env, const list_wishes& wishes)
        : storage_(storage), env_(env), wishes_(wishes) {}

    task<result<void>> prepare();
    task<result<void>> put_deeper(std::uint64_t first, std::uint64_t last);
    task<result<void>> remove_deeper(std::uint64_t first, std::uint64_t last);
    /// Takes a checkpoint and runs every job until it has nothing left, as time would.
    task<result<void>> settle();
    task<result<page_cost>> page(std::string name, std::uint64_t deeper);

  private:
    enum class work { put_shown, put_deeper, remove_deeper };
    task<result<void>> all(work what, std::uint64_t first, std::uint64_t last);
    task<result<void>> client(work what);
    task<result<void>> put(std::string key);
    task<result<void>> remove_some();
    task<result<void>> keep(job& upkeep);
    static std::string entry(std::uint64_t number);
    [[nodiscard]] bool is_prefix(std::uint64_t number) const {
        return number * wishes_.prefixes % limits::list_keys_max < wishes_.prefixes;
    }
    [[nodiscard]] std::string deeper_key(std::uint64_t number) const;

    hub& storage_;
    environment& env_;
    const list_wishes wishes_;
    std::vector<std::string> prefixes_;
    std::uint64_t next_ = 0;
    std::uint64_t end_ = 0;
    unsigned working_ = 0;
};

/// "entry-0042": keys and prefixes of the page alternate.
std::string list_bench::entry(std::uint64_t number) {
    char text[16];
    std::snprintf(text, sizeof text, "entry-%04u", static_cast<unsigned>(number));
    return text;
}

/// Neighbours in time lie under different prefixes, as with many clients: whatever is flushed at
/// once spans the whole page, which is the harder case for an index.
std::string list_bench::deeper_key(std::uint64_t number) const {
    char text[24];
    std::snprintf(text, sizeof text, "%010llu",
                  static_cast<unsigned long long>(number / prefixes_.size()));
    return prefixes_[number % prefixes_.size()] + text;
}

task<result<void>> list_bench::put(std::string key) {
    put_request request;
    request.bucket = bucket_name;
    request.key = std::move(key);
    buffer body = env_.buffers.allocate(wishes_.object_bytes);
    std::memset(body.data(), 'x', body.size());
    auto stored = co_await storage_.objects().put(std::move(request), std::move(body));
    if (!stored) co_return std::move(stored).error();
    co_return ok();
}

task<result<void>> list_bench::remove_some() {
    std::vector<std::string> keys;
    while (next_ < end_ && keys.size() < limits::delete_keys_max)
        keys.push_back(deeper_key(next_++));
    std::string bucket = bucket_name;
    auto removed = co_await storage_.objects().remove_many(std::move(bucket), std::move(keys));
    if (!removed) co_return std::move(removed).error();
    for (auto& one : *removed) {
        if (one.failure) co_return std::move(*one.failure);
    }
    co_return ok();
}

task<result<void>> list_bench::client(work what) {
    result<void> done = ok();
    while (done && next_ < end_) {
        if (what == work::remove_deeper) {
            done = co_await remove_some();
            continue;
        }
        const std::uint64_t number = next_++;
        if (what == work::put_shown && is_prefix(number)) continue;
        std::string key = what == work::put_shown ? entry(number) : deeper_key(number);
        done = co_await put(std::move(key));
    }
    --working_;
    co_return done;
}

/// Runs a job beside the clients, as a server would.
task<result<void>> list_bench::keep(job& upkeep) {
    while (working_ > 0) {
        auto stepped = co_await upkeep.step();
        if (!stepped) co_return std::move(stepped).error();
        if (*stepped == job_state::busy) {
            co_await yield_now();
        } else {
            co_await sleep_for(job_wait_ns);
        }
    }
    co_return ok();
}

task<result<void>> list_bench::all(work what, std::uint64_t first, std::uint64_t last) {
    next_ = first;
    end_ = last;
    working_ = wishes_.in_flight;
    std::vector<task<result<void>>> running;
    for (unsigned i = 0; i < wishes_.in_flight; ++i)
        running.push_back(client(what));
    running.push_back(keep(storage_.packing()));
    running.push_back(keep(storage_.reclaim()));
    running.push_back(keep(storage_.tidying()));
    running.push_back(keep(storage_.checkpoints()));
    auto ended = co_await when_all(std::move(running));
    for (auto& one : ended) {
        if (!one) co_return std::move(one).error();
    }
    co_return ok();
}

task<result<void>> list_bench::prepare() {
    for (std::uint64_t i = 0; i < limits::list_keys_max; ++i)
        if (is_prefix(i)) prefixes_.push_back(entry(i) + "/");
    std::string name = bucket_name;
    std::string owner = "bench";
    std::string region = "us-east-1";
    auto made = co_await storage_.objects().create_bucket(std::move(name), std::move(owner),
                                                          std::move(region));
    if (made.is(errc::bucket_exists)) {
        co_return error(errc::bucket_exists,
                        "bench list counts a bucket that it made itself: name an empty directory "
                        "with --data");
    }
    if (!made) co_return std::move(made).error();
    co_return co_await all(work::put_shown, 0, limits::list_keys_max);
}

task<result<void>> list_bench::put_deeper(std::uint64_t first, std::uint64_t last) {
    return all(work::put_deeper, first, last);
}

task<result<void>> list_bench::remove_deeper(std::uint64_t first, std::uint64_t last) {
    return all(work::remove_deeper, first, last);
}

task<result<void>> list_bench::settle() {
    TC_CO_TRY(co_await storage_.packing().drain());
    for (;;) {
        auto stepped = co_await storage_.reclaim().step();
        if (!stepped) co_return std::move(stepped).error();
        if (*stepped != job_state::busy) break;
    }
    // Flushes the index: rows in memory would cost no block.
    auto taken = co_await storage_.checkpoints().take();
    if (!taken) co_return std::move(taken).error();
    co_return co_await storage_.tidying().drain();
}

task<result<page_cost>> list_bench::page(std::string name, std::uint64_t deeper) {
    const index_figures before = storage_.rows().figures();
    list_request request;
    request.delimiter = "/";
    std::string bucket = bucket_name;
    auto listed = co_await storage_.objects().list(std::move(bucket), std::move(request));
    if (!listed) co_return std::move(listed).error();
    const index_figures after = storage_.rows().figures();
    if (listed->entries.size() != limits::list_keys_max || listed->truncated) {
        co_return error(errc::corrupt, "the page shows " + std::to_string(listed->entries.size()) +
                                           " entries, not the 1,000 that there are");
    }
    page_cost cost;
    cost.name = std::move(name);
    cost.deeper = deeper;
    cost.seeks = after.seeks - before.seeks;
    cost.nexts = after.nexts - before.nexts;
    cost.blocks = after.blocks - before.blocks;
    cost.deleted_passed = after.deleted_skipped - before.deleted_skipped;
    co_return std::move(cost);
}

task<result<std::vector<page_cost>>> count_pages(list_bench& bench, std::uint64_t keys) {
    std::vector<page_cost> pages;
    TC_CO_TRY(co_await bench.prepare());
    TC_CO_TRY(co_await bench.put_deeper(0, few_keys));
    TC_CO_TRY(co_await bench.settle());
    std::string name = "few keys under deeper prefixes";
    TC_CO_TRY_ASSIGN(few, co_await bench.page(std::move(name), few_keys));
    pages.push_back(std::move(few));
    TC_CO_TRY(co_await bench.put_deeper(few_keys, few_keys + keys));
    TC_CO_TRY(co_await bench.settle());
    name = "many keys under deeper prefixes";
    TC_CO_TRY_ASSIGN(many, co_await bench.page(std::move(name), few_keys + keys));
    pages.push_back(std::move(many));
    TC_CO_TRY(co_await bench.remove_deeper(few_keys, few_keys + keys));
    TC_CO_TRY(co_await bench.settle());
    name = "the many deleted, reclaim has run";
    TC_CO_TRY_ASSIGN(deleted, co_await bench.page(std::move(name), few_keys));
    pages.push_back(std::move(deleted));
    co_return std::move(pages);
}

double ratio(std::uint64_t figure, std::uint64_t base) {
    return static_cast<double>(figure) / static_cast<double>(std::max<std::uint64_t>(base, 1));
}

bool within(const page_cost& one, const page_cost& base) {
    return ratio(one.seeks, base.seeks) <= most_ratio &&
           ratio(one.blocks, base.blocks) <= most_ratio;
}

void print_json(const std::vector<page_cost>& pages, const list_wishes& wishes) {
    json shown = json::array();
    for (const page_cost& one : pages) {
        shown.push_back({{"name", one.name},
                         {"deeper_keys", one.deeper},
                         {"seeks", one.seeks},
                         {"nexts", one.nexts},
                         {"blocks", one.blocks},
                         {"deleted_rows_passed", one.deleted_passed},
                         {"seeks_ratio", ratio(one.seeks, pages.front().seeks)},
                         {"blocks_ratio", ratio(one.blocks, pages.front().blocks)},
                         {"met", within(one, pages.front())}});
    }
    const json document = {{"schema", 1},
                           {"name", "1000-key LIST page"},
                           {"prefixes", wishes.prefixes},
                           {"most_ratio", most_ratio},
                           {"pages", std::move(shown)}};
    std::printf("%s\n", document.dump().c_str());
}

void print_text(const std::vector<page_cost>& pages, const list_wishes& wishes) {
    std::printf("LIST page of 1,000 entries, %llu of them common prefixes\n",
                static_cast<unsigned long long>(wishes.prefixes));
    std::printf("%-34s %12s %16s %16s %8s %14s\n", "", "deeper keys", "seeks (ratio)",
                "blocks (ratio)", "nexts", "deleted passed");
    const page_cost& base = pages.front();
    for (const page_cost& one : pages) {
        const bool first = &one == &base;
        std::printf("%-34s %12llu %8llu (%5.2f) %8llu (%5.2f) %8llu %14llu  %s\n", one.name.c_str(),
                    static_cast<unsigned long long>(one.deeper),
                    static_cast<unsigned long long>(one.seeks), ratio(one.seeks, base.seeks),
                    static_cast<unsigned long long>(one.blocks), ratio(one.blocks, base.blocks),
                    static_cast<unsigned long long>(one.nexts),
                    static_cast<unsigned long long>(one.deleted_passed),
                    first               ? "(held against)"
                    : within(one, base) ? "(wanted at most 2.00: met)"
                                        : "(wanted at most 2.00: MISSED)");
    }
}

int bench_list(const cli_common& common, const list_wishes& wishes) {
    configuration wanted;
    engine running;
    engine_options how;
    how.jobs = false;
    if (const int wrong = start_bench_engine(common, how, wanted, running); wrong != exit_done)
        return wrong;
    list_bench bench(running.storage(), running.env(), wishes);
    auto pages = running.run(count_pages(bench, wishes.keys));
    running.stop();
    if (!pages) return bench_failed(pages.error());
    if (common.json) {
        print_json(*pages, wishes);
    } else {
        print_text(*pages, wishes);
    }
    for (const page_cost& one : *pages) {
        if (!within(one, pages->front())) return exit_failed;
    }
    return exit_done;
}

}  // namespace

void add_bench_list(CLI::App& noun, cli_common& common) {
    auto wishes = std::make_shared<list_wishes>();
    CLI::App* list = noun.add_subcommand(
        "list", "seeks and blocks of a 1,000-key LIST page as more lies under deeper prefixes");
    list->add_option("--keys", wishes->keys,
                     "keys put under deeper prefixes, then deleted (default 1000000)")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
    list->add_option("--prefixes", wishes->prefixes,
                     "of the page's 1,000 entries that are common prefixes (default 20)")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{limits::list_keys_max}));
    list->add_option("--in-flight", wishes->in_flight, "requests in flight (default 64)")
        ->check(CLI::Range(1U, 4096U));
    list->add_option("--bytes", wishes->object_bytes, "bytes of an object (default 16)")
        ->check(CLI::Range(std::size_t{1}, limits::inline_object_bytes_max));
    list->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return bench_list(common, *wishes); };
    });
}

}  // namespace taicang
