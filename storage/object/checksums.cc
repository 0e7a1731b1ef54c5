#include "storage/object/checksums.h"

#include <optional>

#include "storage/base/assert.h"

namespace taicang {
namespace {

constexpr std::size_t md5_bytes = 16;

std::optional<unsigned> hex_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    return std::nullopt;
}

bool append_md5(std::string_view hex, std::string& bytes) {
    if (hex.size() != 2 * md5_bytes) return false;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const auto high = hex_value(hex[i]);
        const auto low = hex_value(hex[i + 1]);
        if (!high || !low) return false;
        bytes.push_back(static_cast<char>(*high << 4 | *low));
    }
    return true;
}

content_digests digest_of(digest_kind kind, std::string_view bytes) {
    return digests_of(digest_set().add(kind), as_bytes(bytes));
}

/// Product of two reflected polynomials modulo a third; the top bit of `width` is x^0.
std::uint64_t multiply(std::uint64_t a, std::uint64_t b, unsigned width, std::uint64_t polynomial) {
    std::uint64_t product = 0;
    for (std::uint64_t bit = std::uint64_t{1} << (width - 1); bit != 0; bit >>= 1) {
        if ((a & bit) != 0) product ^= b;
        b = (b & 1) != 0 ? (b >> 1) ^ polynomial : b >> 1;
    }
    return product;
}

/// x^exponent modulo the polynomial.
std::uint64_t power_of_x(std::uint64_t exponent, unsigned width, std::uint64_t polynomial) {
    std::uint64_t power = std::uint64_t{1} << (width - 1);
    std::uint64_t square = std::uint64_t{1} << (width - 2);
    for (; exponent != 0; exponent >>= 1) {
        if ((exponent & 1) != 0) power = multiply(power, square, width, polynomial);
        square = multiply(square, square, width, polynomial);
    }
    return power;
}

}  // namespace

std::string multipart_etag(const std::vector<std::string>& part_etags) {
    std::string bytes;
    bytes.reserve(part_etags.size() * md5_bytes);
    for (const std::string& etag : part_etags) {
        if (!append_md5(etag, bytes)) return {};
    }
    const content_digests found = digest_of(digest_kind::md5, bytes);
    return to_hex(as_bytes(found.md5)) + "-" + std::to_string(part_etags.size());
}

std::string composite_checksum(digest_kind kind, const std::vector<std::string>& values) {
    std::string bytes;
    for (const std::string& value : values)
        bytes += value;
    return digest_of(kind, bytes).of(kind);
}

bool is_combinable(digest_kind kind) {
    return kind == digest_kind::crc32 || kind == digest_kind::crc32c ||
           kind == digest_kind::crc64nvme;
}

crc_combiner::crc_combiner(digest_kind kind) {
    TC_ASSERT(is_combinable(kind));
    width_ = kind == digest_kind::crc64nvme ? 64 : 32;
    if (kind == digest_kind::crc32) polynomial_ = 0xedb88320U;
    if (kind == digest_kind::crc32c) polynomial_ = 0x82f63b78U;
    if (kind == digest_kind::crc64nvme) polynomial_ = 0x9a6c9329ac4bc9b5ULL;
}

void crc_combiner::append(const std::string& value, std::uint64_t length) {
    TC_ASSERT(value.size() * 8 == width_);
    std::uint64_t next = 0;
    for (const char byte : value)
        next = next << 8 | static_cast<unsigned char>(byte);
    if (length != shift_length_) {
        shift_ = power_of_x(8 * length, width_, polynomial_);
        shift_length_ = length;
    }
    // Of no bytes before there is nothing to shift: the CRC of nothing is 0.
    crc_ = (length == 0 ? crc_ : multiply(shift_, crc_, width_, polynomial_)) ^ next;
}

std::string crc_combiner::value() const {
    std::string bytes;
    for (unsigned shift = width_; shift != 0; shift -= 8)
        bytes.push_back(static_cast<char>(crc_ >> (shift - 8)));
    return bytes;
}

}  // namespace taicang
