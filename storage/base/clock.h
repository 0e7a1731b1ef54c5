// The wall clock for code that runs on no executor (CLI, tests). Everything else asks its executor.
// Thread safe. No lifetime.
#pragma once

#include <cstdint>

namespace taicang {

/// ns since 1970 UTC by the system's clock. May jump.
[[nodiscard]] std::int64_t system_wall_clock_now() noexcept;

/// ns on a clock that never goes back.
[[nodiscard]] std::int64_t system_monotonic_now() noexcept;

}  // namespace taicang
