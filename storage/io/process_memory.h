// The process's own memory, for the metrics page. Any thread. No lifetime.
#pragma once

#include <cstdint>

namespace taicang {

/// Resident bytes of this process; 0 when the system does not tell.
[[nodiscard]] std::uint64_t process_resident_bytes() noexcept;

}  // namespace taicang
