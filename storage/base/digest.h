// Checksums and digests. CRC32C (ISA-L) finds accidents; SHA-256 (OpenSSL) is what evidence rests
// on. Threads: free functions are thread safe; a running hasher belongs to one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/bytes.h"

namespace taicang {

using sha256_digest = std::array<std::byte, 32>;
using md5_digest = std::array<std::byte, 16>;

/// CRC32C (Castagnoli) continued from `seed` (0 to begin). Standard check value:
/// crc32c("123456789") = 0xe3069283.
[[nodiscard]] std::uint32_t crc32c(bytes_view bytes, std::uint32_t seed = 0) noexcept;
/// SHA-256 of the bytes.
[[nodiscard]] sha256_digest sha256(bytes_view bytes);
/// SHA-256 of a followed by b, for chains.
[[nodiscard]] sha256_digest sha256(bytes_view a, bytes_view b);

/// Which digests a content_hasher computes.
enum class digest_kind : std::uint8_t { md5, sha1, sha256, crc32, crc32c, crc64nvme };
class digest_set {
  public:
    constexpr digest_set() = default;
    constexpr digest_set& add(digest_kind kind) {
        bits_ = static_cast<std::uint8_t>(bits_ | (1U << static_cast<unsigned>(kind)));
        return *this;
    }
    [[nodiscard]] constexpr bool has(digest_kind kind) const {
        return (bits_ & (1U << static_cast<unsigned>(kind))) != 0;
    }

  private:
    std::uint8_t bits_ = 0;
};

/// What a content_hasher found. Those not asked for are empty. Raw bytes, big-endian for the CRCs
/// as S3 sends them.
struct content_digests {
    std::string md5, sha1, sha256, crc32, crc32c, crc64nvme;
    [[nodiscard]] const std::string& of(digest_kind kind) const;
};

/// Computes several digests of one stream in one pass.
class content_hasher {
  public:
    explicit content_hasher(digest_set kinds);
    content_hasher(content_hasher&&) noexcept;
    content_hasher& operator=(content_hasher&&) noexcept;
    ~content_hasher();
    void update(bytes_view bytes);
    [[nodiscard]] content_digests finish();

  private:
    struct state;
    std::unique_ptr<state> state_;
};

/// The digests of bytes that are all there. Any thread.
[[nodiscard]] content_digests digests_of(digest_set kinds, bytes_view bytes);

/// The digest tree of a blob: SHA-256 of leaves of 1 MiB; the root of one leaf is that leaf's
/// digest, else SHA-256 over 0x01 and the leaves' digests in order. Incremental; a leaf never needs
/// more than its own bytes.
inline constexpr std::size_t digest_leaf_size = std::size_t{1} << 20;
[[nodiscard]] sha256_digest digest_tree_root(const std::vector<sha256_digest>& leaves);

}  // namespace taicang
