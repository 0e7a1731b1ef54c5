#include "erasure/coding_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

#include <isa-l/erasure_code.h>

#include "erasure/limits.h"

namespace taicang::erasure {
namespace {

// ISA-L expands a coefficient into two 16-entry tables, one a nibble.
constexpr size_t table_bytes_per_coefficient = 32;

size_t choose_sub_block_bytes(size_t chunks) {
    const size_t share = std::bit_floor(sub_block_working_set_bytes / std::max<size_t>(chunks, 1));
    return std::clamp(share, sub_block_bytes_min, sub_block_bytes_max);
}

template <typename Pointer>
bool any_null(std::span<Pointer const> chunks) {
    return std::any_of(chunks.begin(), chunks.end(), [](auto p) { return p == nullptr; });
}

}  // namespace

coding_table::coding_table(size_t rows, size_t columns, std::span<const uint8_t> matrix)
    : rows_(rows),
      columns_(columns),
      sub_block_bytes_(choose_sub_block_bytes(rows + columns)),
      tables_(rows * columns * table_bytes_per_coefficient) {
    if (rows > chunks_max || columns > chunks_max || matrix.size() != rows * columns) std::abort();
    if (rows == 0) return;
    // ISA-L's interface lacks const; it only reads the matrix.
    ec_init_tables(static_cast<int>(columns), static_cast<int>(rows),
                   const_cast<uint8_t*>(matrix.data()), tables_.data());
}

result<void> coding_table::apply(std::span<const std::byte* const> inputs,
                                 std::span<std::byte* const> outputs, size_t length) const {
    if (inputs.size() != columns_ || outputs.size() != rows_) return error::chunk_count;
    if (length == 0 || rows_ == 0) return {};
    if (any_null(inputs) || any_null(outputs)) return error::null_chunk;

    std::array<uint8_t*, chunks_max> in;
    std::array<uint8_t*, chunks_max> out;
    // The kernels never write through their inputs; only their signature lacks const.
    for (size_t c = 0; c < columns_; ++c) {
        in[c] = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(inputs[c]));
    }
    for (size_t r = 0; r < rows_; ++r)
        out[r] = reinterpret_cast<uint8_t*>(outputs[r]);

    // ISA-L makes several passes over all inputs when there are more rows than its widest kernel
    // has (4 to 6): sub-blocks keep the inputs of the later passes in cache. They also keep each
    // call's length within an int.
    for (size_t done = 0; done < length;) {
        const size_t step = std::min(sub_block_bytes_, length - done);
        ec_encode_data(static_cast<int>(step), static_cast<int>(columns_), static_cast<int>(rows_),
                       const_cast<uint8_t*>(tables_.data()), in.data(), out.data());
        for (size_t c = 0; c < columns_; ++c)
            in[c] += step;
        for (size_t r = 0; r < rows_; ++r)
            out[r] += step;
        done += step;
    }
    return {};
}

}  // namespace taicang::erasure
