#include "storage/stripe/run_encoder.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "storage/base/digest.h"

namespace taicang {

namespace {

constexpr std::uint32_t block = limits::block_bytes;

/// One encoding in progress: small steps over cache-sized sub-blocks.
class encoding {
  public:
    encoding(const run_plan& plan, const erasure::reed_solomon& code, bytes_view data,
             std::vector<buffer>& chunks)
        : layout_(plan.layout), header_(plan.header), code_(code), data_(data), chunks_(chunks) {
        for (unsigned chunk = 0; chunk < chunks.size(); ++chunk)
            seeds_.emplace_back(header_.group, plan.lives[chunk], chunk);
    }

    void run() {
        for (std::uint32_t row = 0; row < layout_.rows; ++row) {
            for (std::uint32_t sub = 0; sub < layout_.unit_bytes; sub += step) {
                const std::uint32_t count = std::min(step, layout_.unit_bytes - sub);
                fill(row, sub, count);
                code(row * layout_.unit_bytes + sub, count);
                sum(row * layout_.unit_bytes + sub, count);
            }
        }
    }

    /// CRC of all data from the block checksums, in the order of the data.
    [[nodiscard]] std::uint32_t data_crc() const {
        const std::uint32_t full_blocks = layout_.length / block;
        const std::uint32_t unit_blocks = layout_.unit_blocks();
        std::uint32_t crc = 0;
        for (std::uint32_t i = 0; i < full_blocks; ++i) {
            const std::uint32_t unit = i / unit_blocks;
            const unsigned column = unit % layout_.k;
            const std::uint32_t index = unit / layout_.k * unit_blocks + i % unit_blocks;
            crc = run_format::append_block_crc(
                crc, run_format::load_block_crc(chunks_[column].view().first(block), index),
                seed(column, index));
        }
        return crc32c(data_.subspan(std::size_t{full_blocks} * block), crc);
    }

  private:
    static constexpr std::uint32_t step = limits::encode_sub_block_bytes;
    static_assert(step % block == 0);

    std::byte* at(unsigned chunk, std::uint32_t offset) {
        return chunks_[chunk].data() + block + offset;
    }
    [[nodiscard]] std::uint32_t seed(unsigned chunk, std::uint32_t index) const {
        return seeds_[chunk].of(header_.run_block + 1 + index);
    }

    void fill(std::uint32_t row, std::uint32_t sub, std::uint32_t count) {
        for (unsigned column = 0; column < layout_.k; ++column) {
            const std::size_t from =
                (std::size_t{row} * layout_.k + column) * layout_.unit_bytes + sub;
            const std::size_t have =
                from >= data_.size() ? 0 : std::min<std::size_t>(count, data_.size() - from);
            std::byte* into = at(column, row * layout_.unit_bytes + sub);
            if (have != 0) std::memcpy(into, data_.data() + from, have);
            if (have < count) std::memset(into + have, 0, count - have);
        }
    }

    void code(std::uint32_t offset, std::uint32_t count) {
        std::array<const std::byte*, limits::chunks_max> data{};
        std::array<std::byte*, limits::chunks_max> parity{};
        for (unsigned i = 0; i < layout_.k; ++i)
            data[i] = at(i, offset);
        const std::size_t m = chunks_.size() - layout_.k;
        for (unsigned i = 0; i < m; ++i)
            parity[i] = at(layout_.k + i, offset);
        const auto coded =
            code_.encode(std::span(data).first(layout_.k), std::span(parity).first(m), count);
        TC_ASSERT(coded.ok());
    }

    void sum(std::uint32_t offset, std::uint32_t count) {
        for (unsigned chunk = 0; chunk < chunks_.size(); ++chunk) {
            const bytes_span header(chunks_[chunk].data(), block);
            for (std::uint32_t done = 0; done < count; done += block) {
                const std::uint32_t index = (offset + done) / block;
                const bytes_view bytes(at(chunk, offset + done), block);
                run_format::store_block_crc(header, index, crc32c(bytes, seed(chunk, index)));
            }
        }
    }

    const run_layout& layout_;
    const run_format::run_header& header_;
    const erasure::reed_solomon& code_;
    bytes_view data_;
    std::vector<buffer>& chunks_;
    std::vector<run_format::block_seeds> seeds_;
};

}  // namespace

run_plan make_run_plan(const group_row& row, std::uint32_t run_block, const run_layout& layout,
                       const run_request& request) {
    run_plan plan{.layout = layout, .header = {}, .lives = {}};
    run_format::run_header& header = plan.header;
    header.group = row.id;
    header.run_block = run_block;
    header.k = row.k;
    header.m = row.m;
    header.unit_blocks = static_cast<std::uint16_t>(layout.unit_blocks());
    header.rows = static_cast<std::uint16_t>(layout.rows);
    header.data_length = layout.length;
    header.owner_blob = request.owner.blob;
    header.owner_offset = request.owner.offset;
    header.packed = request.packed;
    header.packed_unit = request.packed ? request.packed_unit : 0;
    for (const chunk_place& place : row.chunks)
        plan.lives.push_back(place.life);
    return plan;
}

encoded_run encode_run(const run_plan& plan, const erasure::reed_solomon& code, bytes_view data,
                       buffer_pool& buffers) {
    TC_ASSERT(plan.lives.size() == code.n() && plan.layout.k == code.k());
    TC_ASSERT(data.size() == plan.layout.length);
    encoded_run encoded;
    encoded.chunks.reserve(code.n());
    for (std::size_t chunk = 0; chunk < code.n(); ++chunk) {
        buffer made = buffers.allocate(std::size_t{plan.layout.blocks_per_chunk()} * block);
        std::memset(made.data(), 0, block);
        encoded.chunks.push_back(std::move(made));
    }
    encoding progress(plan, code, data, encoded.chunks);
    progress.run();
    encoded.data_crc = progress.data_crc();
    for (unsigned chunk = 0; chunk < encoded.chunks.size(); ++chunk) {
        run_format::run_header header = plan.header;
        header.chunk = static_cast<std::uint8_t>(chunk);
        header.life = plan.lives[chunk];
        run_format::encode_header(header, encoded.chunks[chunk].span().first(block));
    }
    return encoded;
}

}  // namespace taicang
