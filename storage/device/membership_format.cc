#include "storage/device/membership_format.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/base/limits.h"

namespace taicang::device_format {

namespace {

error damaged(std::string why) {
    return error(errc::corrupt, "membership: " + std::move(why));
}

std::string_view cut(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    // Never inside a UTF-8 sequence: continuation bytes are 10xxxxxx.
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80)
        --most;
    return text.substr(0, most);
}

member decode_member(decoder& in) {
    member found;
    const bytes_view id = in.raw(found.device.bytes.size());
    if (in.ok()) std::memcpy(found.device.bytes.data(), id.data(), id.size());
    found.epoch = membership_epoch(in.u64());
    const std::uint8_t state = in.u8();
    if (state > static_cast<std::uint8_t>(member_state::fenced)) in.fail();
    found.state = static_cast<member_state>(state);
    found.sequence_required = in.u64();
    found.file_name = in.text(limits::device_file_name_bytes_max);
    found.reason = in.text(limits::device_reason_bytes_max);
    return found;
}

}  // namespace

std::string encode_membership(const membership& from) {
    TC_ASSERT(from.members.size() <= limits::tier_devices_max);
    std::string section;
    encoder out(section);
    out.u16(membership_version);
    out.u8(from.tier);
    out.u8(from.parity);
    out.u32(from.members_created);
    out.u32(static_cast<std::uint32_t>(from.members.size()));
    for (const member& each : from.members) {
        out.raw(each.device.bytes);
        out.u64(each.epoch.value);
        out.u8(static_cast<std::uint8_t>(each.state));
        out.u64(each.sequence_required);
        out.text(cut(each.file_name, limits::device_file_name_bytes_max));
        out.text(cut(each.reason, limits::device_reason_bytes_max));
    }
    return section;
}

result<membership> decode_membership(bytes_view section) {
    decoder in(section);
    const std::uint16_t version = in.u16();
    if (in.ok() && version != membership_version) {
        return error(errc::version_unsupported,
                     "membership: format version " + std::to_string(version) +
                         " is not known to this build; use a newer taicang");
    }
    membership found;
    found.tier = in.u8();
    found.parity = in.u8();
    found.members_created = in.u32();
    const std::uint32_t count = in.u32();
    if (!in.ok() || count > limits::tier_devices_max) return damaged("too many members");
    for (std::uint32_t i = 0; i < count && in.ok(); ++i)
        found.members.push_back(decode_member(in));
    if (!in.finished()) return damaged("malformed");
    for (std::size_t i = 0; i < found.members.size(); ++i) {
        for (std::size_t j = i + 1; j < found.members.size(); ++j) {
            if (found.members[i].device == found.members[j].device) {
                return damaged("a device is listed twice");
            }
        }
    }
    return found;
}

}  // namespace taicang::device_format
