// Limits of the gateway's verbs. Constants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/base/executor.h"
#include "storage/base/limits.h"

namespace taicang::limits {

inline constexpr std::size_t gateway_buffer_bytes =
    1 * mib;  ///< of a large body, crossing to the engine
inline constexpr std::size_t gateway_put_lease_bytes =
    6 * mib;  ///< two buffers, and a run with its parity in the engine
inline constexpr std::size_t gateway_get_lease_bytes =
    6 * mib;  ///< what a reader holds and reads ahead
inline constexpr nanoseconds gateway_memory_patience = 10 * one_second;  ///< then 503 SlowDown

}  // namespace taicang::limits
