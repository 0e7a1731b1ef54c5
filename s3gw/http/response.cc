#include "s3gw/http/response.h"

#include <array>
#include <charconv>

#include "s3gw/http/date.h"
#include "storage/base/assert.h"
#include "storage/base/executor.h"

namespace taicang {

namespace {

void append_number(std::uint64_t value, std::string& into) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    into.append(digits.data(), end.ptr);
}

bool is_token(std::string_view name) noexcept {
    for (const char c : name) {
        if (c <= ' ' || c >= 0x7f || c == ':') return false;
    }
    return !name.empty();
}

bool is_the_sessions(std::string_view name) noexcept {
    switch (name.size()) {
        case 4:
            return http_name_equal(name, "date");
        case 10:
            return http_name_equal(name, "connection");
        case 14:
            return http_name_equal(name, "content-length");
        case 17:
            return http_name_equal(name, "transfer-encoding");
        default:
            return false;
    }
}

}  // namespace

void http_response_headers::add(std::string_view name, std::string_view value) {
    TC_ASSERT_WHY(is_token(name), "a header's name must be a token");
    TC_ASSERT_WHY(!is_the_sessions(name), "this header is the session's to write");
    lines_.append(name).append(": ");
    const std::size_t begin = lines_.size();
    lines_.append(value);
    for (std::size_t i = begin; i < lines_.size(); ++i) {
        const auto c = static_cast<unsigned char>(lines_[i]);
        if (c < 0x20 || c == 0x7f) lines_[i] = ' ';
    }
    lines_.append("\r\n");
}

void http_response_headers::add(std::string_view name, std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    add(name, std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data())));
}

void http_response_headers::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

void http_response_headers::remove(std::string_view name) {
    std::size_t at = 0;
    while (at < lines_.size()) {
        const std::size_t end = lines_.find("\r\n", at) + 2;
        const std::size_t colon = lines_.find(':', at);
        if (http_name_equal(std::string_view(lines_).substr(at, colon - at), name)) {
            lines_.erase(at, end - at);
        } else {
            at = end;
        }
    }
}

std::optional<std::string_view> http_response_headers::find(std::string_view name) const noexcept {
    const std::string_view lines = lines_;
    std::size_t at = 0;
    while (at < lines.size()) {
        const std::size_t end = lines.find("\r\n", at);
        const std::size_t colon = lines.find(':', at);
        if (http_name_equal(lines.substr(at, colon - at), name)) {
            return lines.substr(colon + 2, end - colon - 2);
        }
        at = end + 2;
    }
    return std::nullopt;
}

std::string_view http_reason(unsigned status) noexcept {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return "Unknown";
    }
}

std::string_view http_date_cache::at(std::int64_t wall_ns) {
    const std::int64_t second = wall_ns / one_second;
    if (second != second_) {
        second_ = second;
        text_ = format_http_date(wall_ns);
    }
    return text_;
}

void serialize_head(const http_response& response, const http_framing& framing,
                    std::string_view date, std::string& into) {
    into.assign("HTTP/1.1 ");
    append_number(response.status, into);
    into.append(" ").append(http_reason(response.status)).append("\r\n");
    into.append(response.headers.lines());
    if (framing.length) {
        into.append("Content-Length: ");
        append_number(*framing.length, into);
        into.append("\r\n");
    }
    if (framing.is_chunked) into.append("Transfer-Encoding: chunked\r\n");
    if (framing.says_close) into.append("Connection: close\r\n");
    into.append("Date: ").append(date).append("\r\n\r\n");
}

}  // namespace taicang
