#include "tools/cli/bench_engine.h"

#include <cstdio>

#include "tools/cli/exit_code.h"

namespace taicang {

int bench_failed(const error& why) {
    std::fprintf(stderr, "taicang: bench: %s\n", why.message.c_str());
    return exit_code_of(why.code);
}

int start_bench_engine(const cli_common& common, engine_options how, configuration& wanted,
                       engine& running) {
    if (const int wrong = load_configuration(common, wanted); wrong != exit_done) return wrong;
    if (common.data.empty()) {
        std::fprintf(stderr,
                     "taicang: bench writes a lot: name a directory of its own with --data\n");
        return exit_usage;
    }
    auto started = running.start(wanted, how);
    if (!started) return bench_failed(started.error());
    return exit_done;
}

}  // namespace taicang
