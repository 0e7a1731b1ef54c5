#include "s3gw/api/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include <openssl/evp.h>

#include "storage/base/assert.h"

namespace taicang {

namespace {

struct civil {
    int year = 0;
    unsigned month = 0, day = 0;
    int hour = 0, minute = 0, second = 0, millisecond = 0;
};

civil civil_of(std::int64_t wall_ns) {
    using namespace std::chrono;
    const sys_time<nanoseconds> at{nanoseconds(wall_ns)};
    const auto day = floor<days>(at);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<milliseconds>(at - day));
    civil split;
    split.year = static_cast<int>(date.year());
    split.month = static_cast<unsigned>(date.month());
    split.day = static_cast<unsigned>(date.day());
    split.hour = static_cast<int>(clock.hours().count());
    split.minute = static_cast<int>(clock.minutes().count());
    split.second = static_cast<int>(clock.seconds().count());
    split.millisecond = static_cast<int>(clock.subseconds().count());
    return split;
}

}  // namespace

std::string iso_date(std::int64_t wall_ns) {
    const civil at = civil_of(wall_ns);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", at.year,
                  at.month, at.day, at.hour, at.minute, at.second, at.millisecond);
    return text.data();
}

std::string base64(std::string_view raw) {
    std::string text((raw.size() + 2) / 3 * 4 + 1, '\0');
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                        reinterpret_cast<const unsigned char*>(raw.data()),
                                        static_cast<int>(raw.size()));
    text.resize(static_cast<std::size_t>(written));
    return text;
}

std::optional<std::string> parse_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0 || text.size() > 4096) return std::nullopt;
    std::string raw(text.size() / 4 * 3, '\0');
    const int read = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(raw.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (read < 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && text[text.size() - 1 - padding] == '=')
        ++padding;
    raw.resize(static_cast<std::size_t>(read) - padding);
    if (base64(raw) != text) return std::nullopt;
    return raw;
}

std::string quoted_etag(std::string_view etag) {
    return "\"" + std::string(etag) + "\"";
}

namespace {
struct checksum_words {
    digest_kind kind;
    std::string_view header, algorithm, element;
    std::size_t bytes;
};
constexpr std::array<checksum_words, 5> words = {{
    {digest_kind::crc32, "crc32", "CRC32", "ChecksumCRC32", 4},
    {digest_kind::crc32c, "crc32c", "CRC32C", "ChecksumCRC32C", 4},
    {digest_kind::crc64nvme, "crc64nvme", "CRC64NVME", "ChecksumCRC64NVME", 8},
    {digest_kind::sha1, "sha1", "SHA1", "ChecksumSHA1", 20},
    {digest_kind::sha256, "sha256", "SHA256", "ChecksumSHA256", 32},
}};
const checksum_words& words_of(digest_kind kind) {
    for (const checksum_words& one : words) {
        if (one.kind == kind) return one;
    }
    TC_ASSERT_WHY(false, "md5 is no checksum of S3's");
    return words[0];
}
}  // namespace

std::string_view checksum_header_word(digest_kind kind) {
    return words_of(kind).header;
}
std::string_view checksum_algorithm_word(digest_kind kind) {
    return words_of(kind).algorithm;
}
std::string_view checksum_element(digest_kind kind) {
    return words_of(kind).element;
}
std::size_t checksum_bytes(digest_kind kind) {
    return words_of(kind).bytes;
}

std::optional<digest_kind> parse_checksum_word(std::string_view word) {
    std::string lower(word);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (const checksum_words& one : words) {
        if (one.header == lower) return one.kind;
    }
    return std::nullopt;
}

}  // namespace taicang
