#include "s3gw/api/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include <openssl/evp.h>

#include "storage/base/assert.h"

namespace taicang {

namespace {

constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::int64_t ns_per_second = 1'000'000'000;

struct civil {
    int year = 0;
    unsigned month = 0, day = 0, weekday = 0;
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
    split.weekday = weekday(day).c_encoding();
    split.hour = static_cast<int>(clock.hours().count());
    split.minute = static_cast<int>(clock.minutes().count());
    split.second = static_cast<int>(clock.seconds().count());
    split.millisecond = static_cast<int>(clock.subseconds().count());
    return split;
}

std::optional<int> number(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    int value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < 0)
        return std::nullopt;
    return value;
}

std::optional<unsigned> month_of(std::string_view text) {
    const auto found = std::find(months.begin(), months.end(), text);
    if (found == months.end()) return std::nullopt;
    return static_cast<unsigned>(found - months.begin()) + 1;
}

std::optional<std::int64_t> seconds_of(std::optional<int> year, std::optional<unsigned> month,
                                       std::optional<int> day, std::string_view clock) {
    if (clock.size() != 8 || clock[2] != ':' || clock[5] != ':') return std::nullopt;
    const auto hour = number(clock.substr(0, 2));
    const auto minute = number(clock.substr(3, 2));
    const auto second = number(clock.substr(6, 2));
    if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
    if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    using namespace std::chrono;
    const year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                              std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *year < 1970 || *year > 2200) return std::nullopt;
    const auto days_since = sys_days(date).time_since_epoch().count();
    return (static_cast<std::int64_t>(days_since) * 86400 + *hour * 3600 + *minute * 60 + *second) *
           ns_per_second;
}

}  // namespace

std::string http_date(std::int64_t wall_ns) {
    const civil at = civil_of(wall_ns);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  weekdays[at.weekday], at.day, months[at.month - 1], at.year, at.hour, at.minute,
                  at.second);
    return text.data();
}

std::string iso_date(std::int64_t wall_ns) {
    const civil at = civil_of(wall_ns);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", at.year,
                  at.month, at.day, at.hour, at.minute, at.second, at.millisecond);
    return text.data();
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
    // Wed, 21 Oct 2015 07:28:00 GMT
    if (text.size() == 29 && text[3] == ',' && text.ends_with(" GMT")) {
        return seconds_of(number(text.substr(12, 4)), month_of(text.substr(8, 3)),
                          number(text.substr(5, 2)), text.substr(17, 8));
    }
    // Wednesday, 21-Oct-15 07:28:00 GMT
    const std::size_t comma = text.find(", ");
    if (comma != std::string_view::npos && text.size() == comma + 24 && text.ends_with(" GMT")) {
        const std::string_view rest = text.substr(comma + 2);
        auto year = number(rest.substr(7, 2));
        if (year) *year += *year < 70 ? 2000 : 1900;
        return seconds_of(year, month_of(rest.substr(3, 3)), number(rest.substr(0, 2)),
                          rest.substr(10, 8));
    }
    // Wed Oct 21 07:28:00 2015
    if (text.size() == 24) {
        return seconds_of(number(text.substr(20, 4)), month_of(text.substr(4, 3)),
                          number(text.substr(8, 2)), text.substr(11, 8));
    }
    return std::nullopt;
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
