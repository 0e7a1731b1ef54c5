// Digests against published vectors, and against themselves in pieces.
#include "storage/base/digest.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/crc64nvme.h"
#include "storage/base/random.h"

namespace taicang {
namespace {

std::string hex(bytes_view bytes) {
    return to_hex(bytes);
}
std::string hex(const std::string& bytes) {
    return to_hex(as_bytes(bytes));
}

TEST(digest, crc32c_of_the_check_string_and_of_rfc_3720) {
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
    EXPECT_EQ(crc32c(bytes_view{}), 0U);
    // RFC 3720 B.4.
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8a9136aaU);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62a8ab43U);
    std::string rising;
    for (int i = 0; i < 32; ++i)
        rising.push_back(static_cast<char>(i));
    EXPECT_EQ(crc32c(as_bytes(rising)), 0x46dd794eU);
}

TEST(digest, a_crc_continues_from_its_seed) {
    const std::string text = "123456789";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const std::uint32_t first = crc32c(as_bytes(text.substr(0, cut)));
        EXPECT_EQ(crc32c(as_bytes(text.substr(cut)), first), 0xe3069283U) << cut;
        const std::uint64_t wide = crc64nvme(as_bytes(text.substr(0, cut)));
        EXPECT_EQ(crc64nvme(as_bytes(text.substr(cut)), wide), 0xae8b14860a799888ULL) << cut;
    }
}

/// Bit by bit, as the standard defines it.
std::uint64_t crc64nvme_slowly(bytes_view bytes) {
    std::uint64_t crc = ~std::uint64_t{0};
    for (const std::byte b : bytes) {
        crc ^= std::to_integer<std::uint64_t>(b);
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x9a6c9329ac4bc9b5ULL : crc >> 1;
        }
    }
    return ~crc;
}

TEST(digest, crc64nvme_agrees_with_its_definition_at_every_length) {
    const auto random = seeded_random(1);
    std::vector<std::byte> bytes(300);
    random->fill(bytes);
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const bytes_view part = bytes_view(bytes).first(length);
        ASSERT_EQ(crc64nvme(part), crc64nvme_slowly(part)) << length;
    }
}

TEST(digest, sha256_of_fips_180) {
    EXPECT_EQ(hex(sha256(as_bytes("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(sha256(bytes_view{})),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256(as_bytes("a"), as_bytes("bc")), sha256(as_bytes("abc")));
}

digest_set all_kinds() {
    return digest_set()
        .add(digest_kind::md5)
        .add(digest_kind::sha1)
        .add(digest_kind::sha256)
        .add(digest_kind::crc32)
        .add(digest_kind::crc32c)
        .add(digest_kind::crc64nvme);
}

TEST(content_hasher, all_digests_of_the_check_string) {
    content_hasher hasher(all_kinds());
    hasher.update(as_bytes("1234"));
    hasher.update(bytes_view{});
    hasher.update(as_bytes("56789"));
    const content_digests found = hasher.finish();
    EXPECT_EQ(hex(found.md5), "25f9e794323b453885f5181f1b624d0b");
    EXPECT_EQ(hex(found.sha1), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
    EXPECT_EQ(hex(found.sha256),
              "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
    EXPECT_EQ(hex(found.crc32), "cbf43926");
    EXPECT_EQ(hex(found.crc32c), "e3069283");
    EXPECT_EQ(hex(found.crc64nvme), "ae8b14860a799888");
    EXPECT_EQ(found.of(digest_kind::crc64nvme), found.crc64nvme);
}

TEST(content_hasher, only_what_was_asked_for) {
    content_hasher hasher(digest_set().add(digest_kind::md5));
    const content_digests found = hasher.finish();
    EXPECT_EQ(hex(found.md5), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_TRUE(found.sha256.empty());
    EXPECT_TRUE(found.crc32.empty());
    EXPECT_TRUE(found.crc64nvme.empty());
}

TEST(content_hasher, pieces_make_no_difference) {
    const auto random = seeded_random(2);
    std::vector<std::byte> bytes(200'000);
    random->fill(bytes);
    content_hasher whole(all_kinds());
    whole.update(bytes);
    content_hasher pieces(all_kinds());
    bytes_view rest = bytes;
    while (!rest.empty()) {
        const std::size_t piece =
            std::min(rest.size(), static_cast<std::size_t>(random->below(50'000)));
        pieces.update(rest.first(piece));
        rest = rest.subspan(piece);
    }
    const content_digests a = whole.finish();
    const content_digests b = pieces.finish();
    EXPECT_EQ(a.md5, b.md5);
    EXPECT_EQ(a.sha1, b.sha1);
    EXPECT_EQ(a.sha256, b.sha256);
    EXPECT_EQ(a.crc32, b.crc32);
    EXPECT_EQ(a.crc32c, b.crc32c);
    EXPECT_EQ(a.crc64nvme, b.crc64nvme);
    EXPECT_EQ(hex(a.sha256), hex(sha256(bytes)));
}

TEST(digest_tree, one_leaf_is_its_own_root_and_more_are_hashed_behind_a_mark) {
    const sha256_digest a = sha256(as_bytes("a"));
    const sha256_digest b = sha256(as_bytes("b"));
    EXPECT_EQ(digest_tree_root({a}), a);
    EXPECT_EQ(digest_tree_root({}), sha256(bytes_view{}));
    std::string inner(1, '\x01');
    inner += as_text(a);
    inner += as_text(b);
    EXPECT_EQ(digest_tree_root({a, b}), sha256(as_bytes(inner)));
    EXPECT_NE(digest_tree_root({a, b}), digest_tree_root({b, a}));
}

}  // namespace
}  // namespace taicang
