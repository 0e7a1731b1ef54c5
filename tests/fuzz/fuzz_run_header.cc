// A run's header block is read from any 4 KiB of a device: whatever stands there, it is refused or
// it is whole. The checksum would hide everything behind it, so the input is also tried with a
// right one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "storage/base/digest.h"
#include "storage/stripe/run_format.h"

namespace {

using namespace taicang;

void judge(bytes_view block) {
    const auto decoded = run_format::decode_header(block);
    if (!decoded) return;
    const run_format::run_header& header = decoded.value();
    const bool sane = header.k >= 1 && header.k + header.m <= 32 &&
                      header.chunk < header.k + header.m && header.data_blocks() >= 1 &&
                      header.data_blocks() <= run_format::table_entries && header.data_length >= 1;
    if (!sane) std::abort();
    // What was read is what would be written.
    std::vector<std::byte> again(block.begin(), block.end());
    run_format::encode_header(header, again);
    if (std::memcmp(again.data(), block.data(), again.size()) != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const bytes_view input(reinterpret_cast<const std::byte*>(data), size);
    judge(input);
    std::vector<std::byte> block(run_format::block_bytes);
    std::memcpy(block.data(), input.data(), std::min(input.size(), block.size()));
    judge(block);
    store_le(block.data() + run_format::magic_at, run_format::magic);
    store_le(block.data() + run_format::version_at, run_format::version);
    store_le(block.data() + run_format::header_crc_at, std::uint32_t{0});
    const run_format::block_seeds seeds(
        group_id(load_le<std::uint64_t>(block.data() + run_format::group_at)),
        generation(load_le<std::uint64_t>(block.data() + run_format::life_at)),
        load_le<std::uint8_t>(block.data() + run_format::chunk_at));
    const auto run_block = load_le<std::uint32_t>(block.data() + run_format::run_block_at);
    store_le(block.data() + run_format::header_crc_at, crc32c(block, seeds.of(run_block)));
    judge(block);
    return 0;
}
