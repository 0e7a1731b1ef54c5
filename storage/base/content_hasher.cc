#include <algorithm>
#include <array>

#include <isa-l/crc.h>
#include <openssl/evp.h>

#include "storage/base/assert.h"
#include "storage/base/crc64nvme.h"
#include "storage/base/digest.h"

namespace taicang {

namespace {

constexpr std::array evp_kinds{digest_kind::md5, digest_kind::sha1, digest_kind::sha256};

const EVP_MD* method_of(digest_kind kind) {
    static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
    static EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    const EVP_MD* method = kind == digest_kind::md5    ? md5
                           : kind == digest_kind::sha1 ? sha1
                                                       : sha256;
    TC_ASSERT_WHY(method != nullptr, "OpenSSL's default provider lacks MD5, SHA1 or SHA256");
    return method;
}

template <class Number>
std::string big_endian(Number value) {
    std::string text(sizeof(Number), '\0');
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
        text[i] = static_cast<char>((value >> (8 * (sizeof(Number) - 1 - i))) & 0xff);
    }
    return text;
}

std::string finish_evp(EVP_MD_CTX* context) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned length = 0;
    TC_ASSERT(EVP_DigestFinal_ex(context, digest.data(), &length) == 1);
    return std::string(reinterpret_cast<const char*>(digest.data()), length);
}

/// Several digests read the same bytes: pieces that stay in the first-level cache are read from
/// memory once.
constexpr std::size_t piece_bytes = 16 * 1024;

}  // namespace

struct content_hasher::state {
    explicit state(digest_set wanted) : kinds(wanted) {
        for (std::size_t i = 0; i < evp_kinds.size(); ++i) {
            if (!kinds.has(evp_kinds[i])) continue;
            contexts[i] = EVP_MD_CTX_new();
            TC_ASSERT(contexts[i] != nullptr);
            TC_ASSERT(EVP_DigestInit_ex2(contexts[i], method_of(evp_kinds[i]), nullptr) == 1);
        }
    }
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() {
        for (EVP_MD_CTX* context : contexts)
            EVP_MD_CTX_free(context);
    }

    void update_piece(bytes_view piece) {
        for (EVP_MD_CTX* context : contexts) {
            if (context == nullptr) continue;
            TC_ASSERT(EVP_DigestUpdate(context, piece.data(), piece.size()) == 1);
        }
        if (kinds.has(digest_kind::crc32)) {
            gzip_crc = crc32_gzip_refl(
                gzip_crc, reinterpret_cast<const unsigned char*>(piece.data()), piece.size());
        }
        if (kinds.has(digest_kind::crc32c)) castagnoli_crc = taicang::crc32c(piece, castagnoli_crc);
        if (kinds.has(digest_kind::crc64nvme)) nvme_crc = taicang::crc64nvme(piece, nvme_crc);
    }

    digest_set kinds;
    std::array<EVP_MD_CTX*, evp_kinds.size()> contexts{};
    std::uint32_t gzip_crc = 0;
    std::uint32_t castagnoli_crc = 0;
    std::uint64_t nvme_crc = 0;
    bool finished = false;
};

content_hasher::content_hasher(digest_set kinds) : state_(std::make_unique<state>(kinds)) {}
content_hasher::content_hasher(content_hasher&&) noexcept = default;
content_hasher& content_hasher::operator=(content_hasher&&) noexcept = default;
content_hasher::~content_hasher() = default;

void content_hasher::update(bytes_view bytes) {
    TC_ASSERT_WHY(!state_->finished, "a content_hasher is used after finish()");
    while (!bytes.empty()) {
        const std::size_t piece = std::min(bytes.size(), piece_bytes);
        state_->update_piece(bytes.first(piece));
        bytes = bytes.subspan(piece);
    }
}

content_digests content_hasher::finish() {
    TC_ASSERT_WHY(!state_->finished, "a content_hasher is finished once");
    state_->finished = true;
    content_digests found;
    if (state_->contexts[0] != nullptr) found.md5 = finish_evp(state_->contexts[0]);
    if (state_->contexts[1] != nullptr) found.sha1 = finish_evp(state_->contexts[1]);
    if (state_->contexts[2] != nullptr) found.sha256 = finish_evp(state_->contexts[2]);
    if (state_->kinds.has(digest_kind::crc32)) found.crc32 = big_endian(state_->gzip_crc);
    if (state_->kinds.has(digest_kind::crc32c)) found.crc32c = big_endian(state_->castagnoli_crc);
    if (state_->kinds.has(digest_kind::crc64nvme)) found.crc64nvme = big_endian(state_->nvme_crc);
    return found;
}

content_digests digests_of(digest_set kinds, bytes_view bytes) {
    content_hasher hasher(kinds);
    hasher.update(bytes);
    return hasher.finish();
}

const std::string& content_digests::of(digest_kind kind) const {
    switch (kind) {
        case digest_kind::md5:
            return md5;
        case digest_kind::sha1:
            return sha1;
        case digest_kind::sha256:
            return sha256;
        case digest_kind::crc32:
            return crc32;
        case digest_kind::crc32c:
            return crc32c;
        case digest_kind::crc64nvme:
            return crc64nvme;
    }
    assert_failed("digest_kind", __FILE__, __LINE__, "an unknown digest kind");
}

}  // namespace taicang
