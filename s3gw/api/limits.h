// Limits of the gateway's verbs. Constants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/base/executor.h"
#include "storage/base/limits.h"

namespace taicang::limits {

inline constexpr std::size_t gateway_buffer_bytes =
    1 * mib;  ///< of a large body, crossing to the engine
inline constexpr std::size_t gateway_buffers_in_flight =
    2;  ///< of one body: one is filled while the engine takes the other
inline constexpr std::size_t gateway_memory_share =
    3;  ///< the gateway itself holds at most one in so many bytes of the budget
inline constexpr std::size_t gateway_small_parts =
    4;  ///< one in so many parts of the share is for small requests alone
inline constexpr std::size_t gateway_small_bytes_max = 256 * kib;  ///< what a small request holds
inline constexpr std::size_t gateway_waiters_max = 8192;  ///< requests that wait for their share
inline constexpr nanoseconds gateway_memory_patience = 10 * one_second;  ///< then 503 SlowDown
inline constexpr std::size_t document_memory_factor =
    4;  ///< an XML document, its tree, and what is made of it
inline constexpr std::size_t listing_lease_bytes = 1 * mib;    ///< a page's rows and its document
inline constexpr std::size_t document_piece_bytes = 16 * kib;  ///< one read of a document
inline constexpr std::size_t reopen_attempts_max =
    4;  ///< as an object changes under a conditional GET
inline constexpr std::size_t list_buckets_max = 10'000;  ///< S3: of one page

}  // namespace taicang::limits
