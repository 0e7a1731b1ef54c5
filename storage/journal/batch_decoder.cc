#include "storage/journal/batch_decoder.h"

#include <cstring>

#include "storage/base/assert.h"
#include "storage/journal/record_format.h"

namespace taicang {

namespace {

using layout = journal_format::batch_header_layout;
using journal_format::batch_alignment;
using journal_format::batch_header_bytes;
using journal_format::record_header_bytes;

template <class T>
T get(bytes_view from, std::size_t offset) noexcept {
    return load_le<T>(from.data() + offset);
}

void get_digest(bytes_view from, std::size_t offset, sha256_digest& into) noexcept {
    std::memcpy(into.data(), from.data() + offset, into.size());
}

batch_fault check_record(bytes_view batch, const batch_header& header, std::uint32_t index,
                         std::size_t at, record_view& record) noexcept {
    if (header.length - at < record_header_bytes) return batch_fault::record;
    if (!decode_record_header(batch.subspan(at, record_header_bytes), record.header)) {
        return batch_fault::record;
    }
    const std::uint64_t length = record_header_bytes + std::uint64_t{record.header.body_length} +
                                 record.header.payload_length;
    if (length > header.length - at) return batch_fault::record;
    if (record.header.position.value != header.first.value + index) return batch_fault::record;
    record.offset = static_cast<std::uint32_t>(at);
    record.body = batch.subspan(at + record_header_bytes, record.header.body_length);
    record.payload = batch.subspan(at + record_header_bytes + record.header.body_length,
                                   record.header.payload_length);
    return batch_fault::none;
}

bool digests_match(const record_view& record, const batch_checks& checks) {
    if (checks.body_digests && sha256(record.body) != record.header.body_digest) return false;
    if (!checks.payload_digests) return true;
    const sha256_digest expected =
        record.payload.empty() ? sha256_digest{} : sha256(record.payload);
    return expected == record.header.payload_digest;
}

}  // namespace

std::string_view batch_fault_name(batch_fault fault) noexcept {
    switch (fault) {
        case batch_fault::none:
            return "none";
        case batch_fault::no_batch:
            return "no batch";
        case batch_fault::header_crc:
            return "header checksum";
        case batch_fault::version:
            return "unknown version";
        case batch_fault::misplaced:
            return "misplaced";
        case batch_fault::structure:
            return "structure";
        case batch_fault::truncated:
            return "truncated";
        case batch_fault::body_crc:
            return "body checksum";
        case batch_fault::record:
            return "record";
        case batch_fault::chain:
            return "hash chain";
        case batch_fault::digest:
            return "digest";
    }
    return "unknown";
}

batch_fault decode_batch_header(bytes_view from, const batch_position& expected,
                                batch_header& header) noexcept {
    if (from.size() < batch_header_bytes) return batch_fault::truncated;
    if (get<std::uint64_t>(from, offsetof(layout, magic)) != journal_format::batch_magic) {
        return batch_fault::no_batch;
    }
    const std::uint32_t crc = crc32c(from.first(offsetof(layout, header_crc)));
    if (crc != get<std::uint32_t>(from, offsetof(layout, header_crc))) {
        return batch_fault::header_crc;
    }
    header.segment = segment_id(get<std::uint64_t>(from, offsetof(layout, segment)));
    header.epoch = ensemble_epoch(get<std::uint64_t>(from, offsetof(layout, epoch)));
    header.offset = get<std::uint64_t>(from, offsetof(layout, offset));
    if (header.segment != expected.segment || header.epoch != expected.epoch ||
        header.offset != expected.offset) {
        return batch_fault::misplaced;
    }
    if (get<std::uint16_t>(from, offsetof(layout, version)) != journal_format::batch_version) {
        return batch_fault::version;
    }
    header.sequence = get<std::uint64_t>(from, offsetof(layout, sequence));
    header.first = lsn(get<std::uint64_t>(from, offsetof(layout, first_lsn)));
    header.last_acknowledged = lsn(get<std::uint64_t>(from, offsetof(layout, last_acknowledged)));
    header.record_count = get<std::uint32_t>(from, offsetof(layout, record_count));
    header.length = get<std::uint32_t>(from, offsetof(layout, length));
    header.body_crc = get<std::uint32_t>(from, offsetof(layout, body_crc));
    get_digest(from, offsetof(layout, chain_before), header.chain_before);
    get_digest(from, offsetof(layout, chain_after), header.chain_after);
    const bool sound = header.record_count > 0 && header.first.value > 0 &&
                       header.last_acknowledged < header.first &&
                       header.first.value + header.record_count > header.first.value &&
                       header.length <= limits::journal_segment_bytes_max &&
                       header.length >= batch_header_bytes + std::uint64_t{header.record_count} *
                                                                 record_header_bytes &&
                       get<std::uint16_t>(from, offsetof(layout, reserved_a)) == 0 &&
                       get<std::uint32_t>(from, offsetof(layout, reserved_b)) == 0;
    return sound ? batch_fault::none : batch_fault::structure;
}

batch_fault decode_batch(bytes_view batch, const batch_header& header, const batch_checks& checks,
                         std::vector<record_view>* records) {
    if (batch.size() < header.length) return batch_fault::truncated;
    batch = batch.first(header.length);
    const batch_position place{header.segment, header.epoch, header.offset};
    if (checks.crc && batch_body_crc(place, batch.subspan(batch_header_bytes)) != header.body_crc) {
        return batch_fault::body_crc;
    }
    if (records != nullptr) {
        records->clear();
        records->reserve(header.record_count);
    }
    sha256_digest chain = header.chain_before;
    std::size_t at = batch_header_bytes;
    for (std::uint32_t i = 0; i < header.record_count; ++i) {
        record_view record;
        const batch_fault fault = check_record(batch, header, i, at, record);
        if (fault != batch_fault::none) return fault;
        if (checks.chain) chain = chain_next(chain, batch.subspan(at, record_header_bytes));
        if (!digests_match(record, checks)) return batch_fault::digest;
        at += record_header_bytes + record.body.size() + record.payload.size();
        if (records != nullptr) records->push_back(record);
    }
    if (at != header.length) return batch_fault::record;
    if (checks.chain && chain != header.chain_after) return batch_fault::chain;
    return batch_fault::none;
}

void encode_batch_header(const batch_header& header, std::byte* into) noexcept {
    std::memset(into, 0, batch_header_bytes);
    store_le<std::uint64_t>(into + offsetof(layout, magic), journal_format::batch_magic);
    store_le<std::uint16_t>(into + offsetof(layout, version), journal_format::batch_version);
    store_le<std::uint32_t>(into + offsetof(layout, record_count), header.record_count);
    store_le<std::uint64_t>(into + offsetof(layout, segment), header.segment.value);
    store_le<std::uint64_t>(into + offsetof(layout, epoch), header.epoch.value);
    store_le<std::uint64_t>(into + offsetof(layout, offset), header.offset);
    store_le<std::uint64_t>(into + offsetof(layout, sequence), header.sequence);
    store_le<std::uint64_t>(into + offsetof(layout, first_lsn), header.first.value);
    store_le<std::uint64_t>(into + offsetof(layout, last_acknowledged),
                            header.last_acknowledged.value);
    std::memcpy(into + offsetof(layout, chain_before), header.chain_before.data(), 32);
    std::memcpy(into + offsetof(layout, chain_after), header.chain_after.data(), 32);
    store_le<std::uint32_t>(into + offsetof(layout, length), header.length);
    store_le<std::uint32_t>(into + offsetof(layout, body_crc), header.body_crc);
    const std::uint32_t crc = crc32c(bytes_view(into, offsetof(layout, header_crc)));
    store_le<std::uint32_t>(into + offsetof(layout, header_crc), crc);
}

std::uint32_t batch_body_crc(const batch_position& place, bytes_view records) noexcept {
    std::byte seed[24];
    store_le<std::uint64_t>(seed, place.segment.value);
    store_le<std::uint64_t>(seed + 8, place.epoch.value);
    store_le<std::uint64_t>(seed + 16, place.offset);
    return crc32c(records, crc32c(seed));
}

}  // namespace taicang
