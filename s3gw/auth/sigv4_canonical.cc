// The pure half of SigV4: canonical form, string to sign, keys, dates.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include "s3gw/auth/sigv4.h"

namespace taicang {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

constexpr std::array<bool, 256> make_unreserved() {
    std::array<bool, 256> table{};
    for (unsigned c = 'a'; c <= 'z'; ++c)
        table[c] = true;
    for (unsigned c = 'A'; c <= 'Z'; ++c)
        table[c] = true;
    for (unsigned c = '0'; c <= '9'; ++c)
        table[c] = true;
    for (const char c : {'-', '.', '_', '~'})
        table[static_cast<unsigned char>(c)] = true;
    return table;
}
constexpr std::array<bool, 256> unreserved = make_unreserved();

bool is_blank(char c) noexcept {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/// A header's value with the blanks around it gone and those inside it one space each.
void append_trimmed(std::string_view value, std::string& into) {
    bool pending = false;
    bool any = false;
    for (const char c : value) {
        if (is_blank(c)) {
            pending = any;
            continue;
        }
        if (pending) into.push_back(' ');
        pending = false;
        any = true;
        into.push_back(c);
    }
}

void append_query(const http_query& query, bool is_presigned, std::string& into) {
    std::vector<std::pair<std::string, std::string>> encoded;
    encoded.reserve(query.size());
    for (const http_query_item& item : query) {
        if (is_presigned && item.name == "X-Amz-Signature") continue;
        auto& [name, value] = encoded.emplace_back();
        aws_uri_encode(item.name, false, name);
        aws_uri_encode(item.value, false, value);
    }
    std::sort(encoded.begin(), encoded.end());
    bool first = true;
    for (const auto& [name, value] : encoded) {
        if (!first) into.push_back('&');
        first = false;
        into.append(name).append("=").append(value);
    }
}

bool append_header(const http_field_list& headers, std::string_view name, std::string& into) {
    into.append(name).push_back(':');
    bool found = false;
    for (const http_field& field : headers) {
        if (!http_name_equal(field.name, name)) continue;
        if (found) into.push_back(',');
        found = true;
        append_trimmed(field.value, into);
    }
    into.push_back('\n');
    return found;
}

}  // namespace

void aws_uri_encode(std::string_view text, bool keep_slash, std::string& into) {
    static constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (unreserved[byte] || (keep_slash && c == '/')) {
            into.push_back(c);
        } else {
            into.push_back('%');
            into.push_back(digits[byte >> 4]);
            into.push_back(digits[byte & 15]);
        }
    }
}

hmac_sha256_key derive_signing_key(std::string_view secret, std::string_view date,
                                   std::string_view region, std::string_view service) {
    const secret_text start(std::string("AWS4").append(secret));
    const sha256_bytes of_date = hmac_sha256_key(start.reveal()).sign(date);
    const sha256_bytes of_region = hmac_sha256_key(of_date).sign(region);
    const sha256_bytes of_service = hmac_sha256_key(of_region).sign(service);
    return hmac_sha256_key(hmac_sha256_key(of_service).sign("aws4_request"));
}

bool canonical_request(const http_request_head& head, std::string_view signed_headers,
                       std::string_view payload_hash, bool is_presigned, std::string& into) {
    into.clear();
    into.append(head.method_text).push_back('\n');
    aws_uri_encode(head.path, true, into);
    into.push_back('\n');
    if (!head.query.empty()) append_query(head.query, is_presigned, into);
    into.push_back('\n');
    bool all_there = true;
    std::string_view names = signed_headers;
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(';'), names.size());
        all_there = append_header(head.headers, names.substr(0, end), into) && all_there;
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    into.push_back('\n');
    into.append(signed_headers).push_back('\n');
    into.append(payload_hash);
    return all_there;
}

std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                           std::string_view canonical) {
    std::string text;
    text.reserve(160);
    text.append("AWS4-HMAC-SHA256\n").append(amz_date).append("\n").append(scope).append("\n");
    const auto hex = hex_of(sha256_of(canonical));
    return text.append(view_of(hex));
}

std::optional<std::int64_t> parse_amz_date(std::string_view text) noexcept {
    if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t length) -> int {
        int value = 0;
        for (const char c : text.substr(at, length)) {
            if (c < '0' || c > '9') return -1;
            value = value * 10 + (c - '0');
        }
        return value;
    };
    const int year = number(0, 4);
    const int month = number(4, 2);
    const int day = number(6, 2);
    const int hour = number(9, 2);
    const int minute = number(11, 2);
    const int second = number(13, 2);
    if (year < 1970 || year > 2200 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 60) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return ((days * 24 + hour) * 3600 + minute * 60 + second) * second_ns;
}

std::string format_amz_date(std::int64_t wall_ns) {
    const std::chrono::sys_seconds seconds{std::chrono::seconds(wall_ns / second_ns)};
    const auto days = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date{days};
    const std::chrono::hh_mm_ss time{seconds - days};
    std::array<char, 64> text;
    const int length = std::snprintf(
        text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
        static_cast<int>(time.seconds().count()));
    return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace taicang
