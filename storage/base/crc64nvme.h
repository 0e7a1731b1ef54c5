// CRC-64/NVME (reflected polynomial 0x9a6c9329ac4bc9b5), which ISA-L 2.30 does not have. Pure; any
// thread. Method: slicing-by-16 (Kounavis and Berry, "A Systematic Approach to Building High
// Performance Software-based CRC Generators", 2005). Inside the content hasher MD5 is several times
// slower, so carry-less multiplication would not show.
#pragma once

#include <cstdint>

#include "storage/base/bytes.h"

namespace taicang {

/// Continued from `seed` (0 to begin). Check value of "123456789": 0xae8b14860a799888.
[[nodiscard]] std::uint64_t crc64nvme(bytes_view bytes, std::uint64_t seed = 0) noexcept;

}  // namespace taicang
