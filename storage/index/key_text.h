// How text and numbers are laid in keys so that byte order is their order: big-endian numbers; text
// with 00 escaped to 00 ff and ended by 00 01. Shared by keys.cc and RocksDB's prefix extractor,
// which must agree on where a key's text ends. Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace taicang::key_text {

inline constexpr std::string_view terminator{"\0\x01", 2};
inline constexpr char escape = '\xff';

template <class T>
requires std::is_unsigned_v<T>
void append_number(std::string& out, T value) {
    std::array<char, sizeof(T)> bytes;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes[i] = static_cast<char>(value >> (8 * (sizeof(T) - 1 - i)));
    }
    out.append(bytes.data(), bytes.size());
}

/// Takes a number off the front; false when too few bytes are left.
template <class T>
requires std::is_unsigned_v<T>
bool read_number(std::string_view& rest, T& value) {
    if (rest.size() < sizeof(T)) return false;
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        number = number << 8 | static_cast<unsigned char>(rest[i]);
    }
    value = static_cast<T>(number);
    rest.remove_prefix(sizeof(T));
    return true;
}

/// Appends text with its zero bytes escaped, no terminator.
void append_escaped(std::string& out, std::string_view text);
/// The same with the terminator.
void append_terminated(std::string& out, std::string_view text);
/// Takes terminated text off the front; false when it is not well-formed.
bool read_escaped(std::string_view& rest, std::string& text);
/// Length of terminated text at the front, terminator included; empty when there is no terminator.
std::optional<std::size_t> terminated_length(std::string_view rest);
/// The smallest string above every string that begins with `prefix`; empty when there is none (all
/// bytes ff).
std::string successor(std::string prefix);

}  // namespace taicang::key_text
