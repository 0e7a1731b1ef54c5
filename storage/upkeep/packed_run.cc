#include "storage/upkeep/packed_run.h"

#include <algorithm>
#include <numeric>

#include "storage/base/assert.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"

namespace taicang::packed_run {

std::size_t directory_bytes(std::size_t count) {
    return header_bytes + count * entry_bytes;
}

namespace {

/// Places blobs behind a directory of `count` entries; stops at the first that does not fit.
layout place(const std::vector<std::uint32_t>& lengths, std::size_t count, std::uint32_t unit,
             std::uint32_t bytes_max) {
    layout placed;
    std::uint64_t at = directory_bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t length = lengths[i];
        TC_ASSERT(length >= 1 && length <= unit);
        if (at / unit != (at + length - 1) / unit) at = round_up(at, unit);
        if (at + length > bytes_max) break;
        placed.entries.push_back({blob_id{0}, static_cast<std::uint32_t>(at), lengths[i]});
        at += length;
        placed.data_length = static_cast<std::uint32_t>(at);
    }
    return placed;
}

}  // namespace

layout plan(const std::vector<std::uint32_t>& lengths, std::uint32_t unit,
            std::uint32_t bytes_max) {
    // The directory's size depends on how many fit, and how many fit on the directory: fewer
    // entries only ever free room, so trying again with what fitted settles at once.
    layout placed = place(lengths, lengths.size(), unit, bytes_max);
    if (placed.entries.size() == lengths.size()) return placed;
    return place(lengths, placed.entries.size(), unit, bytes_max);
}

std::uint32_t choose_unit(const std::vector<std::uint32_t>& lengths, unsigned k,
                          std::uint32_t unit_max) {
    TC_ASSERT(!lengths.empty() && k > 0);
    const std::uint64_t total =
        std::accumulate(lengths.begin(), lengths.end(),
                        static_cast<std::uint64_t>(directory_bytes(lengths.size())));
    const std::uint64_t longest = *std::max_element(lengths.begin(), lengths.end());
    const std::uint64_t even = round_up((total + k - 1) / k, limits::block_bytes);
    const std::uint64_t unit = std::max(even, round_up(longest, limits::block_bytes));
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(unit, unit_max));
}

std::string encode_directory(const std::vector<entry>& entries) {
    std::string rows;
    encoder rows_out(rows);
    for (const entry& one : entries) {
        rows_out.u64(one.blob.value);
        rows_out.u32(one.skip);
        rows_out.u32(one.length);
    }
    std::string directory;
    encoder out(directory);
    out.u32(magic);
    out.u16(version);
    out.u16(0);
    out.u32(static_cast<std::uint32_t>(entries.size()));
    out.u32(crc32c(as_bytes(rows)));
    directory.append(rows);
    return directory;
}

namespace {
struct directory_header {
    std::uint32_t count = 0;
    std::uint32_t crc = 0;
};
result<directory_header> read_header(decoder& in) {
    directory_header header;
    const std::uint32_t found_magic = in.u32();
    const std::uint16_t found_version = in.u16();
    const std::uint16_t zero = in.u16();
    header.count = in.u32();
    header.crc = in.u32();
    if (!in.ok() || found_magic != magic || zero != 0)
        return error(errc::corrupt, "a packed run has no directory");
    if (found_version != version) {
        return error(errc::version_unsupported,
                     "a packed run's directory has a version this build does not know");
    }
    return header;
}
}  // namespace

result<std::uint32_t> directory_count(bytes_view bytes) {
    decoder in(bytes);
    TC_TRY_ASSIGN(header, read_header(in));
    return header.count;
}

result<std::vector<entry>> decode_directory(bytes_view directory) {
    decoder in(directory);
    TC_TRY_ASSIGN(header, read_header(in));
    if (in.left() / entry_bytes < header.count)
        return error(errc::corrupt, "a packed run's directory is cut short");
    const bytes_view rows = in.raw(header.count * entry_bytes);
    if (crc32c(rows) != header.crc)
        return error(errc::corrupt, "a packed run's directory does not match its checksum");
    std::vector<entry> entries;
    entries.reserve(header.count);
    decoder rows_in(rows);
    for (std::uint32_t i = 0; i < header.count; ++i) {
        entry one;
        one.blob = blob_id{rows_in.u64()};
        one.skip = rows_in.u32();
        one.length = rows_in.u32();
        entries.push_back(one);
    }
    return entries;
}

}  // namespace taicang::packed_run
