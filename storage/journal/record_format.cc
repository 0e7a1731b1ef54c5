#include "storage/journal/record_format.h"

#include <cstring>

#include "storage/base/assert.h"

namespace taicang {

namespace {

using layout = journal_format::record_header_layout;

template <class T>
void put(std::byte* into, std::size_t offset, T value) noexcept {
    store_le<T>(into + offset, value);
}

template <class T>
T get(bytes_view from, std::size_t offset) noexcept {
    return load_le<T>(from.data() + offset);
}

}  // namespace

void encode_record_header(const record_header& header, std::byte* into) noexcept {
    put<std::uint64_t>(into, offsetof(layout, position), header.position.value);
    put<std::uint64_t>(into, offsetof(layout, clock), header.clock.value);
    put<std::uint64_t>(into, offsetof(layout, set_sequence), header.set_sequence);
    put<std::uint32_t>(into, offsetof(layout, shard), header.shard.value);
    put<std::uint32_t>(into, offsetof(layout, set), header.set.value);
    put<std::uint16_t>(into, offsetof(layout, origin), header.origin.value);
    put<std::uint16_t>(into, offsetof(layout, kind), static_cast<std::uint16_t>(header.kind));
    put<std::uint16_t>(into, offsetof(layout, flags), header.flags);
    put<std::uint16_t>(into, offsetof(layout, reserved), std::uint16_t{0});
    put<std::uint32_t>(into, offsetof(layout, body_length), header.body_length);
    put<std::uint32_t>(into, offsetof(layout, payload_length), header.payload_length);
    std::memcpy(into + offsetof(layout, body_digest), header.body_digest.data(),
                header.body_digest.size());
    std::memcpy(into + offsetof(layout, payload_digest), header.payload_digest.data(),
                header.payload_digest.size());
}

bool decode_record_header(bytes_view from, record_header& header) noexcept {
    TC_ASSERT(from.size() >= journal_format::record_header_bytes);
    header.position = lsn(get<std::uint64_t>(from, offsetof(layout, position)));
    header.clock = hybrid_clock(get<std::uint64_t>(from, offsetof(layout, clock)));
    header.set_sequence = get<std::uint64_t>(from, offsetof(layout, set_sequence));
    header.shard = shard_id(get<std::uint32_t>(from, offsetof(layout, shard)));
    header.set = set_id(get<std::uint32_t>(from, offsetof(layout, set)));
    header.origin = hub_id(get<std::uint16_t>(from, offsetof(layout, origin)));
    // A kind that this build does not know stays a number: `flags` says whether it may be skipped.
    header.kind = static_cast<record_kind>(get<std::uint16_t>(from, offsetof(layout, kind)));
    header.flags = get<std::uint16_t>(from, offsetof(layout, flags));
    header.body_length = get<std::uint32_t>(from, offsetof(layout, body_length));
    header.payload_length = get<std::uint32_t>(from, offsetof(layout, payload_length));
    std::memcpy(header.body_digest.data(), from.data() + offsetof(layout, body_digest),
                header.body_digest.size());
    std::memcpy(header.payload_digest.data(), from.data() + offsetof(layout, payload_digest),
                header.payload_digest.size());
    return get<std::uint16_t>(from, offsetof(layout, reserved)) == 0 &&
           header.body_length <= limits::record_body_bytes_max;
}

sha256_digest chain_next(const sha256_digest& chain, bytes_view encoded_header) {
    TC_ASSERT(encoded_header.size() == journal_format::record_header_bytes);
    return sha256(bytes_view(chain), encoded_header);
}

}  // namespace taicang
