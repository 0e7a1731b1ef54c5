#include "s3gw/http/head.h"

#include <algorithm>

namespace taicang {

namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

bool http_name_equal(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

std::optional<std::string_view> http_field_list::find(std::string_view name) const noexcept {
    for (const http_field& field : fields_) {
        if (http_name_equal(field.name, name)) return field.value;
    }
    return std::nullopt;
}

std::size_t http_field_list::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (const http_field& field : fields_) {
        if (http_name_equal(field.name, name)) ++found;
    }
    return found;
}

const http_query_item* http_query::find(std::string_view name) const noexcept {
    for (const http_query_item& item : items_) {
        if (item.name == name) return &item;
    }
    return nullptr;
}

std::string_view http_query::get(std::string_view name) const noexcept {
    const http_query_item* item = find(name);
    return item == nullptr ? std::string_view{} : std::string_view(item->value);
}

void http_request_head::clear() noexcept {
    method = http_method::other;
    method_text = target = raw_path = raw_query = {};
    path.clear();
    query.clear();
    headers.clear();
    version = 11;
    content_length.reset();
    is_chunked = false;
    keep_alive = true;
    expects_continue = false;
}

bool percent_decode(std::string_view text, bool plus_is_space, std::string& into) {
    into.clear();
    into.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%') {
            if (text.size() - i < 3) return false;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return false;
            into.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            into.push_back(plus_is_space && c == '+' ? ' ' : c);
        }
    }
    return true;
}

bool parse_query(std::string_view raw, std::size_t items_max, http_query& into) {
    into.clear();
    while (!raw.empty()) {
        const std::size_t end = std::min(raw.find('&'), raw.size());
        const std::string_view part = raw.substr(0, end);
        raw.remove_prefix(std::min(end + 1, raw.size()));
        if (part.empty()) continue;
        if (into.size() == items_max) return false;
        const std::size_t equals = part.find('=');
        http_query_item item;
        item.has_value = equals != std::string_view::npos;
        if (!percent_decode(part.substr(0, equals), true, item.name)) return false;
        if (item.has_value && !percent_decode(part.substr(equals + 1), true, item.value)) {
            return false;
        }
        into.add(std::move(item));
    }
    return true;
}

}  // namespace taicang
