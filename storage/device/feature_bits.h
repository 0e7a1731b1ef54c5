// Feature bits of the on-disk formats of this room, with the rule for unknown ones.
// Values; any thread. Free of coroutines: fuzzers and `inspect` use it.
#pragma once

#include <cstdint>

namespace taicang::device_format {

/// Unknown compat bits are ignored; unknown ro-compat bits allow reading only; unknown incompat
/// bits allow nothing.
struct feature_bits {
    std::uint64_t compat = 0;
    std::uint64_t ro_compat = 0;
    std::uint64_t incompat = 0;
    bool operator==(const feature_bits&) const = default;
};

/// What this build knows. Format v1 begins with none.
inline constexpr feature_bits known_features{};

constexpr bool may_read(const feature_bits& found) noexcept {
    return (found.incompat & ~known_features.incompat) == 0;
}
constexpr bool may_write(const feature_bits& found) noexcept {
    return may_read(found) && (found.ro_compat & ~known_features.ro_compat) == 0;
}

}  // namespace taicang::device_format
