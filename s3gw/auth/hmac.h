// SHA-256 and HMAC-SHA-256 as requests need them: short inputs, no allocation, prepared keys that
// are copied by value. Threads: values, free functions are pure. Lifetime: a prepared key wipes
// itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace taicang {

using sha256_bytes = std::array<std::byte, 32>;

/// A running SHA-256; trivially copyable state inside, so a prefix can be hashed once and continued
/// many times.
class sha256_running {
  public:
    sha256_running() noexcept;
    void update(const void* data, std::size_t size) noexcept;
    void update(std::string_view text) noexcept { update(text.data(), text.size()); }
    /// The digest; the object must not be updated after.
    [[nodiscard]] sha256_bytes finish() noexcept;

  private:
    // The size of OpenSSL's SHA256_CTX, checked in the .cc, so that its header stays out of ours.
    alignas(8) std::array<std::byte, 112> state_;
};

[[nodiscard]] sha256_bytes sha256_of(std::string_view text) noexcept;

/// An HMAC key with its two pads already hashed: a signature then costs two short hashes.
class hmac_sha256_key {
  public:
    hmac_sha256_key() noexcept = default;
    explicit hmac_sha256_key(std::string_view key) noexcept;
    explicit hmac_sha256_key(const sha256_bytes& key) noexcept;
    hmac_sha256_key(const hmac_sha256_key&) noexcept = default;
    hmac_sha256_key& operator=(const hmac_sha256_key&) noexcept = default;
    ~hmac_sha256_key();
    [[nodiscard]] sha256_bytes sign(std::string_view text) const noexcept;

  private:
    sha256_running inner_;
    sha256_running outer_;
};

/// 64 lower-case hex digits.
[[nodiscard]] std::array<char, 64> hex_of(const sha256_bytes& digest) noexcept;
[[nodiscard]] inline std::string_view view_of(const std::array<char, 64>& hex) noexcept {
    return {hex.data(), hex.size()};
}
/// The digest of 64 hex digits (either case); false when it is not that.
[[nodiscard]] bool digest_of_hex(std::string_view hex, sha256_bytes& into) noexcept;

/// Equality in a time that depends on the lengths only.
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace taicang
