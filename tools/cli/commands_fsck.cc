// fsck: checks a hub that is not serving.
#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "storage/hub/fsck.h"
#include "tools/cli/commands.h"
#include "tools/cli/exit_code.h"
#include "tools/server/engine.h"

namespace taicang {

namespace {

void print_report(const fsck_report& report, bool as_json) {
    if (as_json) {
        const nlohmann::json document = {{"schema", 1},
                                         {"clean", report.clean()},
                                         {"problem_count", report.problem_count},
                                         {"problems", report.problems},
                                         {"buckets", report.buckets},
                                         {"versions", report.versions},
                                         {"uploads", report.uploads},
                                         {"parts", report.parts},
                                         {"blobs", report.blobs},
                                         {"groups", report.groups},
                                         {"journal_records", report.journal_records},
                                         {"extents", report.extents},
                                         {"extents_leaked", report.extents_leaked},
                                         {"orphans_removed", report.orphans_removed},
                                         {"chunks_damaged", report.chunks_damaged},
                                         {"bytes_read", report.bytes_read}};
        std::printf("%s\n", document.dump(2).c_str());
        return;
    }
    const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "%llu buckets, %llu versions, %llu uploads, %llu parts, %llu blobs, %llu groups, %llu "
        "journal records, "
        "%llu extents\n",
        number(report.buckets), number(report.versions), number(report.uploads),
        number(report.parts), number(report.blobs), number(report.groups),
        number(report.journal_records), number(report.extents));
    if (report.orphans_removed > 0) {
        std::printf("%llu extents that nothing named were given back by this start\n",
                    number(report.orphans_removed));
    }
    for (const std::string& problem : report.problems)
        std::printf("problem: %s\n", problem.c_str());
    if (report.clean()) {
        std::printf("clean\n");
    } else {
        std::printf("%llu problems; keep the devices as they are and see docs/runbooks/fsck.md\n",
                    number(report.problem_count));
    }
}

int fsck(const cli_common& common, bool read_data) {
    configuration wanted;
    if (const int failed = load_configuration(common, wanted); failed != exit_done) return failed;
    engine running;
    auto started = running.start(wanted, {.create = false, .jobs = false});
    if (!started) {
        std::fprintf(stderr, "taicang: cannot check %s: %s\n", wanted.data.c_str(),
                     started.error().message.c_str());
        return exit_code_of(started.error().code);
    }
    auto report = running.run(check_hub(running.storage(), {read_data}));
    running.stop();
    if (!report) {
        std::fprintf(stderr, "taicang: the check could not go on: %s\n",
                     report.error().message.c_str());
        return exit_code_of(report.error().code);
    }
    print_report(*report, common.json);
    return report->clean() ? exit_done : exit_failed;
}

}  // namespace

void add_fsck(CLI::App& parser, cli_common& common) {
    CLI::App* verb = parser.add_subcommand("fsck",
                                           "check a hub that is not serving: recovers it as a "
                                           "start would, then holds journal, index, groups and "
                                           "devices against each other");
    auto read_data = std::make_shared<bool>(false);
    verb->add_flag("--read-data", *read_data,
                   "also read and verify every live byte where it lies; "
                   "parity is not read");
    verb->callback([&common, read_data] {
        common.chosen = [&common, read_data] { return fsck(common, *read_data); };
    });
}

}  // namespace taicang
