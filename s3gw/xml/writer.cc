#include "s3gw/xml/writer.h"

#include <array>
#include <charconv>

#include "storage/base/assert.h"

namespace taicang {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

void append_reference(unsigned code, std::string& into) {
    std::array<char, 8> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), code, 16);
    into.append("&#x").append(digits.data(), end.ptr).append(";");
}

bool is_continuation(std::string_view text, std::size_t at) noexcept {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

/// Length of the well-formed UTF-8 character at `at` (Unicode 15, table 3-7), 0 when it is none.
std::size_t character_bytes(std::string_view text, std::size_t at) noexcept {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) return 1;
    std::size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    if (at + 1 >= text.size()) return 0;
    const auto second = static_cast<unsigned char>(text[at + 1]);
    if (second < low || second > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if (!is_continuation(text, at + i)) return 0;
    }
    return length;
}

/// Whether a byte goes through unchanged wherever it stands.
bool is_plain(unsigned char c) noexcept {
    return c >= 0x20 && c < 0x7F && c != '&' && c != '<' && c != '>' && c != '"' && c != '\'';
}

}  // namespace

void xml_escape(std::string_view text, std::string& into) {
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t end = at;
        while (end < text.size() && is_plain(static_cast<unsigned char>(text[end])))
            ++end;
        into.append(text.substr(at, end - at));
        at = end;
        if (at == text.size()) return;
        const auto c = static_cast<unsigned char>(text[at]);
        const std::size_t length = character_bytes(text, at);
        if (length == 0) {
            into.append(replacement);
            ++at;
            continue;
        }
        const std::string_view character = text.substr(at, length);
        at += length;
        switch (c) {
            case '&':
                into.append("&amp;");
                continue;
            case '<':
                into.append("&lt;");
                continue;
            case '>':
                into.append("&gt;");
                continue;
            case '"':
                into.append("&quot;");
                continue;
            case '\'':
                into.append("&#39;");
                continue;
            default:
                break;
        }
        if (c < 0x20 || c == 0x7F) {
            // CR, LF and TAB too: a parser would fold them, and a key must come back as it is.
            append_reference(c, into);
        } else if (character == "\xEF\xBF\xBE") {
            append_reference(0xFFFE, into);
        } else if (character == "\xEF\xBF\xBF") {
            append_reference(0xFFFF, into);
        } else {
            into.append(character);
        }
    }
}

std::string s3_url_encode_key(std::string_view key) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(key.size());
    for (const char c : key) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_' || c == '.' || c == '*' || c == '/') {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(digits[byte >> 4]);
            out.push_back(digits[byte & 15]);
        }
    }
    return out;
}

xml_writer::xml_writer(std::string& into) : out_(into) {
    out_.append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

xml_writer& xml_writer::open(std::string_view name) {
    out_.append("<").append(name).append(">");
    open_.push_back(name);
    return *this;
}

xml_writer& xml_writer::open_s3(std::string_view name) {
    out_.append("<").append(name);
    out_.append(" xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    open_.push_back(name);
    return *this;
}

xml_writer& xml_writer::open_typed(std::string_view name, std::string_view xsi_type) {
    out_.append("<").append(name);
    out_.append(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"");
    xml_escape(xsi_type, out_);
    out_.append("\">");
    open_.push_back(name);
    return *this;
}

xml_writer& xml_writer::close() {
    TC_ASSERT_WHY(!open_.empty(), "more elements closed than opened");
    out_.append("</").append(open_.back()).append(">");
    open_.pop_back();
    return *this;
}

xml_writer& xml_writer::element(std::string_view name, std::string_view text) {
    out_.append("<").append(name).append(">");
    xml_escape(text, out_);
    out_.append("</").append(name).append(">");
    return *this;
}

xml_writer& xml_writer::element(std::string_view name, std::uint64_t value) {
    return element(name, std::string_view(std::to_string(value)));
}

xml_writer& xml_writer::element(std::string_view name, bool value) {
    return element(name, std::string_view(value ? "true" : "false"));
}

xml_writer& xml_writer::empty(std::string_view name) {
    out_.append("<").append(name).append("/>");
    return *this;
}

}  // namespace taicang
