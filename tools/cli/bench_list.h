// bench list: what a page of a listing costs in the index, counted, as more lies under deeper
// prefixes and after much of it was deleted. Threads: main thread. Lifetime: `common` outlives the
// parser.
#pragma once

#include "tools/cli/commands.h"

namespace taicang {

void add_bench_list(CLI::App& noun, cli_common& common);

}  // namespace taicang
