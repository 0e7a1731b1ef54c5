#include "storage/stripe/chunk_loader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/base/canary.h"
#include "storage/base/digest.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"

namespace taicang {

namespace {

constexpr std::size_t block = limits::block_bytes;

chunk_fault fault_of(const error& why) noexcept {
    const bool away = why.code == errc::device_fenced || why.code == errc::device_missing;
    return away ? chunk_fault::absent : chunk_fault::unreadable;
}

chunk_slice empty_slice(unsigned chunk, block_range range) {
    chunk_slice slice;
    slice.chunk = chunk;
    slice.range = range;
    return slice;
}

void fail(chunk_slice& slice, chunk_fault fault, std::string why) {
    slice.fault = fault;
    slice.why = std::move(why);
}

}  // namespace

task<result<void>> chunk_loader::read(const stripe_group& group, unsigned chunk,
                                      std::uint32_t at_block, bytes_span into) {
    const chunk_place& place = group.row.chunks[chunk];
    extent_device* device = devices_.find(place.device);
    if (device == nullptr) {
        co_return error(errc::device_missing, "device " + place.device.text() + " is not active");
    }
    auto done = co_await device->read(place.extent, std::uint64_t{at_block} * block, into);
    co_return done;
}

bool chunk_loader::check_header(const stripe_group& group, std::uint32_t run_block,
                                bytes_view bytes, chunk_slice& slice) {
    auto decoded = run_format::decode_header(bytes);
    if (!decoded) {
        fail(slice, chunk_fault::header, decoded.error().message);
        return false;
    }
    slice.header = decoded.value();
    const run_format::run_header& header = slice.header;
    const bool ours = header.group == group.row.id && header.run_block == run_block &&
                      header.chunk == slice.chunk && header.k == group.row.k &&
                      header.m == group.row.m && header.life == group.row.chunks[slice.chunk].life;
    if (ours) return true;
    fail(slice, chunk_fault::header,
         "the header there belongs to group " + std::to_string(header.group.value) + ", chunk " +
             std::to_string(header.chunk) + ", block " + std::to_string(header.run_block));
    return false;
}

void chunk_loader::verify(const stripe_group& group, std::uint32_t run_block, bytes_view header,
                          chunk_slice& slice) {
    if (!check_header(group, run_block, header, slice)) return;
    if (slice.range.high > slice.header.data_blocks()) {
        fail(slice, chunk_fault::header, "the run there is shorter than the piece that names it");
        return;
    }
    if (canary::active(canary::bug::skip_checksum)) return;
    const run_format::block_seeds seeds(group.row.id, group.row.chunks[slice.chunk].life,
                                        slice.chunk);
    for (std::uint32_t index = slice.range.low; index < slice.range.high; ++index) {
        const bytes_view bytes(slice.data() + (index - slice.range.low) * block, block);
        const std::uint32_t in_chunk = run_block + 1 + index;
        if (crc32c(bytes, seeds.of(in_chunk)) == run_format::load_block_crc(header, index))
            continue;
        fail(slice, chunk_fault::block,
             "block " + std::to_string(in_chunk) + " of the chunk does not match its checksum");
        return;
    }
}

task<chunk_slice> chunk_loader::load(std::shared_ptr<stripe_group> group, std::uint32_t run_block,
                                     unsigned chunk, block_range range) {
    chunk_slice slice = empty_slice(chunk, range);
    result<void> header_read;
    result<void> data_read;
    buffer header_block;
    if (range.low <= limits::header_gap_blocks_max) {
        slice.bytes = env_.buffers.allocate((std::size_t{1} + range.high) * block);
        slice.data_at = (std::size_t{1} + range.low) * block;
        data_read = co_await read(*group, chunk, run_block, slice.bytes.span());
    } else {
        header_block = env_.buffers.allocate(block);
        slice.bytes = env_.buffers.allocate(range.count() * block);
        std::vector<task<result<void>>> both;
        both.push_back(read(*group, chunk, run_block, header_block.span()));
        both.push_back(read(*group, chunk, run_block + 1 + range.low, slice.bytes.span()));
        auto results = co_await when_all(std::move(both));
        header_read = std::move(results[0]);
        data_read = std::move(results[1]);
    }
    const result<void>& first_failure = header_read ? data_read : header_read;
    if (first_failure) {
        const bytes_view header =
            header_block.empty() ? slice.bytes.view().first(block) : header_block.view();
        verify(*group, run_block, header, slice);
    } else {
        fail(slice, fault_of(first_failure.error()), first_failure.error().message);
    }
    if (slice.fault != chunk_fault::none) report(*group, slice);
    co_return slice;
}

task<chunk_slice> chunk_loader::load_bare(std::shared_ptr<stripe_group> group,
                                          std::uint32_t run_block, unsigned chunk,
                                          block_range range) {
    chunk_slice slice = empty_slice(chunk, range);
    slice.bytes = env_.buffers.allocate(range.count() * block);
    auto done = co_await read(*group, chunk, run_block + 1 + range.low, slice.bytes.span());
    if (!done) {
        fail(slice, fault_of(done.error()), done.error().message);
        report(*group, slice);
    }
    co_return slice;
}

task<chunk_slice> chunk_loader::probe(std::shared_ptr<stripe_group> group, std::uint32_t run_block,
                                      unsigned chunk) {
    chunk_slice slice = empty_slice(chunk, {});
    slice.bytes = env_.buffers.allocate(block);
    auto done = co_await read(*group, chunk, run_block, slice.bytes.span());
    if (done) {
        check_header(*group, run_block, slice.bytes.view(), slice);
    } else {
        fail(slice, fault_of(done.error()), done.error().message);
    }
    co_return slice;
}

task<result<std::uint32_t>> chunk_loader::scan(std::shared_ptr<stripe_group> group, unsigned chunk,
                                               std::uint32_t from, std::uint32_t to) {
    TC_ASSERT(from < to && to - from <= limits::scan_blocks);
    buffer blocks = env_.buffers.allocate((to - from) * block);
    TC_CO_TRY(co_await read(*group, chunk, from, blocks.span()));
    chunk_slice slice = empty_slice(chunk, {});
    for (std::uint32_t at = from; at < to; ++at) {
        const bytes_view one = blocks.view().subspan((at - from) * block, block);
        if (check_header(*group, at, one, slice)) co_return at;
    }
    co_return to;
}

std::uint32_t chunk_loader::room_blocks(stripe_group& group) const {
    if (group.chunk_blocks != 0) return group.chunk_blocks;
    std::uint64_t least = 0;
    for (const chunk_place& place : group.row.chunks) {
        const extent_device* device = devices_.find(place.device);
        if (device == nullptr) continue;
        least = least == 0 ? device->extent_bytes() : std::min(least, device->extent_bytes());
    }
    group.chunk_blocks = static_cast<std::uint32_t>(least / block);
    return group.chunk_blocks;
}

void chunk_loader::report(stripe_group& group, const chunk_slice& slice) {
    if (slice.fault == chunk_fault::header) TC_MARK("stripe.header_bad");
    if (slice.fault == chunk_fault::block) TC_MARK("stripe.checksum_mismatch");
    if (slice.fault == chunk_fault::header || slice.fault == chunk_fault::block) {
        ++counters_.checksum_failures;
        counters_.of(group.row.tier).checksum_failures.add();
    }
    const uuid& device = group.row.chunks[slice.chunk].device;
    if (slice.fault != chunk_fault::absent) {
        const erasure::chunk_mask said = erasure::chunk_mask{1} << slice.chunk;
        if ((group.bad_logged & said) == 0) {
            log_event(log_level::warn, "chunk_bad")
                .with("group", group.row.id.value)
                .with("chunk", slice.chunk)
                .with("device", device.text())
                .with("reason", slice.why);
        }
        group.bad_logged |= said;
        devices_.report_read_failure(device);
    }
    if (observer_) observer_(group.row.id, slice.chunk);
}

}  // namespace taicang
