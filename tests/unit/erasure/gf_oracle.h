// A slow Reed-Solomon codec from first principles, to judge erasure/ by: it shares neither code nor
// tables with ISA-L. Multiplication is long division of polynomials, inversion is a search, systems
// are solved by Gauss-Jordan elimination.
//
// Threads: pure functions. Lifetime: values. Invariant: GF(2^8) with polynomial 0x11d.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace taicang::erasure::oracle {

using bytes = std::vector<std::byte>;

uint8_t multiply(uint8_t a, uint8_t b);
uint8_t inverse(uint8_t a);

// The coefficient that chunk `row` of RS(k,m) takes of data chunk `column`.
uint8_t coefficient(size_t k, size_t row, size_t column);

// All k + m chunks of the data chunks.
std::vector<bytes> encode(size_t k, size_t m, const std::vector<bytes>& data);

// All k + m chunks again from those of `present`; the contents of others are not looked at.
// Nothing when they do not determine the data.
std::optional<std::vector<bytes>> decode(size_t k, size_t m, const std::vector<bytes>& chunks,
                                         uint32_t present);

// `count` chunks of `length` random bytes.
std::vector<bytes> random_chunks(std::mt19937_64& random, size_t count, size_t length);

}  // namespace taicang::erasure::oracle
