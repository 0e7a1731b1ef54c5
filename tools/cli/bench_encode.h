// bench encode: the codec against ISA-L alone, same matrix, same buffers, same thread. Threads:
// main thread. Lifetime: `common` outlives the parser.
#pragma once

#include "tools/cli/commands.h"

namespace taicang {

void add_bench_encode(CLI::App& noun, cli_common& common);

}  // namespace taicang
