#include "storage/stripe/run_layout.h"

#include "storage/base/assert.h"
#include "storage/base/bytes.h"

namespace taicang {

namespace {

constexpr std::uint32_t block = limits::block_bytes;
constexpr std::uint32_t data_blocks_max = limits::run_data_blocks_max;
/// Runs are cut to multiples of this, so that packed units of a flash tier always fill them.
constexpr std::uint32_t granule = limits::stripe_unit_bytes_nvme / block;

constexpr std::uint32_t divide_up(std::uint64_t a, std::uint64_t b) noexcept {
    return static_cast<std::uint32_t>((a + b - 1) / b);
}

}  // namespace

std::uint32_t run_blocks_max(std::uint64_t extent_bytes) noexcept {
    const std::uint64_t blocks = extent_bytes / block;
    TC_ASSERT_WHY(blocks > granule, "extents of 132 KiB or more hold a run");
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(data_blocks_max, round_down(blocks - 1, granule)));
}

std::uint32_t full_unit_bytes(tier_id tier, unsigned k, std::uint32_t blocks_max) noexcept {
    const std::uint32_t tiers =
        tier == tier_id::hdd ? limits::stripe_unit_bytes_hdd : limits::stripe_unit_bytes_nvme;
    return std::min(tiers, blocks_max / k * block);
}

std::uint32_t run_data_bytes_max(tier_id tier, unsigned k, std::uint32_t blocks_max) noexcept {
    const std::uint32_t row = full_unit_bytes(tier, k, blocks_max) * k;
    return blocks_max * block / row * row;
}

run_layout plan_run(tier_id tier, unsigned k, std::uint32_t length,
                    std::uint32_t packed_unit) noexcept {
    TC_ASSERT(k >= 1 && length >= 1 && length <= data_blocks_max * block);
    TC_ASSERT(packed_unit % block == 0);
    run_layout layout{.k = k, .length = length};
    if (packed_unit == 0) {
        layout.rows =
            divide_up(length, std::uint64_t{k} * full_unit_bytes(tier, k, data_blocks_max));
        layout.unit_bytes = static_cast<std::uint32_t>(
            round_up(divide_up(length, std::uint64_t{k} * layout.rows), block));
    } else if (length <= packed_unit) {
        layout.unit_bytes = static_cast<std::uint32_t>(round_up(length, block));
    } else {
        layout.unit_bytes = packed_unit;
        layout.rows = divide_up(length, std::uint64_t{k} * packed_unit);
    }
    TC_ASSERT(layout.data_blocks() <= data_blocks_max);
    return layout;
}

block_range run_span::blocks_of(unsigned column) const noexcept {
    const std::uint64_t first_unit = first_ / unit_;
    const std::uint64_t last_unit = (last_ - 1) / unit_;
    const std::uint64_t first_column = first_unit % k_;
    const std::uint64_t last_column = last_unit % k_;
    std::uint64_t row = first_unit / k_;
    std::uint64_t low = 0;
    if (column == first_column) low = first_ % unit_;
    if (column < first_column) ++row;
    low += row * unit_;
    std::uint64_t last_row = last_unit / k_;
    std::uint64_t high = unit_;
    if (column == last_column) high = (last_ - 1) % unit_ + 1;
    if (column > last_column) {
        if (last_row == 0) return {};
        --last_row;
    }
    high += last_row * unit_;
    if (low >= high) return {};
    return {static_cast<std::uint32_t>(low / block), divide_up(high, block)};
}

block_range run_span::blocks_of_all() const noexcept {
    block_range all{UINT32_MAX, 0};
    for (unsigned column = 0; column < k_; ++column) {
        const block_range one = blocks_of(column);
        if (one.empty()) continue;
        all.low = std::min(all.low, one.low);
        all.high = std::max(all.high, one.high);
    }
    return all;
}

}  // namespace taicang
