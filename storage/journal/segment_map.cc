#include "storage/journal/segment_map.h"

#include <cstring>

#include "storage/base/limits.h"
#include "storage/journal/batch_format.h"

namespace taicang {

namespace {

constexpr std::uint64_t map_magic = 0x3150414d53'4a4354ULL;  // "TCJSMAP1"
constexpr std::uint16_t map_version = 1;

void put_digest(encoder& out, const sha256_digest& digest) {
    out.raw(digest);
}

sha256_digest get_digest(decoder& in) {
    sha256_digest digest{};
    const bytes_view view = in.raw(digest.size());
    if (view.size() == digest.size()) std::memcpy(digest.data(), view.data(), digest.size());
    return digest;
}

void put_segment(encoder& out, const segment_entry& segment) {
    out.u64(segment.id.value);
    out.u64(segment.epoch.value);
    out.u8(static_cast<std::uint8_t>(segment.state));
    out.u64(segment.capacity);
    out.u8(static_cast<std::uint8_t>(segment.members.size()));
    for (const segment_member& member : segment.members) {
        out.raw(member.device.bytes);
        out.u32(member.extent.shard.value);
        out.u64(member.extent.term.value);
        out.u64(member.extent.sequence);
    }
    if (segment.state != segment_state::sealed) return;
    out.u64(segment.length);
    out.u64(segment.first.value);
    out.u64(segment.last.value);
    put_digest(out, segment.chain_end);
}

segment_entry get_segment(decoder& in) {
    segment_entry segment;
    segment.id = segment_id(in.u64());
    segment.epoch = ensemble_epoch(in.u64());
    segment.state = static_cast<segment_state>(in.u8());
    segment.capacity = in.u64();
    const std::size_t members = in.u8();
    if (members > limits::journal_ensemble_members_max) in.fail();
    for (std::size_t i = 0; i < members && in.ok(); ++i) {
        segment_member member;
        const bytes_view device = in.raw(member.device.bytes.size());
        if (!in.ok()) break;
        std::memcpy(member.device.bytes.data(), device.data(), device.size());
        member.extent.shard = shard_id(in.u32());
        member.extent.term = shard_term(in.u64());
        member.extent.sequence = in.u64();
        segment.members.push_back(member);
    }
    if (segment.state == segment_state::sealed) {
        segment.length = in.u64();
        segment.first = lsn(in.u64());
        segment.last = lsn(in.u64());
        segment.chain_end = get_digest(in);
    } else if (segment.state != segment_state::live) {
        in.fail();
    }
    return segment;
}

/// Order and seams between segments; what no encoder of ours would write.
bool consistent(const segment_map& map) {
    std::uint64_t id_before = 0;
    std::uint64_t next = map.base_next.value;
    bool live_seen = false;
    for (const segment_entry& segment : map.segments) {
        if (segment.id.value <= id_before || segment.id >= map.next_segment) return false;
        if (segment.members.empty() || segment.epoch > map.epoch) return false;
        if (segment.capacity == 0 || segment.capacity > limits::journal_segment_bytes_max ||
            segment.capacity % journal_format::batch_alignment != 0) {
            return false;
        }
        id_before = segment.id.value;
        if (segment.state == segment_state::live) {
            live_seen = true;
            continue;
        }
        if (live_seen || segment.first.value != next || segment.last < segment.first ||
            segment.length == 0 || segment.length > segment.capacity) {
            return false;
        }
        next = segment.last.value + 1;
    }
    return map.base_next.value > 0;
}

}  // namespace

std::string encode_segment_map(const segment_map& map) {
    TC_ASSERT(map.segments.size() <= limits::journal_segments_max);
    std::string bytes;
    encoder out(bytes);
    out.u64(map_magic);
    out.u16(map_version);
    out.u32(0);  // compat features
    out.u32(journal_format::known_ro_compat_features);
    out.u32(journal_format::known_incompat_features);
    out.u32(map.shard.value);
    out.u64(map.epoch.value);
    out.u64(map.next_segment.value);
    out.u64(map.base_next.value);
    put_digest(out, map.base_chain);
    out.u32(static_cast<std::uint32_t>(map.segments.size()));
    for (const segment_entry& segment : map.segments)
        put_segment(out, segment);
    out.u32(crc32c(as_bytes(bytes)));
    return bytes;
}

result<segment_map> decode_segment_map(bytes_view bytes) {
    const error damaged(errc::corrupt,
                        "the journal's segment map in the root does not decode; the root itself "
                        "verified, so another program wrote it: restore the devices' superblocks "
                        "or run `taicang fsck`");
    if (bytes.size() < 4) return damaged;
    const bytes_view body = bytes.first(bytes.size() - 4);
    if (load_le<std::uint32_t>(bytes.data() + body.size()) != crc32c(body)) return damaged;
    decoder in(body);
    if (in.u64() != map_magic) return damaged;
    const std::uint16_t version = in.u16();
    in.u32();  // compat features change nothing for a reader
    const std::uint32_t ro_compat = in.u32();
    const std::uint32_t incompat = in.u32();
    if (in.ok() &&
        (version != map_version || (incompat & ~journal_format::known_incompat_features) != 0 ||
         (ro_compat & ~journal_format::known_ro_compat_features) != 0)) {
        return error(errc::version_unsupported,
                     "the journal was written by a newer taicang (segment map version " +
                         std::to_string(version) + "); start that version again");
    }
    segment_map map;
    map.shard = shard_id(in.u32());
    map.epoch = ensemble_epoch(in.u64());
    map.next_segment = segment_id(in.u64());
    map.base_next = lsn(in.u64());
    map.base_chain = get_digest(in);
    const std::uint32_t count = in.u32();
    if (count > limits::journal_segments_max) in.fail();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i)
        map.segments.push_back(get_segment(in));
    if (!in.finished() || !consistent(map)) return damaged;
    return map;
}

}  // namespace taicang
