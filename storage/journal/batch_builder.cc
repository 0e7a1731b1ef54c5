#include "storage/journal/batch_builder.h"

#include <algorithm>
#include <cstring>

#include "storage/base/assert.h"
#include "storage/journal/record_format.h"

namespace taicang {

namespace {

using journal_format::batch_alignment;
using journal_format::batch_header_bytes;
using journal_format::record_header_bytes;

record_header header_of(const record_draft& draft, shard_id shard, lsn position) {
    record_header header;
    header.position = position;
    header.clock = draft.clock;
    header.origin = draft.origin;
    header.shard = shard;
    header.set = draft.set;
    header.set_sequence = draft.set_sequence;
    header.kind = draft.kind;
    header.flags = draft.flags;
    header.body_length = static_cast<std::uint32_t>(draft.body.size());
    header.payload_length = static_cast<std::uint32_t>(draft.payload.size());
    header.body_digest = sha256(as_bytes(draft.body));
    if (!draft.payload.empty()) {
        header.payload_digest =
            draft.payload_digest == sha256_digest{} ? sha256(draft.payload) : draft.payload_digest;
    }
    return header;
}

void copy(std::byte* into, bytes_view from) {
    if (!from.empty()) std::memcpy(into, from.data(), from.size());
}

}  // namespace

batch_builder::batch_builder(buffer_pool& pool, std::size_t capacity_hint, lsn first,
                             const sha256_digest& chain)
    : pool_(&pool), bytes_(pool.allocate(std::max(capacity_hint, batch_alignment))) {
    header_.first = first;
    header_.length = batch_header_bytes;
    header_.chain_before = chain;
    header_.chain_after = chain;
}

void batch_builder::reserve(std::uint64_t length) {
    const std::uint64_t padded = round_up(length, batch_alignment);
    if (padded <= bytes_.capacity()) return;
    buffer bigger = pool_->allocate(std::max<std::uint64_t>(padded, 2 * bytes_.capacity()));
    std::memcpy(bigger.data(), bytes_.data(), header_.length);
    bytes_ = std::move(bigger);
}

const sha256_digest& batch_builder::add(const record_draft& draft, shard_id shard) {
    TC_ASSERT_WHY(draft.body.size() <= limits::record_body_bytes_max,
                  "a record's body passes limits::record_body_bytes_max");
    const std::uint64_t length =
        header_.length + encoded_record_bytes(draft.body.size() + draft.payload.size());
    TC_ASSERT(length <= limits::journal_segment_bytes_max);
    reserve(length);
    bytes_.resize(bytes_.capacity());

    const lsn position(header_.first.value + header_.record_count);
    std::byte* at = bytes_.data() + header_.length;
    encode_record_header(header_of(draft, shard, position), at);
    header_.chain_after = chain_next(header_.chain_after, bytes_view(at, record_header_bytes));
    at += record_header_bytes;
    copy(at, as_bytes(draft.body));
    at += draft.body.size();
    copy(at, draft.payload);

    payload_place place;
    place.length = static_cast<std::uint32_t>(draft.payload.size());
    if (!draft.payload.empty()) {
        place.offset = static_cast<std::uint32_t>(at - bytes_.data());
        place.crc = crc32c(draft.payload);
    }
    payloads_.push_back(place);
    header_.length = static_cast<std::uint32_t>(length);
    ++header_.record_count;
    return header_.chain_after;
}

void batch_builder::place(const batch_position& position, std::uint64_t sequence,
                          lsn last_acknowledged) {
    TC_ASSERT(header_.record_count > 0 && last_acknowledged < header_.first);
    TC_ASSERT(position.offset % batch_alignment == 0);
    header_.segment = position.segment;
    header_.epoch = position.epoch;
    header_.offset = position.offset;
    header_.sequence = sequence;
    header_.last_acknowledged = last_acknowledged;
    bytes_.resize(static_cast<std::size_t>(padded_length()));
    std::memset(bytes_.data() + header_.length, 0, bytes_.size() - header_.length);
    const bytes_view records =
        bytes_.view().subspan(batch_header_bytes, header_.length - batch_header_bytes);
    header_.body_crc = batch_body_crc(position, records);
    encode_batch_header(header_, bytes_.data());
}

}  // namespace taicang
