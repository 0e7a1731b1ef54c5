// Numbers of the sections that this room writes itself, free of coroutines for the pure parts.
// Values; any thread.
#pragma once

#include <cstdint>

namespace taicang {

inline constexpr std::uint16_t root_section_membership = 1;  ///< root_section::membership

}  // namespace taicang
