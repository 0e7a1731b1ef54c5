#include "storage/device/inspect.h"

#include <algorithm>

namespace taicang::device_format {

namespace {

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

std::string section_name(std::uint16_t section) {
    switch (section) {
        case 1:
            return "membership";
        case 2:
            return "journal";
        case 3:
            return "checkpoints";
        default:
            return "section " + number(section);
    }
}

std::string state_name(member_state state) {
    switch (state) {
        case member_state::active:
            return "active";
        case member_state::missing:
            return "missing";
        case member_state::fenced:
            return "fenced";
    }
    return "unknown";
}

std::string purpose_name(std::uint8_t purpose) {
    switch (purpose) {
        case 0:
            return "none";
        case 1:
            return "journal";
        case 2:
            return "stripe";
        case 3:
            return "checkpoint";
        default:
            return "unknown";
    }
}

void append(field_list& to, const field_list& from, const std::string& prefix) {
    for (const auto& [name, value] : from)
        to.emplace_back(prefix + name, value);
}

}  // namespace

field_list fields_of(const superblock& from) {
    field_list out{
        {"format_version", number(superblock_version)},
        {"features_compat", number(from.features.compat)},
        {"features_ro_compat", number(from.features.ro_compat)},
        {"features_incompat", number(from.features.incompat)},
        {"device", from.device.text()},
        {"hub", from.hub.text()},
        {"hub_number", number(from.hub_number.value)},
        {"tier", number(from.tier)},
        {"parity", number(from.parity)},
        {"members_created", number(from.members_created)},
        {"index_created", number(from.index_created)},
        {"membership_epoch", number(from.epoch.value)},
        {"created_at_ns", std::to_string(from.created_at)},
        {"extent_bytes", number(from.parts.extent_bytes)},
        {"capacity_extents", number(from.parts.capacity_extents)},
        {"root_offset", number(from.parts.root_offset)},
        {"root_slot_bytes", number(from.parts.root_slot_bytes)},
        {"directory_offset", number(from.parts.directory_offset)},
        {"directory_bytes", number(from.parts.directory_bytes)},
        {"extents_offset", number(from.parts.extents_offset)},
    };
    for (std::size_t i = 0; i < tiers_max; ++i) {
        if (from.tiers[i].members == 0) continue;
        out.emplace_back(
            "tier_" + number(i) + "_created",
            number(from.tiers[i].members) + " members, parity " + number(from.tiers[i].parity));
    }
    return out;
}

field_list fields_of(const membership& from) {
    field_list out{{"members_created", number(from.members_created)}};
    for (const member& each : from.members) {
        std::string line = state_name(each.state) + ", epoch " + number(each.epoch.value) +
                           ", file " + each.file_name;
        if (each.state == member_state::missing) {
            line += ", must have root " + number(each.sequence_required);
        }
        if (!each.reason.empty()) line += ": " + each.reason;
        out.emplace_back("member " + each.device.text(), std::move(line));
    }
    return out;
}

field_list fields_of(const root& from) {
    const root_header& header = from.header;
    field_list out{
        {"format_version", number(root_version)},
        {"hub", header.hub.text()},
        {"tier", number(header.tier)},
        {"parity", number(header.parity)},
        {"boot", number(header.position.boot)},
        {"sequence", number(header.position.sequence)},
        {"written_at_ns", std::to_string(header.position.written_at)},
        {"body_length", number(header.body_length)},
        {"body_sha256", to_hex(header.body_digest)},
    };
    for (const auto& [section, bytes] : from.sections) {
        out.emplace_back(section_name(section), number(bytes.size()) + " bytes");
        if (section != 1) continue;
        auto members = decode_membership(as_bytes(bytes));
        if (members.ok()) {
            append(out, fields_of(*members), "");
        } else {
            out.emplace_back("damage", members.error().message);
        }
    }
    return out;
}

field_list fields_of(const directory_entry& from) {
    field_list out{
        {"state", from.state == place_state::live ? "live" : "free"},
        {"life", number(from.life)},
        {"written", from.written ? "yes" : "no"},
    };
    if (from.state != place_state::live) return out;
    out.emplace_back("purpose", purpose_name(from.purpose));
    out.emplace_back("shard", number(from.shard));
    out.emplace_back("term", number(from.term));
    out.emplace_back("sequence", number(from.sequence));
    out.emplace_back("sealed", from.sealed ? number(from.sealed_length) + " bytes" : "no");
    return out;
}

field_list inspect_superblock(bytes_view copy) {
    auto decoded = decode_superblock(copy);
    if (!decoded) return {{"damage", decoded.error().message}};
    return fields_of(*decoded);
}

field_list inspect_root(bytes_view slot) {
    if (slot.size() < root_header_bytes) return {{"damage", "root: the slot is cut short"}};
    auto header = decode_root_header(slot.first(root_header_bytes));
    if (!header) return {{"damage", header.error().message}};
    auto decoded = decode_root_body(*header, slot.subspan(root_header_bytes));
    if (!decoded) return {{"damage", decoded.error().message}};
    return fields_of(*decoded);
}

field_list inspect_directory_block(bytes_view block, const uuid& device, std::uint64_t first_place,
                                   std::uint64_t places) {
    field_list out;
    const std::uint64_t held = block.size() / directory_entry_bytes;
    for (std::uint64_t i = 0; i < std::min(held, places); ++i) {
        const std::string prefix = "place " + number(first_place + i) + " ";
        auto entry =
            decode_directory_entry(block.subspan(i * directory_entry_bytes, directory_entry_bytes),
                                   device, first_place + i);
        if (!entry) {
            out.emplace_back(prefix + "damage", entry.error().message);
        } else if (entry->state == place_state::live) {
            append(out, fields_of(*entry), prefix);
        }
    }
    return out;
}

}  // namespace taicang::device_format
