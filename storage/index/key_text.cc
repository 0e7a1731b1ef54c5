#include "storage/index/key_text.h"

namespace taicang::key_text {

void append_escaped(std::string& out, std::string_view text) {
    while (true) {
        const std::size_t zero = text.find('\0');
        if (zero == std::string_view::npos) break;
        out.append(text.substr(0, zero + 1));
        out.push_back(escape);
        text.remove_prefix(zero + 1);
    }
    out.append(text);
}

void append_terminated(std::string& out, std::string_view text) {
    append_escaped(out, text);
    out.append(terminator);
}

bool read_escaped(std::string_view& rest, std::string& text) {
    text.clear();
    while (true) {
        const std::size_t zero = rest.find('\0');
        if (zero == std::string_view::npos || zero + 1 == rest.size()) return false;
        text.append(rest.substr(0, zero));
        const char what = rest[zero + 1];
        rest.remove_prefix(zero + 2);
        if (what == terminator[1]) return true;
        if (what != escape) return false;
        text.push_back('\0');
    }
}

std::optional<std::size_t> terminated_length(std::string_view rest) {
    std::size_t at = 0;
    while (true) {
        at = rest.find('\0', at);
        if (at == std::string_view::npos || at + 1 >= rest.size()) return std::nullopt;
        const char what = rest[at + 1];
        at += 2;
        if (what == terminator[1]) return at;
        if (what != escape) return std::nullopt;
    }
}

std::string successor(std::string prefix) {
    while (!prefix.empty() && prefix.back() == '\xff')
        prefix.pop_back();
    if (!prefix.empty())
        prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
    return prefix;
}

}  // namespace taicang::key_text
