// Runs seeds of the simulation. `test_sim --first 1 --count 100`; `test_sim --seed N` replays one;
// TAICANG_LONG=1 runs 25 times as many. In a canary build `--expect-violation` turns the meaning
// round: the planted bug must be caught.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "tests/sim/sim_seed.h"

namespace {

struct wishes {
    std::uint64_t first = 1;
    std::uint64_t count = 100;
    bool expect_violation = false;
    bool marks = false;
};

wishes read(int argc, char** argv) {
    wishes wanted;
    for (int i = 1; i < argc; ++i) {
        const auto number = [&] {
            return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0ULL;
        };
        if (std::strcmp(argv[i], "--first") == 0) wanted.first = number();
        if (std::strcmp(argv[i], "--count") == 0) wanted.count = number();
        if (std::strcmp(argv[i], "--expect-violation") == 0) wanted.expect_violation = true;
        if (std::strcmp(argv[i], "--marks") == 0) wanted.marks = true;
        if (std::strcmp(argv[i], "--seed") == 0) {
            wanted.first = number();
            wanted.count = 1;
        }
    }
    if (wanted.count > 1 && std::getenv("TAICANG_LONG") != nullptr) {
        wanted.first *= 1'000'000;
        wanted.count *= 25;
    }
    return wanted;
}

/// Keys of the simulation hold any bytes; what is printed stays text.
std::string printable(const std::string& text) {
    std::string shown;
    for (const char byte : text) {
        const auto value = static_cast<unsigned char>(byte);
        if (value >= 0x20 && value < 0x7f) {
            shown += byte;
            continue;
        }
        char escaped[5];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(value));
        shown += escaped;
    }
    return shown;
}

}  // namespace

int main(int argc, char** argv) {
    const wishes wanted = read(argc, argv);
    if (wanted.count > 1 || wanted.expect_violation)
        taicang::set_log_level(taicang::log_level::off);
    taicang::sim::seed_report sum;
    std::uint64_t failed = 0;
    for (std::uint64_t seed = wanted.first; seed < wanted.first + wanted.count; ++seed) {
        const auto report = taicang::sim::run_seed(seed);
        sum.operations += report.operations;
        sum.acknowledged += report.acknowledged;
        sum.unknown += report.unknown;
        sum.reads += report.reads;
        sum.crashes += report.crashes;
        if (report.violation.empty()) continue;
        ++failed;
        std::printf("seed %llu: %s\n  replay: %s --seed %llu\n",
                    static_cast<unsigned long long>(seed), printable(report.violation).c_str(),
                    argv[0], static_cast<unsigned long long>(seed));
        std::fflush(stdout);
        if (wanted.expect_violation) break;
    }
    if (wanted.marks) {
        for (const auto& [name, count] : taicang::all_marks()) {
            std::printf("mark %-40s %llu\n", name.c_str(), static_cast<unsigned long long>(count));
        }
    }
    std::printf(
        "simulation: %llu seeds, %llu operations, %llu acknowledged, %llu unknown, %llu reads, "
        "%llu crashes, "
        "%llu seeds failed\n",
        static_cast<unsigned long long>(wanted.count),
        static_cast<unsigned long long>(sum.operations),
        static_cast<unsigned long long>(sum.acknowledged),
        static_cast<unsigned long long>(sum.unknown), static_cast<unsigned long long>(sum.reads),
        static_cast<unsigned long long>(sum.crashes), static_cast<unsigned long long>(failed));
    if (wanted.expect_violation) return failed > 0 ? 0 : 1;
    return failed == 0 ? 0 : 1;
}
