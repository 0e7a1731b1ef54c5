#include "tests/unit/erasure/gf_oracle.h"

#include <utility>

namespace taicang::erasure::oracle {

uint8_t multiply(uint8_t a, uint8_t b) {
    unsigned product = 0;
    for (unsigned bit = 0; bit < 8; ++bit) {
        if ((b >> bit & 1) != 0) product ^= unsigned{a} << bit;
    }
    for (unsigned bit = 14; bit >= 8; --bit) {
        if ((product >> bit & 1) != 0) product ^= 0x11du << (bit - 8);
    }
    return static_cast<uint8_t>(product);
}

uint8_t inverse(uint8_t a) {
    for (unsigned b = 1; b < 256; ++b) {
        if (multiply(a, static_cast<uint8_t>(b)) == 1) return static_cast<uint8_t>(b);
    }
    return 0;
}

uint8_t coefficient(size_t k, size_t row, size_t column) {
    if (row < k) return row == column ? 1 : 0;
    return inverse(static_cast<uint8_t>(row ^ column));
}

namespace {

// target += factor * source
void add_multiple(bytes& target, uint8_t factor, const bytes& source) {
    if (factor == 0) return;
    for (size_t i = 0; i < target.size(); ++i) {
        target[i] ^= std::byte{multiply(factor, std::to_integer<uint8_t>(source[i]))};
    }
}

void scale(bytes& target, uint8_t factor) {
    for (std::byte& b : target)
        b = std::byte{multiply(factor, std::to_integer<uint8_t>(b))};
}

}  // namespace

std::vector<bytes> encode(size_t k, size_t m, const std::vector<bytes>& data) {
    std::vector<bytes> chunks = data;
    for (size_t row = k; row < k + m; ++row) {
        bytes parity(data[0].size());
        for (size_t column = 0; column < k; ++column) {
            add_multiple(parity, coefficient(k, row, column), data[column]);
        }
        chunks.push_back(std::move(parity));
    }
    return chunks;
}

std::optional<std::vector<bytes>> decode(size_t k, size_t m, const std::vector<bytes>& chunks,
                                         uint32_t present) {
    // One equation a present chunk, highest index first (the product prefers the lowest): left side
    // the coefficients, right side the chunk's bytes.
    std::vector<bytes> left;
    std::vector<bytes> right;
    for (size_t row = k + m; row-- > 0;) {
        if ((present >> row & 1) == 0) continue;
        bytes equation(k);
        for (size_t column = 0; column < k; ++column) {
            equation[column] = std::byte{coefficient(k, row, column)};
        }
        left.push_back(std::move(equation));
        right.push_back(chunks[row]);
    }
    for (size_t column = 0; column < k; ++column) {
        size_t pivot = column;
        while (pivot < left.size() && left[pivot][column] == std::byte{0})
            ++pivot;
        if (pivot >= left.size()) return std::nullopt;
        std::swap(left[column], left[pivot]);
        std::swap(right[column], right[pivot]);
        const uint8_t factor = inverse(std::to_integer<uint8_t>(left[column][column]));
        scale(left[column], factor);
        scale(right[column], factor);
        for (size_t row = 0; row < left.size(); ++row) {
            const auto times = std::to_integer<uint8_t>(left[row][column]);
            if (row == column || times == 0) continue;
            add_multiple(left[row], times, left[column]);
            add_multiple(right[row], times, right[column]);
        }
    }
    right.resize(k);
    return encode(k, m, right);
}

std::vector<bytes> random_chunks(std::mt19937_64& random, size_t count, size_t length) {
    std::vector<bytes> chunks(count, bytes(length));
    for (bytes& chunk : chunks) {
        for (std::byte& b : chunk)
            b = static_cast<std::byte>(random());
    }
    return chunks;
}

}  // namespace taicang::erasure::oracle
