// OpenSSL's low-level SHA-256 (deprecated since 3.0, but not removed): EVP fetches and locks on
// every short hash, which costs more than the hash itself when a request needs seven of them.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "s3gw/auth/hmac.h"

#include <algorithm>
#include <cstring>
#include <new>

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace taicang {

namespace {

constexpr std::size_t block_bytes = SHA256_CBLOCK;

SHA256_CTX* context(std::array<std::byte, 112>& state) noexcept {
    return std::launder(reinterpret_cast<SHA256_CTX*>(state.data()));
}

}  // namespace

static_assert(sizeof(SHA256_CTX) <= 112 && alignof(SHA256_CTX) <= 8);
static_assert(std::is_trivially_copyable_v<SHA256_CTX>);

sha256_running::sha256_running() noexcept {
    SHA256_Init(::new (state_.data()) SHA256_CTX);
}

void sha256_running::update(const void* data, std::size_t size) noexcept {
    SHA256_Update(context(state_), data, size);
}

sha256_bytes sha256_running::finish() noexcept {
    sha256_bytes digest;
    SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), context(state_));
    return digest;
}

sha256_bytes sha256_of(std::string_view text) noexcept {
    sha256_running hash;
    hash.update(text);
    return hash.finish();
}

hmac_sha256_key::hmac_sha256_key(std::string_view key) noexcept {
    // RFC 2104: a long key is hashed first.
    std::array<unsigned char, block_bytes> padded{};
    if (key.size() > block_bytes) {
        const sha256_bytes digest = sha256_of(key);
        std::memcpy(padded.data(), digest.data(), digest.size());
    } else if (!key.empty()) {
        std::memcpy(padded.data(), key.data(), key.size());
    }
    std::array<unsigned char, block_bytes> pad;
    std::transform(padded.begin(), padded.end(), pad.begin(),
                   [](unsigned char c) { return static_cast<unsigned char>(c ^ 0x36U); });
    inner_.update(pad.data(), pad.size());
    std::transform(padded.begin(), padded.end(), pad.begin(),
                   [](unsigned char c) { return static_cast<unsigned char>(c ^ 0x5cU); });
    outer_.update(pad.data(), pad.size());
    OPENSSL_cleanse(padded.data(), padded.size());
    OPENSSL_cleanse(pad.data(), pad.size());
}

hmac_sha256_key::hmac_sha256_key(const sha256_bytes& key) noexcept
    : hmac_sha256_key(std::string_view(reinterpret_cast<const char*>(key.data()), key.size())) {}

hmac_sha256_key::~hmac_sha256_key() {
    OPENSSL_cleanse(&inner_, sizeof(inner_));
    OPENSSL_cleanse(&outer_, sizeof(outer_));
}

sha256_bytes hmac_sha256_key::sign(std::string_view text) const noexcept {
    sha256_running inner = inner_;
    inner.update(text);
    const sha256_bytes digest = inner.finish();
    sha256_running outer = outer_;
    outer.update(digest.data(), digest.size());
    return outer.finish();
}

std::array<char, 64> hex_of(const sha256_bytes& digest) noexcept {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<char, 64> hex;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const auto byte = std::to_integer<unsigned>(digest[i]);
        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
    }
    return hex;
}

bool digest_of_hex(std::string_view hex, sha256_bytes& into) noexcept {
    if (hex.size() != 2 * into.size()) return false;
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    for (std::size_t i = 0; i < into.size(); ++i) {
        const int high = digit(hex[2 * i]);
        const int low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        into[i] = static_cast<std::byte>(high * 16 + low);
    }
    return true;
}

bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace taicang
