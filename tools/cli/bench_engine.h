// What the verbs of bench share: an engine on a directory of its own, and how a failure is told.
// Threads: main thread.
#pragma once

#include "tools/cli/commands.h"
#include "tools/server/engine.h"

namespace taicang {

/// Starts `running` on the directory that --data names; an exit code, exit_done when it runs.
/// `wanted` is the configuration that it runs with.
[[nodiscard]] int start_bench_engine(const cli_common& common, engine_options how,
                                     configuration& wanted, engine& running);
/// Tells why a measurement ended and gives the exit code for it.
[[nodiscard]] int bench_failed(const error& why);

}  // namespace taicang
