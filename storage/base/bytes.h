// Bytes and their little-endian coding. An encoder appends to a string; a decoder reads a view and
// remembers failure, so that a format's reader can decode everything and check once. Threads: as
// safe as the values. Lifetime: a decoder borrows its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace taicang {

using bytes_view = std::span<const std::byte>;
using bytes_span = std::span<std::byte>;

inline bytes_view as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(bytes_view bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Stores an unsigned integer little-endian at `into` (which has room).
template <class T>
requires std::is_unsigned_v<T>
void store_le(std::byte* into, T value) noexcept {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        into[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
    }
}
template <class T>
requires std::is_unsigned_v<T>
[[nodiscard]] T load_le(const std::byte* from) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value |= static_cast<std::uint64_t>(std::to_integer<std::uint8_t>(from[i])) << (8 * i);
    }
    return static_cast<T>(value);
}

/// Appends values to a string in little-endian form.
class encoder {
  public:
    explicit encoder(std::string& out) noexcept : out_(out) {}
    void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
    void u16(std::uint16_t v) { fixed(v); }
    void u32(std::uint32_t v) { fixed(v); }
    void u64(std::uint64_t v) { fixed(v); }
    void i64(std::int64_t v) { fixed(static_cast<std::uint64_t>(v)); }
    /// LEB128, at most 10 bytes.
    void varint(std::uint64_t v) {
        while (v >= 0x80) {
            u8(static_cast<std::uint8_t>(v | 0x80));
            v >>= 7;
        }
        u8(static_cast<std::uint8_t>(v));
    }
    void raw(bytes_view bytes) { out_.append(as_text(bytes)); }
    /// varint length, then the bytes.
    void text(std::string_view v) {
        varint(v.size());
        out_.append(v);
    }

  private:
    template <class T>
    void fixed(T v) {
        std::byte buffer[sizeof(T)];
        store_le(buffer, v);
        raw(buffer);
    }
    std::string& out_;
};

/// Reads what encoder wrote. After a failure every read gives zero and ok() is false.
class decoder {
  public:
    explicit decoder(bytes_view in) noexcept : in_(in) {}
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] std::size_t left() const noexcept { return in_.size() - at_; }
    [[nodiscard]] std::size_t position() const noexcept { return at_; }
    /// True when all was read and nothing failed.
    [[nodiscard]] bool finished() const noexcept { return ok_ && at_ == in_.size(); }
    void fail() noexcept { ok_ = false; }

    std::uint8_t u8() { return fixed<std::uint8_t>(); }
    std::uint16_t u16() { return fixed<std::uint16_t>(); }
    std::uint32_t u32() { return fixed<std::uint32_t>(); }
    std::uint64_t u64() { return fixed<std::uint64_t>(); }
    std::int64_t i64() { return static_cast<std::int64_t>(fixed<std::uint64_t>()); }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t byte = u8();
            if (!ok_) return 0;
            if (shift == 63 && byte > 1) break;
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) return value;
        }
        ok_ = false;
        return 0;
    }
    bytes_view raw(std::size_t length) {
        if (!ok_ || length > left()) {
            ok_ = false;
            return {};
        }
        const bytes_view view = in_.subspan(at_, length);
        at_ += length;
        return view;
    }
    /// A string of at most `most` bytes.
    std::string_view text(std::size_t most) {
        const std::uint64_t length = varint();
        if (!ok_ || length > most || length > left()) {
            ok_ = false;
            return {};
        }
        return as_text(raw(static_cast<std::size_t>(length)));
    }

  private:
    template <class T>
    T fixed() {
        const bytes_view view = raw(sizeof(T));
        return view.size() == sizeof(T) ? load_le<T>(view.data()) : T{0};
    }
    bytes_view in_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

/// Lower-case hex.
std::string to_hex(bytes_view bytes);
/// `length` rounded up to a multiple of `unit` (a power of two or not).
constexpr std::uint64_t round_up(std::uint64_t length, std::uint64_t unit) noexcept {
    return (length + unit - 1) / unit * unit;
}
constexpr std::uint64_t round_down(std::uint64_t length, std::uint64_t unit) noexcept {
    return length / unit * unit;
}

}  // namespace taicang
