// Digests of a whole out of digests of its parts: S3's multipart ETag, COMPOSITE checksums and
// FULL_OBJECT CRCs. Pure functions; any thread. Method of combining CRCs: multiplication by x^(8n)
// modulo the polynomial (M. Adler, zlib's crc32_combine).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/digest.h"
#include "storage/index/rows.h"

namespace taicang {

/// MD5 over the parts' MD5s, in hex, "-" and their number. ETags of parts are 32 hex digits; empty
/// when one is not.
std::string multipart_etag(const std::vector<std::string>& part_etags);

/// The checksum of checksums; `values` are raw.
std::string composite_checksum(digest_kind kind, const std::vector<std::string>& values);

/// True for the kinds that combine without the bytes.
bool is_combinable(digest_kind kind);

/// CRCs (raw, big-endian) of consecutive stretches put together.
class crc_combiner {
  public:
    explicit crc_combiner(digest_kind kind);
    void append(const std::string& value, std::uint64_t length);
    [[nodiscard]] std::string value() const;

  private:
    unsigned width_ = 0;
    std::uint64_t polynomial_ = 0;  // reflected
    std::uint64_t crc_ = 0;
    std::uint64_t shift_length_ = 0;  // parts mostly have one length: its factor is kept
    std::uint64_t shift_ = 0;
};

}  // namespace taicang
