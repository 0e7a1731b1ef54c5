#include "erasure/reed_solomon.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>

#include <isa-l/erasure_code.h>

namespace taicang::erasure {
namespace {

// Codes are few and small, and every stripe asks for one: each is built once and kept.
struct code_registry {
    std::mutex mutex;
    std::array<std::shared_ptr<const reed_solomon>, (chunks_max + 1) * (chunks_max + 1)> codes;
};

code_registry& registry() {
    // Never destroyed: threads that outlive main() may still code.
    static code_registry* const instance = new code_registry;
    return *instance;
}

std::vector<uint8_t> chunks_of(chunk_mask mask, size_t count_max) {
    std::vector<uint8_t> chunks;
    for (; mask != 0 && chunks.size() < count_max; mask &= mask - 1) {
        chunks.push_back(static_cast<uint8_t>(std::countr_zero(mask)));
    }
    return chunks;
}

}  // namespace

reed_solomon::reed_solomon(size_t k, size_t m, std::vector<uint8_t> matrix)
    : k_(k),
      m_(m),
      matrix_(std::move(matrix)),
      parity_table_(m, k, std::span(matrix_).subspan(k * k)) {}

result<std::shared_ptr<const reed_solomon>> reed_solomon::create(size_t k, size_t m) {
    if (k < 1 || k > chunks_max || m > chunks_max - k) return error::invalid_code;
    code_registry& known = registry();
    const std::lock_guard lock(known.mutex);
    std::shared_ptr<const reed_solomon>& code = known.codes[k * (chunks_max + 1) + m];
    if (!code) {
        std::vector<uint8_t> matrix((k + m) * k);
        gf_gen_cauchy1_matrix(matrix.data(), static_cast<int>(k + m), static_cast<int>(k));
        code.reset(new reed_solomon(k, m, std::move(matrix)));
    }
    return code;
}

chunk_mask reed_solomon::all_chunks() const {
    return static_cast<chunk_mask>((uint64_t{1} << n()) - 1);
}

result<void> reed_solomon::encode(std::span<const std::byte* const> data,
                                  std::span<std::byte* const> parity, size_t length) const {
    return parity_table_.apply(data, parity, length);
}

result<std::shared_ptr<const repair_plan>> reed_solomon::plan_repair(chunk_mask present,
                                                                     chunk_mask wanted) const {
    if (((present | wanted) & ~all_chunks()) != 0) return error::chunk_index;
    if (wanted == 0) return error::nothing_wanted;
    std::vector<uint8_t> sources = chunks_of(present & ~wanted, k_);
    if (sources.size() < k_) return error::not_recoverable;
    std::vector<uint8_t> outputs = chunks_of(wanted, chunks_max);

    // sources = picked x data, hence data = inverse x sources.
    std::vector<uint8_t> picked(k_ * k_);
    for (size_t row = 0; row < k_; ++row) {
        std::copy_n(matrix_.begin() + static_cast<ptrdiff_t>(sources[row] * k_), k_,
                    picked.begin() + static_cast<ptrdiff_t>(row * k_));
    }
    std::vector<uint8_t> inverse(k_ * k_);
    // Every square part of identity over Cauchy is invertible; if not, the matrix was overwritten.
    if (gf_invert_matrix(picked.data(), inverse.data(), static_cast<int>(k_)) != 0) std::abort();

    // output = its row of the code's matrix x data = (row x inverse) x sources. For a data chunk
    // the row is a unit vector, so this is the row of the inverse.
    std::vector<uint8_t> decode(outputs.size() * k_);
    for (size_t out = 0; out < outputs.size(); ++out) {
        for (size_t column = 0; column < k_; ++column) {
            uint8_t sum = 0;
            for (size_t i = 0; i < k_; ++i) {
                sum = static_cast<uint8_t>(
                    sum ^ gf_mul(matrix_[outputs[out] * k_ + i], inverse[i * k_ + column]));
            }
            decode[out * k_ + column] = sum;
        }
    }
    return std::make_shared<const repair_plan>(std::move(sources), std::move(outputs), decode);
}

}  // namespace taicang::erasure
