// Membership section of a tier's root, format v1 (docs/formats/superblock.md): who belongs to the
// tier, and how. Values and pure functions; any thread. Free of coroutines and I/O: fuzzers and
// `inspect` use it. Invariants: a member's epoch never goes back; a fenced member stays fenced; the
// order of members is that of creation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"

namespace taicang::device_format {

inline constexpr std::uint16_t membership_version = 1;

enum class member_state : std::uint8_t { active = 0, missing = 1, fenced = 2 };

struct member {
    uuid device;
    membership_epoch epoch;
    member_state state = member_state::active;
    /// Of a missing member: the sequence of the oldest root it may come back with.
    std::uint64_t sequence_required = 0;
    std::string file_name;  ///< where it was last seen; for people only
    std::string reason;     ///< why it is not active; a sentence
    bool operator==(const member&) const = default;
};

struct membership {
    std::uint8_t tier = 0;
    std::uint8_t parity = 0;
    std::uint32_t members_created = 0;
    std::vector<member> members;
    bool operator==(const membership&) const = default;
};

/// Reasons and names beyond their limits are cut.
std::string encode_membership(const membership& from);
/// errc::corrupt, errc::version_unsupported.
result<membership> decode_membership(bytes_view section);

}  // namespace taicang::device_format
