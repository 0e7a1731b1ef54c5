// Who may take part at start, case by case, without a disk.
#include "storage/device/membership.h"

#include <gtest/gtest.h>

#include "storage/device/root_numbers.h"

namespace taicang {
namespace {

using device_format::member;
using device_format::member_state;
using device_format::membership;
using device_format::root;
using device_format::superblock;

uuid device_number(unsigned number) {
    uuid id;
    id.bytes[0] = std::byte{0xd0};
    id.bytes[15] = static_cast<std::byte>(number);
    return id;
}

/// Six devices, parity 2, all active in a root of sequence 10; tests change what they are about.
class tier_case : public ::testing::Test {
  protected:
    tier_case() {
        members.parity = 2;
        members.members_created = 6;
        for (unsigned i = 0; i < 6; ++i) {
            member each;
            each.device = device_number(i);
            each.epoch = membership_epoch(1);
            each.file_name = "nvme-" + std::to_string(i) + ".dev";
            members.members.push_back(each);
            identities[i].device = each.device;
            identities[i].parity = 2;
            identities[i].members_created = 6;
            identities[i].epoch = membership_epoch(1);
            roots[i].header.position = {3, 10, 1000};
            present[i] = true;
        }
    }

    result<tier_judgement> judge(bool accept_loss = false) {
        std::vector<tier_candidate> candidates;
        for (unsigned i = 0; i < 6; ++i) {
            roots[i].sections[root_section_membership] = device_format::encode_membership(
                older_members.contains(i) ? older_members.at(i) : members);
            if (!present[i]) continue;
            candidates.push_back(
                {members.members[i].file_name, &identities[i], readable[i] ? &roots[i] : nullptr});
        }
        return judge_tier({"/hub", "nvme", accept_loss}, candidates);
    }

    membership members;
    std::map<unsigned, membership> older_members;  ///< of devices that hold another root
    superblock identities[6];
    root roots[6];
    bool present[6];
    bool readable[6] = {true, true, true, true, true, true};
};

TEST_F(tier_case, all_there) {
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_FALSE(judged->quorum_lost);
    EXPECT_EQ(judged->members_needed, 4U);
    EXPECT_EQ(judged->members_present, 6U);
    for (const auto& each : judged->candidates)
        EXPECT_EQ(each.kind, verdict::active);
}

TEST_F(tier_case, one_root_behind_is_a_crash_two_is_an_old_copy) {
    roots[1].header.position = {3, 9, 900};
    roots[2].header.position = {3, 8, 800};
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_EQ(judged->newest.header.position.sequence, 10U);
    EXPECT_EQ(judged->candidates[1].kind, verdict::active);
    EXPECT_EQ(judged->candidates[2].kind, verdict::refused);
    EXPECT_EQ(judged->candidates[2].why->code, errc::device_stale);
    EXPECT_EQ(judged->members.members[2].state, member_state::missing);
    EXPECT_EQ(judged->members.members[2].sequence_required, 9U);
}

TEST_F(tier_case, the_higher_boot_wins_over_the_longer_sequence_of_an_older_one) {
    roots[5].header.position = {4, 10, 1100};
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_EQ(judged->newest.header.position.boot, 4U);
}

TEST_F(tier_case, fenced_members_leave_n) {
    members.members[0].state = member_state::fenced;
    members.members[1].state = member_state::fenced;
    present[0] = present[2] = present[3] = false;
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_EQ(judged->members_needed, 2U);
    EXPECT_EQ(judged->members_present, 2U);
    EXPECT_FALSE(judged->quorum_lost);
    EXPECT_EQ(judged->candidates[0].kind, verdict::fenced);
}

TEST_F(tier_case, missing_members_do_not_leave_n) {
    members.members[0].state = member_state::missing;
    members.members[1].state = member_state::missing;
    present[0] = present[1] = present[2] = false;
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_TRUE(judged->quorum_lost);
}

TEST_F(tier_case, a_fencing_read_nowhere_cannot_make_a_quorum) {
    // Root 11 fenced 3, 4, 5 one after the other and is on 0, 1, 2 alone. Read are 3, 4, 5: they
    // know of root 10 only, and by that four are needed.
    present[0] = present[1] = present[2] = false;
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_TRUE(judged->quorum_lost);
}

TEST_F(tier_case, a_missing_member_comes_back_with_what_it_had) {
    members.members[4].state = member_state::missing;
    members.members[4].sequence_required = 5;
    roots[4].header.position = {2, 5, 500};
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_EQ(judged->candidates[4].kind, verdict::rejoins);
    roots[4].header.position = {2, 4, 400};
    judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_EQ(judged->candidates[4].kind, verdict::refused);
    EXPECT_EQ(judged->members.members[4].sequence_required, 5U);
}

TEST_F(tier_case, epochs) {
    identities[0].epoch = membership_epoch(2);  // ahead without having been missing
    members.members[1].state = member_state::missing;
    identities[1].epoch = membership_epoch(2);       // coming back was cut short
    members.members[2].epoch = membership_epoch(2);  // behind
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_EQ(judged->candidates[0].why->code, errc::device_swapped);
    EXPECT_EQ(judged->candidates[1].kind, verdict::rejoins);
    EXPECT_EQ(judged->candidates[2].why->code, errc::device_stale);
}

TEST_F(tier_case, clones_decide_nothing) {
    identities[5].device = identities[4].device;
    roots[5].header.position = {9, 90, 9000};
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    EXPECT_EQ(judged->newest.header.position.boot, 3U);
    EXPECT_EQ(judged->members_present, 4U);
    EXPECT_EQ(judged->candidates[4].kind, verdict::refused);
    EXPECT_EQ(judged->candidates[5].kind, verdict::refused);
}

TEST_F(tier_case, shapes_that_disagree_are_swapped) {
    identities[0].parity = 1;
    identities[1].members_created = 7;
    identities[2].device = device_number(77);
    auto judged = judge();
    ASSERT_TRUE(judged.ok());
    for (unsigned i = 0; i < 3; ++i) {
        EXPECT_EQ(judged->candidates[i].kind, verdict::refused);
        EXPECT_EQ(judged->candidates[i].why->code, errc::device_swapped);
    }
    EXPECT_TRUE(judged->quorum_lost);
}

TEST_F(tier_case, accepted_loss_fences_the_absent) {
    present[0] = present[1] = present[2] = false;
    auto judged = judge(true);
    ASSERT_TRUE(judged.ok());
    EXPECT_TRUE(judged->quorum_lost);
    for (unsigned i = 0; i < 3; ++i) {
        EXPECT_EQ(judged->members.members[i].state, member_state::fenced);
    }
}

TEST_F(tier_case, no_root_at_all) {
    for (bool& each : readable)
        each = false;
    EXPECT_TRUE(judge().is(errc::quorum_lost));
    EXPECT_TRUE(judge(true).is(errc::quorum_lost));
}

}  // namespace
}  // namespace taicang
