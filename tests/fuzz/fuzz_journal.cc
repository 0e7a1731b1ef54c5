// The journal's batch decoder and segment map on hostile bytes. The first byte chooses: 0 map, 1
// raw batch, else a batch whose magic, place and checksums are made right, so that the fuzzer
// reaches what lies behind them.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/base/assert.h"
#include "storage/journal/batch_decoder.h"
#include "storage/journal/record_format.h"
#include "storage/journal/segment_map.h"

namespace taicang {
namespace {

using layout = journal_format::batch_header_layout;

const batch_position place{segment_id(7), ensemble_epoch(3), 8192};

void mend(std::vector<std::byte>& bytes) {
    if (bytes.size() < journal_format::batch_header_bytes) return;
    std::byte* at = bytes.data();
    store_le<std::uint64_t>(at, journal_format::batch_magic);
    store_le<std::uint16_t>(at + offsetof(layout, version), journal_format::batch_version);
    store_le<std::uint64_t>(at + offsetof(layout, segment), place.segment.value);
    store_le<std::uint64_t>(at + offsetof(layout, epoch), place.epoch.value);
    store_le<std::uint64_t>(at + offsetof(layout, offset), place.offset);
    const auto length = load_le<std::uint32_t>(at + offsetof(layout, length));
    if (length >= journal_format::batch_header_bytes && length <= bytes.size()) {
        const bytes_view records = bytes_view(bytes).subspan(
            journal_format::batch_header_bytes, length - journal_format::batch_header_bytes);
        store_le<std::uint32_t>(at + offsetof(layout, body_crc), batch_body_crc(place, records));
    }
    store_le<std::uint32_t>(at + offsetof(layout, header_crc),
                            crc32c(bytes_view(bytes).first(offsetof(layout, header_crc))));
}

void decode(bytes_view bytes, const batch_checks& checks) {
    batch_header header;
    if (decode_batch_header(bytes, place, header) != batch_fault::none) return;
    std::vector<record_view> records;
    if (decode_batch(bytes, header, checks, &records) != batch_fault::none) return;
    TC_ASSERT(records.size() == header.record_count);
    std::size_t expected = journal_format::batch_header_bytes;
    for (const record_view& record : records) {
        TC_ASSERT(record.offset == expected);
        std::byte again[journal_format::record_header_bytes];
        encode_record_header(record.header, again);
        TC_ASSERT(std::equal(again, again + sizeof(again), bytes.begin() + record.offset));
        expected += sizeof(again) + record.body.size() + record.payload.size();
    }
    TC_ASSERT(expected == header.length);
}

void decode_map(bytes_view bytes) {
    std::string text(as_text(bytes));
    auto decoded = decode_segment_map(as_bytes(text));
    if (!decoded) {
        // Once more with the checksum made right.
        encoder(text).u32(crc32c(as_bytes(text)));
        decoded = decode_segment_map(as_bytes(text));
    }
    if (decoded) TC_ASSERT(encode_segment_map(*decoded).size() == text.size());
}

}  // namespace
}  // namespace taicang

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace taicang;
    if (size == 0) return 0;
    const bytes_view bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    if (data[0] == 0) {
        decode_map(bytes);
        return 0;
    }
    if (data[0] == 1) {
        decode(bytes, {true, true, true, true});
        return 0;
    }
    std::vector<std::byte> mended(bytes.begin(), bytes.end());
    mend(mended);
    decode(mended, {true, false, false, false});
    decode(mended, {true, true, true, true});
    return 0;
}
