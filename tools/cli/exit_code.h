// Exit codes of the CLI (DESIGN 7). Pure; any thread.
#pragma once

#include "storage/base/errors.h"

namespace taicang {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_retryable = 3;
inline constexpr int exit_not_allowed = 4;
inline constexpr int exit_not_found = 5;
inline constexpr int exit_conflict = 6;
inline constexpr int exit_unsupported = 7;

[[nodiscard]] int exit_code_of(errc code) noexcept;

}  // namespace taicang
