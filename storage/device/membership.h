// Who may take part in a tier at start: judges device files against the newest root. Pure, so that
// every case is a test. Threads: any (no state, no I/O). Lifetime: candidates are borrowed for the
// call. Invariants (docs/protocols/boot.md): every acknowledged root is on m+1 members and was sent
// to all active ones, one root at a time; so n-m members read see the newest, and an active member
// is at most one root behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/device/membership_format.h"
#include "storage/device/root_format.h"
#include "storage/device/superblock_format.h"

namespace taicang {

/// A device file of the hub and tier that is judged; its superblock verified.
struct tier_candidate {
    std::string file_name;
    const device_format::superblock* identity = nullptr;
    const device_format::root* newest = nullptr;  ///< null: no slot verified
};

enum class verdict : std::uint8_t {
    active,
    rejoins,  ///< was missing and may come back, under the next membership epoch
    fenced,   ///< a member that the root fences
    refused,  ///< clone, stale, swapped, damaged: `why` is the sentence
};

struct candidate_verdict {
    verdict kind = verdict::refused;
    std::size_t member = 0;  ///< index in the membership, unless refused
    std::optional<error> why;
};

struct tier_judgement {
    device_format::root newest;
    device_format::membership
        members;  ///< as the newest root has it, those not there now marked missing
    std::vector<candidate_verdict> candidates;
    std::size_t members_needed = 0;
    std::size_t members_present = 0;
    std::optional<error> quorum_lost;  ///< set when fewer than n-m were read
};

struct tier_question {
    std::string directory;  ///< for sentences
    std::string tier;
    bool accept_loss = false;
};

/// errc::quorum_lost when no root can be read at all; errc::corrupt when the newest root holds no
/// membership.
result<tier_judgement> judge_tier(const tier_question& question,
                                  const std::vector<tier_candidate>& candidates);

}  // namespace taicang
