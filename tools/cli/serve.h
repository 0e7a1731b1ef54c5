// `taicang serve`. Threads: the main thread. Lifetime: until SIGINT or SIGTERM.
#pragma once

#include "tools/config/config.h"

namespace taicang {

/// Serves until a signal asks it to stop. Returns the process's exit code.
int run_serve(const configuration& wanted);

}  // namespace taicang
