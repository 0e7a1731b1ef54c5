#include "storage/base/digest.h"

#include <algorithm>

#include <isa-l/crc.h>
#include <openssl/evp.h>

#include "storage/base/assert.h"

namespace taicang {

namespace {

/// Fetched once: an implicit fetch on every digest costs more than hashing a small record.
const EVP_MD* sha256_method() {
    static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    TC_ASSERT_WHY(method != nullptr, "OpenSSL's default provider has no SHA256");
    return method;
}

struct digest_context {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    digest_context() { TC_ASSERT(context != nullptr); }
    digest_context(const digest_context&) = delete;
    digest_context& operator=(const digest_context&) = delete;
    ~digest_context() { EVP_MD_CTX_free(context); }
};

EVP_MD_CTX* begin_sha256() {
    thread_local digest_context mine;
    TC_ASSERT(EVP_DigestInit_ex2(mine.context, sha256_method(), nullptr) == 1);
    return mine.context;
}

sha256_digest end_sha256(EVP_MD_CTX* context) {
    sha256_digest digest;
    unsigned length = 0;
    TC_ASSERT(
        EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest.data()), &length) == 1);
    TC_ASSERT(length == digest.size());
    return digest;
}

void feed(EVP_MD_CTX* context, bytes_view bytes) {
    TC_ASSERT(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
}

}  // namespace

std::uint32_t crc32c(bytes_view bytes, std::uint32_t seed) noexcept {
    // ISA-L's crc32_iscsi is the bare division: the inversions before and after are the caller's,
    // and its length is an int.
    constexpr std::size_t piece_max = std::size_t{1} << 30;
    std::uint32_t crc = ~seed;
    while (!bytes.empty()) {
        const std::size_t piece = std::min(bytes.size(), piece_max);
        // The parameter lacks a const; the function only reads.
        auto* from =
            const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
        crc = crc32_iscsi(from, static_cast<int>(piece), crc);
        bytes = bytes.subspan(piece);
    }
    return ~crc;
}

sha256_digest sha256(bytes_view bytes) {
    EVP_MD_CTX* context = begin_sha256();
    feed(context, bytes);
    return end_sha256(context);
}

sha256_digest sha256(bytes_view a, bytes_view b) {
    EVP_MD_CTX* context = begin_sha256();
    feed(context, a);
    feed(context, b);
    return end_sha256(context);
}

sha256_digest digest_tree_root(const std::vector<sha256_digest>& leaves) {
    // An empty blob has one leaf of no bytes.
    if (leaves.empty()) return sha256(bytes_view{});
    if (leaves.size() == 1) return leaves.front();
    EVP_MD_CTX* context = begin_sha256();
    // Marks inner nodes, so that no blob's content can pose as a list of leaves.
    const std::byte inner{0x01};
    feed(context, {&inner, 1});
    for (const sha256_digest& leaf : leaves)
        feed(context, leaf);
    return end_sha256(context);
}

}  // namespace taicang
