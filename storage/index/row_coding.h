// What the row codecs share: versions, limits, counts that cannot make a decoder allocate beyond
// its input, and the one way a decoder ends. Internal to the index room. Pure functions; any
// thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/base/result.h"

namespace taicang::row_coding {

/// Format version of every kind of row now. Version 1 tolerates no bytes behind its last field.
inline constexpr std::uint8_t row_version = 1;

/// Longest single text in a row (header values, metadata, names).
inline constexpr std::size_t text_bytes_max = 64 * limits::kib;

inline error unknown_version(std::string_view what, std::uint8_t found) {
    return error(errc::version_unsupported,
                 std::string(what) + " has format version " + std::to_string(found) +
                     ", this build knows " + std::to_string(row_version) +
                     ": it was written by a newer release, run that one");
}

inline error malformed(std::string_view what) {
    return error(errc::corrupt,
                 std::string(what) + " is malformed: its bytes are not what an encoder writes");
}

/// Opens a row: checks the version.
inline result<void> open_row(decoder& in, std::string_view what) {
    const std::uint8_t version = in.u8();
    if (!in.ok()) return malformed(what);
    if (version != row_version) return unknown_version(what, version);
    return ok();
}

/// A count of items that take at least `item_bytes_min` bytes each; fails when they cannot all be
/// there.
inline std::size_t count(decoder& in, std::size_t item_bytes_min) {
    const std::uint64_t items = in.varint();
    if (!in.ok() || items > in.left() / item_bytes_min) {
        in.fail();
        return 0;
    }
    return static_cast<std::size_t>(items);
}

inline std::string text(decoder& in) {
    return std::string(in.text(text_bytes_max));
}

/// A varint that must fit a narrower number.
template <class T>
T narrow(decoder& in) {
    const std::uint64_t value = in.varint();
    if (value > static_cast<std::uint64_t>(static_cast<T>(~T{0}))) {
        in.fail();
        return T{0};
    }
    return static_cast<T>(value);
}

/// An enumerator up to and including `last`.
template <class E>
E enumerator(decoder& in, E first, E last) {
    const std::uint8_t value = in.u8();
    if (value < static_cast<std::uint8_t>(first) || value > static_cast<std::uint8_t>(last)) {
        in.fail();
        return first;
    }
    return static_cast<E>(value);
}

/// Flags of which only those in `known` may be set.
inline std::uint8_t flags(decoder& in, std::uint8_t known) {
    const std::uint8_t value = in.u8();
    if ((value & static_cast<std::uint8_t>(~known)) != 0) in.fail();
    return value;
}

inline sha256_digest digest(decoder& in) {
    sha256_digest out{};
    const bytes_view view = in.raw(out.size());
    if (view.size() == out.size()) std::copy(view.begin(), view.end(), out.begin());
    return out;
}

}  // namespace taicang::row_coding
