// `taicang inspect journal`: the records of a hub that is not serving, read from the devices alone.
// Changes nothing on them and needs no index, so it also looks at hubs that refuse to start.
// Threads: main thread. Lifetime: one call.
#pragma once

#include <cstdint>

#include "tools/cli/commands.h"

namespace taicang {

struct journal_wishes {
    std::uint64_t from = 1;
    std::uint64_t count = 20;
};

/// The exit code; damage is one, after all that can be read was printed.
int inspect_journal(const cli_common& common, const journal_wishes& wishes);

}  // namespace taicang
