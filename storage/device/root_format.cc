#include "storage/device/root_format.h"

#include <cstring>
#include <utility>

namespace taicang::device_format {

namespace {

error damaged(std::string why) {
    return error(errc::corrupt, "root: " + std::move(why));
}

std::string encode_body(const root_sections& sections) {
    std::string body;
    encoder out(body);
    for (const auto& [number, bytes] : sections) {
        out.u16(number);
        out.u16(0);
        out.u32(static_cast<std::uint32_t>(bytes.size()));
        body.append(bytes);
    }
    return body;
}

}  // namespace

std::size_t root_body_bytes(const root_sections& sections) noexcept {
    std::size_t total = 0;
    for (const auto& [number, bytes] : sections)
        total += root_section_header_bytes + bytes.size();
    return total;
}

std::string encode_root(root_header identity, const root_sections& sections) {
    const std::string body = encode_body(sections);
    TC_ASSERT(body.size() <= limits::root_bytes_max && sections.size() <= root_sections_max);
    std::string slot(root_header_bytes + round_up(body.size(), root_header_bytes), '\0');
    auto* at = reinterpret_cast<std::byte*>(slot.data());
    std::memcpy(at, root_magic.data(), root_magic.size());
    store_le(at + root_at::version, root_version);
    store_le(at + root_at::length, static_cast<std::uint32_t>(root_header_bytes));
    std::memcpy(at + root_at::hub, identity.hub.bytes.data(), identity.hub.bytes.size());
    store_le(at + root_at::tier, identity.tier);
    store_le(at + root_at::parity, identity.parity);
    store_le(at + root_at::boot, identity.position.boot);
    store_le(at + root_at::sequence, identity.position.sequence);
    store_le(at + root_at::written_at, static_cast<std::uint64_t>(identity.position.written_at));
    store_le(at + root_at::body_length, static_cast<std::uint32_t>(body.size()));
    store_le(at + root_at::body_crc, crc32c(as_bytes(body)));
    const sha256_digest digest = sha256(as_bytes(body));
    std::memcpy(at + root_at::body_digest, digest.data(), digest.size());
    store_le(at + root_at::crc, crc32c({at, root_at::crc}));
    std::memcpy(at + root_header_bytes, body.data(), body.size());
    return slot;
}

result<root_header> decode_root_header(bytes_view block) {
    if (block.size() != root_header_bytes) return damaged("the header is not 4096 bytes long");
    const std::byte* at = block.data();
    if (as_text(block.first(root_magic.size())) != root_magic) return damaged("no magic number");
    if (load_le<std::uint32_t>(at + root_at::crc) != crc32c(block.first(root_at::crc))) {
        return damaged("header checksum mismatch");
    }
    const auto version = load_le<std::uint32_t>(at + root_at::version);
    if (version != root_version) {
        return error(errc::version_unsupported,
                     "root: format version " + std::to_string(version) +
                         " is not known to this build; use a newer taicang");
    }
    root_header found;
    std::memcpy(found.hub.bytes.data(), at + root_at::hub, found.hub.bytes.size());
    found.tier = load_le<std::uint8_t>(at + root_at::tier);
    found.parity = load_le<std::uint8_t>(at + root_at::parity);
    found.position.boot = load_le<std::uint64_t>(at + root_at::boot);
    found.position.sequence = load_le<std::uint64_t>(at + root_at::sequence);
    found.position.written_at =
        static_cast<timestamp_ns>(load_le<std::uint64_t>(at + root_at::written_at));
    found.body_length = load_le<std::uint32_t>(at + root_at::body_length);
    found.body_crc = load_le<std::uint32_t>(at + root_at::body_crc);
    std::memcpy(found.body_digest.data(), at + root_at::body_digest, found.body_digest.size());
    if (found.body_length > limits::root_bytes_max) return damaged("the body is too long");
    return found;
}

result<root> decode_root_body(const root_header& header, bytes_view body) {
    if (body.size() < header.body_length) return damaged("the body is cut short");
    body = body.first(header.body_length);
    if (crc32c(body) != header.body_crc) return damaged("body checksum mismatch");
    if (sha256(body) != header.body_digest) return damaged("body digest mismatch");
    root found{header, {}};
    decoder in(body);
    std::uint32_t last = 0;
    while (in.ok() && in.left() > 0) {
        const std::uint16_t number = in.u16();
        const std::uint16_t zero = in.u16();
        const std::uint32_t length = in.u32();
        const bytes_view bytes = in.raw(length);
        const bool ascending = found.sections.empty() || number > last;
        if (!in.ok() || zero != 0 || !ascending || found.sections.size() == root_sections_max) {
            return damaged("the section table is malformed");
        }
        found.sections.emplace(number, std::string(as_text(bytes)));
        last = number;
    }
    if (!in.finished()) return damaged("the section table is malformed");
    return found;
}

}  // namespace taicang::device_format
