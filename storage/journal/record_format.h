// Coding of record headers, and the hash chain that runs over them.
// Pure functions; any thread. No coroutines: fuzz targets include this.
#pragma once

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/journal/batch_format.h"
#include "storage/journal/record.h"

namespace taicang {

/// Writes journal_format::record_header_bytes bytes at `into`.
void encode_record_header(const record_header& header, std::byte* into) noexcept;

/// Reads them back. False when reserved bytes are not zero or lengths pass their limits.
[[nodiscard]] bool decode_record_header(bytes_view from, record_header& header) noexcept;

/// chain_n = SHA-256(chain_{n-1} || encoded header n). The chain begins with 32 zero bytes before
/// LSN 1.
[[nodiscard]] sha256_digest chain_next(const sha256_digest& chain, bytes_view encoded_header);

}  // namespace taicang
