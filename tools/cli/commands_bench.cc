// bench: what the engine does against what the machine could do, both in one run, as a ratio with
// its limit.
#include "tools/cli/commands.h"

#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "storage/base/clock.h"
#include "storage/base/limits.h"
#include "tools/cli/bench_encode.h"
#include "tools/cli/bench_engine.h"
#include "tools/cli/bench_list.h"
#include "tools/cli/bench_load.h"
#include "tools/cli/exit_code.h"

namespace taicang {

namespace {

using nlohmann::json;

struct bench_wishes {
    double seconds = 60;
    unsigned in_flight = 64;
    std::size_t object_bytes = 4096;
};

struct comparison {
    std::string name;
    double figure = 0;
    double limit_figure = 0;
    double least_ratio = 0;
    std::string unit;
};

void print_comparison(const comparison& one, bool as_json) {
    const double ratio = one.limit_figure > 0 ? one.figure / one.limit_figure : 0;
    if (as_json) {
        const json document = {{"schema", 1},
                               {"name", one.name},
                               {"figure", one.figure},
                               {"limit", one.limit_figure},
                               {"unit", one.unit},
                               {"ratio", ratio},
                               {"least_ratio", one.least_ratio}};
        std::printf("%s\n", document.dump().c_str());
        return;
    }
    std::printf("%-44s %12.0f %-10s limit of the machine %12.0f  ratio %.2f  (wanted %.2f: %s)\n",
                one.name.c_str(), one.figure, one.unit.c_str(), one.limit_figure, ratio,
                one.least_ratio, ratio >= one.least_ratio ? "met" : "MISSED");
}

/// What group commits carried and took, for people who look for the next thing to make faster.
void tell_commits(const journal_figures& before, const journal_figures& after) {
    const auto commits = static_cast<double>(after.commits - before.commits);
    if (commits == 0) return;
    std::printf("a commit: %.1f records, %.0f KiB, %.2f ms\n",
                static_cast<double>(after.records - before.records) / commits,
                static_cast<double>(after.bytes_appended - before.bytes_appended) / commits / 1024,
                static_cast<double>(after.commits_took - before.commits_took) / commits / 1e6);
}

/// The journal's figures are the engine thread's.
task<journal_figures> commits_so_far(hub& storage) {
    co_return storage.log().figures();
}

/// Puts through the engine and raw mirrored commits alternate in slices, so that a noisy machine is
/// noisy to both.
int bench_puts(const cli_common& common, const bench_wishes& wishes) {
    configuration wanted;
    engine running;
    if (const int wrong = start_bench_engine(common, {}, wanted, running); wrong != exit_done)
        return wrong;
    put_load load(running.storage().objects(), running.env(), wishes.object_bytes,
                  wishes.in_flight);
    raw_commit_load raw(running.env(), wanted.data + "/bench",
                        static_cast<unsigned>(wanted.parity) + 1, wishes.object_bytes,
                        wishes.in_flight);
    auto prepared = running.run(load.prepare());
    if (prepared) prepared = running.run(raw.prepare());
    const journal_figures before = running.run(commits_so_far(running.storage()));
    constexpr double slice_s = 5;
    double put_s = 0;
    double raw_s = 0;
    while (prepared && put_s < wishes.seconds) {
        const std::int64_t began = system_monotonic_now();
        prepared = running.run(load.run_for(static_cast<nanoseconds>(slice_s * 1e9)));
        put_s += static_cast<double>(system_monotonic_now() - began) / 1e9;
        if (!prepared) break;
        const std::int64_t raw_began = system_monotonic_now();
        prepared = running.run(raw.run_for(static_cast<nanoseconds>(slice_s / 5 * 1e9)));
        raw_s += static_cast<double>(system_monotonic_now() - raw_began) / 1e9;
    }
    const journal_figures after = running.run(commits_so_far(running.storage()));
    running.run(load.stop());
    auto removed = running.run(raw.remove());
    running.stop();
    if (!prepared) return bench_failed(prepared.error());
    if (!removed) return bench_failed(removed.error());
    comparison told;
    told.name = "durable " + std::to_string(wishes.object_bytes) + "-byte puts, " +
                std::to_string(wishes.in_flight) + " in flight";
    told.figure = static_cast<double>(load.done()) / put_s;
    told.limit_figure = static_cast<double>(raw.done()) / raw_s;
    told.least_ratio = 0.4;
    told.unit = "puts/s";
    print_comparison(told, common.json);
    if (!common.json) tell_commits(before, after);
    return told.figure >= told.least_ratio * told.limit_figure ? exit_done : exit_failed;
}

}  // namespace

void add_bench(CLI::App& parser, cli_common& common) {
    CLI::App* noun =
        parser.add_subcommand("bench", "measure the engine against the machine, in one run");
    noun->require_subcommand(1);
    auto wishes = std::make_shared<bench_wishes>();
    CLI::App* puts = noun->add_subcommand(
        "put", "durable small puts against a raw mirrored group commit of the same bytes");
    puts->add_option("--seconds", wishes->seconds, "how long the engine is measured (default 60)")
        ->check(CLI::Range(1.0, 86400.0));
    puts->add_option("--in-flight", wishes->in_flight, "puts in flight (default 64)")
        ->check(CLI::Range(1U, 4096U));
    puts->add_option("--bytes", wishes->object_bytes, "bytes of an object (default 4096)")
        ->check(CLI::Range(std::size_t{1}, limits::inline_object_bytes_max));
    puts->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return bench_puts(common, *wishes); };
    });
    add_bench_list(*noun, common);
    add_bench_encode(*noun, common);
}

}  // namespace taicang
