#include "storage/device/membership.h"

#include <algorithm>
#include <utility>

#include "storage/base/mark.h"
#include "storage/device/root_numbers.h"

namespace taicang {

using device_format::member;
using device_format::member_state;
using device_format::membership;

namespace {

error refusal(errc code, std::string why) {
    return error(code, std::move(why));
}

bool is_clone(const std::vector<tier_candidate>& all, std::size_t index) {
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i != index && all[i].identity->device == all[index].identity->device) return true;
    }
    return false;
}

std::string names_of_clones(const std::vector<tier_candidate>& all, std::size_t index) {
    std::string names;
    for (const tier_candidate& each : all) {
        if (each.identity->device != all[index].identity->device) continue;
        names += (names.empty() ? "" : " and ") + each.file_name;
    }
    return names;
}

/// The oldest root a member may come with. Roots go out one at a time, so a crash leaves an active
/// member at most one behind; a missing one must have what it had when it went.
std::uint64_t sequence_required(const member& record, std::uint64_t newest_sequence) {
    if (record.state == member_state::missing) return record.sequence_required;
    return newest_sequence == 0 ? 0 : newest_sequence - 1;
}

std::optional<error> mismatch(const tier_candidate& candidate, const membership& members) {
    const device_format::superblock& identity = *candidate.identity;
    if (identity.parity == members.parity && identity.members_created == members.members_created) {
        return std::nullopt;
    }
    TC_MARK("device.swapped");
    return refusal(errc::device_swapped,
                   "its superblock speaks of " + std::to_string(identity.members_created) +
                       " members and parity " + std::to_string(identity.parity) +
                       ", the tier's root of " + std::to_string(members.members_created) + " and " +
                       std::to_string(members.parity) +
                       "; it was put in another's place, put the right file back");
}

std::optional<error> staleness(const tier_candidate& candidate, const member& record,
                               std::uint64_t newest_sequence) {
    const std::uint64_t epoch = candidate.identity->epoch.value;
    const std::uint64_t epoch_known = record.epoch.value;
    if (candidate.newest == nullptr) {
        return refusal(
            errc::corrupt,
            "neither of its root slots is readable; its data is decoded from the others");
    }
    if (epoch < epoch_known) {
        TC_MARK("device.stale_epoch");
        return refusal(errc::device_stale, "its membership epoch is " + std::to_string(epoch) +
                                               ", the tier's is " + std::to_string(epoch_known) +
                                               ": it is an old copy; put the present file back");
    }
    // One ahead: its superblock was written for coming back, and the root that says so was cut
    // short.
    const bool coming_back = record.state == member_state::missing && epoch == epoch_known + 1;
    if (epoch != epoch_known && !coming_back) {
        return refusal(errc::device_swapped, "its membership epoch is " + std::to_string(epoch) +
                                                 ", ahead of the tier's " +
                                                 std::to_string(epoch_known) +
                                                 ": it took part in another course of this hub");
    }
    const std::uint64_t required = sequence_required(record, newest_sequence);
    const std::uint64_t own = candidate.newest->header.position.sequence;
    if (own >= required) return std::nullopt;
    TC_MARK("device.stale_root");
    return refusal(errc::device_stale,
                   "its newest root is number " + std::to_string(own) + ", it must have " +
                       std::to_string(required) +
                       " or later: it is an old copy; put the present file back");
}

candidate_verdict judge(const std::vector<tier_candidate>& all, std::size_t index,
                        const tier_judgement& so_far) {
    const tier_candidate& candidate = all[index];
    candidate_verdict out;
    if (is_clone(all, index)) {
        TC_MARK("device.clone");
        out.why =
            refusal(errc::device_swapped,
                    names_of_clones(all, index) + " carry the same device uuid " +
                        candidate.identity->device.text() + ": one is a copy; move the copy away");
        return out;
    }
    out.why = mismatch(candidate, so_far.members);
    if (out.why) return out;
    const auto& records = so_far.members.members;
    const auto record = std::find_if(records.begin(), records.end(), [&](const member& each) {
        return each.device == candidate.identity->device;
    });
    if (record == records.end()) {
        out.why = refusal(errc::device_swapped,
                          "device " + candidate.identity->device.text() +
                              " is not a member of this tier any more; move the file away");
        return out;
    }
    out.member = static_cast<std::size_t>(record - records.begin());
    if (record->state == member_state::fenced) {
        out.kind = verdict::fenced;
        return out;
    }
    out.why = staleness(candidate, *record, so_far.newest.header.position.sequence);
    if (out.why) return out;
    out.kind = record->state == member_state::missing ? verdict::rejoins : verdict::active;
    return out;
}

const device_format::root* newest_root(const std::vector<tier_candidate>& all) {
    const device_format::root* newest = nullptr;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].newest == nullptr || is_clone(all, i)) continue;
        if (newest == nullptr || newest->header.position < all[i].newest->header.position) {
            newest = all[i].newest;
        }
    }
    return newest;
}

std::string absent_members(const tier_judgement& judged, const std::vector<bool>& present) {
    std::string names;
    for (std::size_t i = 0; i < present.size(); ++i) {
        const member& each = judged.members.members[i];
        if (present[i] || each.state == member_state::fenced) continue;
        names += (names.empty() ? "" : ", ") + each.file_name + " (" + each.device.text() + ")";
    }
    return names;
}

/// Why a member takes no part: its file is away, or a file with its uuid was refused.
std::string reason_for_absence(const tier_question& question, const member& record,
                               const std::vector<tier_candidate>& candidates,
                               const std::vector<candidate_verdict>& verdicts) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (candidates[i].identity->device != record.device || !verdicts[i].why) continue;
        return candidates[i].file_name + " was refused: " + verdicts[i].why->message;
    }
    return record.file_name + " was not found in " + question.directory + " at start; put it back";
}

void mark_absent(const tier_question& question, const std::vector<tier_candidate>& candidates,
                 const std::vector<bool>& present, tier_judgement& judged) {
    const std::uint64_t newest = judged.newest.header.position.sequence;
    for (std::size_t i = 0; i < present.size(); ++i) {
        member& record = judged.members.members[i];
        if (present[i] || record.state == member_state::fenced) continue;
        if (judged.quorum_lost && question.accept_loss) {
            // It may hold a newer root than any that was read: it must never come back by itself.
            TC_MARK("device.left_behind");
            record.state = member_state::fenced;
            record.reason = "left behind when the hub was started with --accept-loss";
            continue;
        }
        record.sequence_required = sequence_required(record, newest);
        record.state = member_state::missing;
        record.reason = reason_for_absence(question, record, candidates, judged.candidates);
    }
}

error quorum_sentence(const tier_question& question, const tier_judgement& judged,
                      const std::vector<bool>& present) {
    return error(
        errc::quorum_lost,
        "tier " + question.tier + " in " + question.directory + " has " +
            std::to_string(judged.members_present) + " of the " +
            std::to_string(judged.members_needed) +
            " devices it needs to start; not there or refused: " + absent_members(judged, present) +
            ". Put these files back, or start with --accept-loss to go on without them: "
            "what was acknowledged and is only there is then lost");
}

}  // namespace

result<tier_judgement> judge_tier(const tier_question& question,
                                  const std::vector<tier_candidate>& candidates) {
    const device_format::root* newest = newest_root(candidates);
    if (newest == nullptr) {
        return error(errc::quorum_lost, "tier " + question.tier + " in " + question.directory +
                                            ": no device with a readable root was found; put the "
                                            "device files back");
    }
    tier_judgement judged;
    judged.newest = *newest;
    const auto section = newest->sections.find(root_section_membership);
    if (section == newest->sections.end()) {
        return error(errc::corrupt, "tier " + question.tier + " in " + question.directory +
                                        ": the newest root holds no membership; run taicang fsck");
    }
    auto members = device_format::decode_membership(as_bytes(section->second));
    if (!members) return members.error().with_context("tier " + question.tier);
    judged.members = std::move(*members);

    std::vector<bool> present(judged.members.members.size(), false);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        judged.candidates.push_back(judge(candidates, i, judged));
        const candidate_verdict& found = judged.candidates.back();
        if (found.kind == verdict::active || found.kind == verdict::rejoins) {
            present[found.member] = true;
        }
    }
    std::size_t not_fenced = 0;
    for (const member& each : judged.members.members) {
        if (each.state != member_state::fenced) ++not_fenced;
    }
    const std::size_t parity = judged.members.parity;
    judged.members_needed = not_fenced > parity ? not_fenced - parity : 1;
    judged.members_present =
        static_cast<std::size_t>(std::count(present.begin(), present.end(), true));
    if (judged.members_present < judged.members_needed) {
        judged.quorum_lost = quorum_sentence(question, judged, present);
    }
    mark_absent(question, candidates, present, judged);
    return judged;
}

}  // namespace taicang
