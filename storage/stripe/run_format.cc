#include "storage/stripe/run_format.h"

#include <array>
#include <cstring>
#include <string>

#include "storage/base/digest.h"

namespace taicang::run_format {

namespace {

error not_a_header(std::string why) {
    return error(errc::corrupt, "run header: " + std::move(why));
}

/// Sum of the block as if its crc field were zero.
std::uint32_t header_crc(bytes_view block, std::uint32_t seed) noexcept {
    const std::array<std::byte, sizeof(std::uint32_t)> zero{};
    std::uint32_t crc = crc32c(block.first(header_crc_at), seed);
    crc = crc32c(zero, crc);
    return crc32c(block.subspan(header_crc_at + zero.size()), crc);
}

/// What feeding 4096 zero bytes does to a CRC register: a linear map, as four tables of 256.
class block_shift {
  public:
    block_shift() noexcept {
        const std::array<std::byte, block_bytes> zeros{};
        std::array<std::uint32_t, 32> of_bit{};
        for (unsigned bit = 0; bit < 32; ++bit)
            of_bit[bit] = ~crc32c(zeros, ~(1U << bit));
        for (unsigned byte = 0; byte < 4; ++byte) {
            for (unsigned value = 0; value < 256; ++value) {
                std::uint32_t sum = 0;
                for (unsigned bit = 0; bit < 8; ++bit) {
                    if ((value >> bit & 1U) != 0) sum ^= of_bit[byte * 8 + bit];
                }
                tables_[byte][value] = sum;
            }
        }
    }
    [[nodiscard]] std::uint32_t apply(std::uint32_t crc) const noexcept {
        return tables_[0][crc & 0xff] ^ tables_[1][crc >> 8 & 0xff] ^ tables_[2][crc >> 16 & 0xff] ^
               tables_[3][crc >> 24];
    }

  private:
    std::array<std::array<std::uint32_t, 256>, 4> tables_{};
};

result<void> check_fields(const run_header& header, bytes_view block) {
    if (header.k == 0 || header.k + header.m > limits::chunks_max) {
        return not_a_header("k+m is " + std::to_string(header.k) + "+" + std::to_string(header.m));
    }
    if (header.chunk >= header.k + header.m) {
        return not_a_header("chunk index " + std::to_string(header.chunk) + " is not below k+m");
    }
    if (header.unit_blocks == 0 || header.rows == 0 || header.data_blocks() > table_entries) {
        return not_a_header("its rows do not fit its table");
    }
    const std::uint64_t room = std::uint64_t{header.data_blocks()} * header.k * block_bytes;
    if (header.data_length == 0 || header.data_length > room) {
        return not_a_header("its data length does not fit its rows");
    }
    if (block[m_at + 1] != std::byte{0}) return not_a_header("a reserved byte is not zero");
    for (std::size_t at = reserved_at; at < table_at; ++at) {
        if (block[at] != std::byte{0}) return not_a_header("a reserved byte is not zero");
    }
    return ok();
}

}  // namespace

block_seeds::block_seeds(group_id group, generation life, unsigned chunk) noexcept {
    std::array<std::byte, 20> identity;
    store_le(identity.data(), group.value);
    store_le(identity.data() + 8, life.value);
    store_le(identity.data() + 16, static_cast<std::uint32_t>(chunk));
    prefix_ = crc32c(identity);
}

std::uint32_t block_seeds::of(std::uint32_t block) const noexcept {
    std::array<std::byte, 4> place;
    store_le(place.data(), block);
    return crc32c(place, prefix_);
}

void encode_header(const run_header& header, bytes_span block) {
    TC_ASSERT(block.size() == block_bytes);
    std::memset(block.data(), 0, table_at);
    std::byte* const out = block.data();
    store_le(out + magic_at, magic);
    store_le(out + version_at, version);
    store_le(out + flags_at, header.packed ? flag_packed : std::uint16_t{0});
    store_le(out + group_at, header.group.value);
    store_le(out + life_at, header.life.value);
    store_le(out + run_block_at, header.run_block);
    store_le(out + chunk_at, header.chunk);
    store_le(out + k_at, header.k);
    store_le(out + m_at, header.m);
    store_le(out + unit_blocks_at, header.unit_blocks);
    store_le(out + rows_at, header.rows);
    store_le(out + data_length_at, header.data_length);
    store_le(out + owner_blob_at, header.owner_blob.value);
    store_le(out + owner_offset_at, header.owner_offset);
    store_le(out + packed_unit_at, header.packed_unit);
    TC_ASSERT(check_fields(header, block).ok());
    const block_seeds seeds(header.group, header.life, header.chunk);
    store_le(out + header_crc_at, header_crc(block, seeds.of(header.run_block)));
}

result<run_header> decode_header(bytes_view block) {
    if (block.size() != block_bytes) return not_a_header("it is not one block long");
    const std::byte* const in = block.data();
    if (load_le<std::uint64_t>(in + magic_at) != magic) return not_a_header("no magic");
    run_header header;
    header.group = group_id(load_le<std::uint64_t>(in + group_at));
    header.life = generation(load_le<std::uint64_t>(in + life_at));
    header.run_block = load_le<std::uint32_t>(in + run_block_at);
    header.chunk = load_le<std::uint8_t>(in + chunk_at);
    // The sum's place and seed are the same in every version, so that an unknown version is told
    // from damage.
    const block_seeds seeds(header.group, header.life, header.chunk);
    if (load_le<std::uint32_t>(in + header_crc_at) !=
        header_crc(block, seeds.of(header.run_block))) {
        return not_a_header("its checksum does not match");
    }
    const auto found = load_le<std::uint16_t>(in + version_at);
    const auto flags = load_le<std::uint16_t>(in + flags_at);
    if (found != version || (flags & ~flags_known) != 0) {
        return error(errc::version_unsupported,
                     "run header: version " + std::to_string(found) + " with flags " +
                         std::to_string(flags) +
                         " is not known to this build; start the newer one");
    }
    header.k = load_le<std::uint8_t>(in + k_at);
    header.m = load_le<std::uint8_t>(in + m_at);
    header.unit_blocks = load_le<std::uint16_t>(in + unit_blocks_at);
    header.rows = load_le<std::uint16_t>(in + rows_at);
    header.data_length = load_le<std::uint32_t>(in + data_length_at);
    header.owner_blob = blob_id(load_le<std::uint64_t>(in + owner_blob_at));
    header.owner_offset = load_le<std::uint64_t>(in + owner_offset_at);
    header.packed = (flags & flag_packed) != 0;
    header.packed_unit = load_le<std::uint32_t>(in + packed_unit_at);
    TC_TRY(check_fields(header, block));
    return header;
}

std::uint32_t append_block_crc(std::uint32_t crc_of_a, std::uint32_t seeded_block_crc,
                               std::uint32_t seed) noexcept {
    // crc(block, s) = crc(block, 0) xor shift(s), and crc(a + block) = crc(block, crc(a)).
    static const block_shift shift;
    return seeded_block_crc ^ shift.apply(seed ^ crc_of_a);
}

}  // namespace taicang::run_format
