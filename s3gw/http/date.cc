#include "s3gw/http/date.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

namespace taicang {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::array<std::string_view, 7> week_days = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<unsigned> number(std::string_view text) noexcept {
    if (text.empty() || text.size() > 4) return std::nullopt;
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    std::size_t at = 0;
    while ((at = text.find_first_not_of(" ,-", at)) != std::string_view::npos) {
        const std::size_t end = std::min(text.find_first_of(" ,-", at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

std::optional<std::int64_t> compose(std::optional<unsigned> year, std::string_view month_name,
                                    std::optional<unsigned> day, std::string_view time) {
    unsigned month = 0;
    while (month < 12 && months[month] != month_name)
        ++month;
    if (month == 12 || !year || !day || time.size() != 8 || time[2] != ':' || time[5] != ':') {
        return std::nullopt;
    }
    const auto hour = number(time.substr(0, 2));
    const auto minute = number(time.substr(3, 2));
    const auto second = number(time.substr(6, 2));
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(month + 1), std::chrono::day(*day)};
    if (!date.ok() || !hour || *hour > 23 || !minute || *minute > 59 || !second || *second > 60) {
        return std::nullopt;
    }
    // The range of int64 ns ends in 2262.
    if (*year < 1900 || *year > 2200) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return ((days * 24 + *hour) * 3600 + *minute * 60 + *second) * second_ns;
}

}  // namespace

std::string format_http_date(std::int64_t wall_ns) {
    const std::chrono::sys_seconds seconds{std::chrono::seconds(wall_ns / second_ns)};
    const auto days = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date{days};
    const std::chrono::hh_mm_ss time{seconds - days};
    const auto week_day = week_days[std::chrono::weekday(days).c_encoding()];
    const auto month = months[static_cast<unsigned>(date.month()) - 1];
    std::array<char, 64> text;
    const int length = std::snprintf(
        text.data(), text.size(), "%.3s, %02u %.3s %04d %02d:%02d:%02d GMT", week_day.data(),
        static_cast<unsigned>(date.day()), month.data(), static_cast<int>(date.year()),
        static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
        static_cast<int>(time.seconds().count()));
    return std::string(text.data(), static_cast<std::size_t>(length));
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
    const auto words = words_of(text);
    // asctime: Fri May 24 00:00:00 2013
    if (words.size() == 5) {
        return compose(number(words[4]), words[1], number(words[2]), words[3]);
    }
    if (words.size() != 6 || (words[5] != "GMT" && words[5] != "UTC")) return std::nullopt;
    auto year = number(words[3]);
    // RFC 850 has two digits of the year, of the century that makes it nearest.
    if (year && words[3].size() == 2) year = *year + (*year < 70 ? 2000 : 1900);
    return compose(year, words[2], number(words[1]), words[4]);
}

}  // namespace taicang
