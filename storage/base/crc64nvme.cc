#include "storage/base/crc64nvme.h"

#include <array>

namespace taicang {

namespace {

constexpr std::size_t slices = 16;
constexpr std::uint64_t reflected_polynomial = 0x9a6c9329ac4bc9b5ULL;

using tables = std::array<std::array<std::uint64_t, 256>, slices>;

constexpr tables make_tables() {
    tables made{};
    for (std::uint64_t byte = 0; byte < 256; ++byte) {
        std::uint64_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ reflected_polynomial : crc >> 1;
        }
        made[0][byte] = crc;
    }
    // made[n][b] is the CRC of byte b followed by n zero bytes.
    for (std::size_t slice = 1; slice < slices; ++slice) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint64_t before = made[slice - 1][byte];
            made[slice][byte] = made[0][before & 0xff] ^ (before >> 8);
        }
    }
    return made;
}

constexpr tables table = make_tables();

/// CRC of the eight bytes of `word`, of which the last is followed by `after` more bytes.
inline std::uint64_t fold(std::uint64_t word, std::size_t after) noexcept {
    std::uint64_t crc = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        crc ^= table[after + 7 - i][(word >> (8 * i)) & 0xff];
    }
    return crc;
}

}  // namespace

std::uint64_t crc64nvme(bytes_view bytes, std::uint64_t seed) noexcept {
    std::uint64_t crc = ~seed;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    while (left >= slices) {
        crc = fold(load_le<std::uint64_t>(at) ^ crc, 8) ^ fold(load_le<std::uint64_t>(at + 8), 0);
        at += slices;
        left -= slices;
    }
    for (; left != 0; --left, ++at) {
        crc = table[0][(crc ^ std::to_integer<std::uint64_t>(*at)) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}

}  // namespace taicang
