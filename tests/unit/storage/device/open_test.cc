// Starting a hub from device files that are missing, back again, old, copied, foreign, swapped or
// damaged.
#include <algorithm>
#include <set>

#include "storage/device/root_format.h"
#include "storage/device/superblock_format.h"
#include "tests/unit/storage/device/device_world.h"

namespace taicang::test {
namespace {

using device_format::superblock;

std::string all_of(const device_world& world) {
    std::string text;
    for (const device_info& each : world.set->devices()) {
        text +=
            each.path + " " + std::string(device_state_name(each.state)) + " " + each.reason + "\n";
    }
    return text;
}

superblock identity_of(device_world& world, const std::string& file_name) {
    const auto bytes = world.contents(file_name);
    auto decoded = device_format::decode_superblock({bytes.data(), 4096});
    EXPECT_TRUE(decoded.ok());
    return decoded.ok() ? *decoded : superblock{};
}

void write_identity(device_world& world, const std::string& file_name, const superblock& identity) {
    const std::string image = device_format::encode_superblock(identity);
    for (const std::uint64_t at : device_format::superblock_offsets) {
        world.poke_file(file_name, at, as_bytes(image));
    }
}

TEST(open_hub, fresh_hub_has_all_devices_active) {
    device_world world(1);
    hub_layout layout = small_hub();
    layout.tiers.push_back(small_tier(tier_id::hdd, 4, 1));
    world.format_and_open(layout);
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U);
    EXPECT_EQ(world.set->active(tier_id::hdd).size(), 4U);
    EXPECT_EQ(world.set->parity(tier_id::nvme), 2U);
    EXPECT_EQ(world.set->parity(tier_id::hdd), 1U);
    EXPECT_EQ(world.set->member_count(tier_id::hdd), 4U);
    EXPECT_EQ(world.set->term().value, 1U);
    for (const device_info& each : world.set->devices()) {
        EXPECT_EQ(each.state, device_state::active);
        EXPECT_EQ(each.bytes_capacity, 40 * small_extent);
        EXPECT_EQ(each.bytes_used, 0U);
    }
    EXPECT_NE(world.set->next_extent_name(), world.set->next_extent_name());
}

TEST(open_hub, boot_number_grows_with_every_start_and_roots_stay) {
    device_world world(2);
    world.format_and_open();
    std::uint64_t last = world.set->term().value;
    for (unsigned i = 0; i < 5; ++i) {
        ASSERT_TRUE(world.replace("state " + std::to_string(i)).ok());
        ASSERT_TRUE(world.open().ok());
        EXPECT_GT(world.set->term().value, last);
        last = world.set->term().value;
        EXPECT_EQ(world.journal_section(), "state " + std::to_string(i));
    }
}

TEST(open_hub, any_m_devices_may_be_missing) {
    for (unsigned first = 0; first < 6; ++first) {
        for (unsigned second = first + 1; second < 6; ++second) {
            device_world world(100 + first * 6 + second);
            world.format_and_open();
            ASSERT_TRUE(world.replace("kept").ok());
            world.close();
            world.remove_file(world.nvme(first));
            world.remove_file(world.nvme(second));
            auto opened = world.open();
            ASSERT_TRUE(opened.ok()) << opened.error().message;
            EXPECT_EQ(world.journal_section(), "kept");
            EXPECT_EQ(world.set->active(tier_id::nvme).size(), 4U);
            EXPECT_EQ(world.in_state(device_state::missing).size(), 2U) << all_of(world);
            EXPECT_EQ(world.info(world.nvme(first)).state, device_state::missing);
            EXPECT_TRUE(world.replace("went on").ok());
        }
    }
}

TEST(open_hub, more_than_m_missing_is_refused_with_their_names) {
    device_world world(3);
    world.format_and_open();
    ASSERT_TRUE(world.replace("kept").ok());
    world.close();
    for (unsigned i : {0U, 2U, 5U})
        world.remove_file(world.nvme(i));
    auto opened = world.open();
    ASSERT_TRUE(opened.is(errc::quorum_lost));
    for (const char* part :
         {"nvme-0.dev", "nvme-2.dev", "nvme-5.dev", "3 of the 4", "--accept-loss"}) {
        EXPECT_NE(opened.error().message.find(part), std::string::npos) << opened.error().message;
    }
    EXPECT_EQ(opened.error().message.find("nvme-1.dev"), std::string::npos);
}

TEST(open_hub, accept_loss_goes_on_and_never_takes_the_absent_back) {
    device_world world(4);
    world.format_and_open();
    ASSERT_TRUE(world.replace("kept").ok());
    const std::uint64_t before = world.set->term().value;
    world.close();
    const auto gone = world.contents(world.nvme(0));
    for (unsigned i : {0U, 2U, 5U})
        world.remove_file(world.nvme(i));
    ASSERT_TRUE(world.open(true).ok());
    EXPECT_GT(world.set->term().value, before + 1);
    EXPECT_EQ(world.in_state(device_state::fenced).size(), 3U);
    EXPECT_TRUE(world.replace("after the loss").ok());
    world.close();
    world.put_file(world.nvme(0), gone);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(0)).state, device_state::fenced);
    EXPECT_EQ(world.journal_section(), "after the loss");
}

TEST(open_hub, a_tier_whose_files_are_all_gone_is_noticed) {
    device_world world(5);
    hub_layout layout = small_hub();
    layout.tiers.push_back(small_tier(tier_id::hdd, 3, 1));
    world.format_and_open(layout);
    world.close();
    for (unsigned i = 0; i < 3; ++i)
        world.remove_file("hdd-" + std::to_string(i) + ".dev");
    auto opened = world.open();
    ASSERT_TRUE(opened.is(errc::quorum_lost));
    EXPECT_NE(opened.error().message.find("hdd"), std::string::npos) << opened.error().message;
    ASSERT_TRUE(world.open(true).ok());
    EXPECT_FALSE(world.set->has_tier(tier_id::hdd));
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U);
}

TEST(open_hub, a_missing_device_comes_back_under_the_next_epoch) {
    device_world world(6);
    world.format_and_open();
    ASSERT_TRUE(world.replace("one").ok());
    world.close();
    const auto taken = world.contents(world.nvme(3));
    world.remove_file(world.nvme(3));
    ASSERT_TRUE(world.open().ok());
    for (unsigned i = 0; i < 7; ++i)
        ASSERT_TRUE(world.replace("without it").ok());
    world.close();
    world.put_file(world.nvme(3), taken);
    ASSERT_TRUE(world.open().ok());
    const device_info back = world.info(world.nvme(3));
    EXPECT_EQ(back.state, device_state::active) << all_of(world);
    EXPECT_EQ(back.epoch.value, 2U);
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U);
    EXPECT_EQ(world.journal_section(), "without it");
    world.close();
    // The copy from before it came back is of the old epoch.
    EXPECT_EQ(identity_of(world, world.nvme(3)).epoch.value, 2U);
    world.put_file(world.nvme(3), taken);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(3)).state, device_state::refused);
    EXPECT_NE(world.info(world.nvme(3)).reason.find("old copy"), std::string::npos);
}

TEST(open_hub, a_copy_from_before_the_last_start_is_refused_as_stale) {
    device_world world(7);
    world.format_and_open();
    world.close();
    const auto copy = world.contents(world.nvme(1));
    ASSERT_TRUE(world.open().ok());  // no root but those of the start itself
    world.close();
    const auto present = world.contents(world.nvme(1));
    world.put_file(world.nvme(1), copy);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(1)).state, device_state::refused);
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 5U);
    EXPECT_EQ(world.set->devices().size(), 6U) << all_of(world);
    world.close();
    // The right file put back is welcome.
    world.put_file(world.nvme(1), present);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(1)).state, device_state::active) << all_of(world);
    EXPECT_GT(mark_count("device.stale_root"), 0U);
}

TEST(open_hub, both_files_of_a_clone_are_refused) {
    device_world world(8);
    world.format_and_open();
    world.close();
    world.put_file("copy.dev", world.contents(world.nvme(2)));
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(2)).state, device_state::refused);
    EXPECT_EQ(world.info("copy.dev").state, device_state::refused);
    EXPECT_NE(world.info("copy.dev").reason.find("nvme-2.dev"), std::string::npos);
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 5U);
    world.close();
    world.remove_file("copy.dev");
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U) << all_of(world);
}

TEST(open_hub, a_foreign_device_is_refused_and_left_alone) {
    device_world other(9);
    other.format_and_open();
    other.close();
    const auto foreign = other.contents(other.nvme(4));
    device_world world(10);
    world.format_and_open();
    world.close();
    const auto own = world.contents(world.nvme(4));
    world.put_file(world.nvme(4), foreign);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.in_state(device_state::refused).size(), 1U);
    EXPECT_EQ(world.in_state(device_state::missing).size(), 1U);
    const std::string reason = world.in_state(device_state::refused)[0].reason;
    EXPECT_NE(reason.find("belongs to hub"), std::string::npos) << reason;
    world.close();
    EXPECT_EQ(world.contents(world.nvme(4)), foreign);
    world.put_file("found-again.dev", own);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U) << all_of(world);
}

TEST(open_hub, two_hubs_in_equal_number_are_refused) {
    device_world other(11);
    other.format_and_open(small_hub(3, 1));
    other.close();
    device_world world(12);
    world.format_and_open(small_hub(3, 1));
    world.close();
    for (unsigned i = 0; i < 3; ++i) {
        world.put_file("other-" + std::to_string(i) + ".dev", other.contents(other.nvme(i)));
    }
    EXPECT_TRUE(world.open().is(errc::device_foreign));
}

TEST(open_hub, names_do_not_matter) {
    device_world world(13);
    world.format_and_open();
    ASSERT_TRUE(world.replace("kept").ok());
    const uuid zero = world.info(world.nvme(0)).id;
    world.close();
    const auto first = world.contents(world.nvme(0));
    const auto second = world.contents(world.nvme(1));
    world.put_file(world.nvme(0), second);
    world.put_file(world.nvme(1), first);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U);
    EXPECT_EQ(world.info(world.nvme(1)).id, zero);
    EXPECT_EQ(world.journal_section(), "kept");
}

TEST(open_hub, a_device_that_speaks_of_another_tier_shape_is_refused) {
    device_world world(14);
    world.format_and_open();
    world.close();
    superblock identity = identity_of(world, world.nvme(5));
    identity.members_created = 9;
    write_identity(world, world.nvme(5), identity);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(5)).state, device_state::refused);
    EXPECT_NE(world.info(world.nvme(5)).reason.find("9 members"), std::string::npos);
}

TEST(open_hub, a_superblock_joined_to_the_roots_of_another_tier_is_refused) {
    device_world world(15);
    hub_layout layout = small_hub();
    layout.tiers.push_back(small_tier(tier_id::hdd, 6, 2));
    world.format_and_open(layout);
    world.close();
    const superblock identity = identity_of(world, world.nvme(5));
    world.put_file(world.nvme(5), world.contents("hdd-5.dev"));
    write_identity(world, world.nvme(5), identity);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(5)).state, device_state::refused) << all_of(world);
    EXPECT_EQ(world.set->active(tier_id::hdd).size(), 6U);
}

TEST(open_hub, one_superblock_copy_is_enough) {
    for (unsigned copy = 0; copy < 2; ++copy) {
        device_world world(16 + copy);
        world.format_and_open();
        world.close();
        world.sim.files().damage(world.path(world.nvme(0)),
                                 device_format::superblock_offsets[copy] + 512, 512);
        ASSERT_TRUE(world.open().ok());
        EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U);
    }
    EXPECT_GT(mark_count("device.one_superblock_copy"), 0U);
}

TEST(open_hub, without_a_superblock_copy_the_file_is_refused) {
    device_world world(18);
    world.format_and_open();
    world.close();
    world.sim.files().damage(world.path(world.nvme(0)), 0, 128 * limits::kib);
    ASSERT_TRUE(world.open().ok());
    const auto refused = world.in_state(device_state::refused);
    ASSERT_EQ(refused.size(), 1U);
    EXPECT_NE(refused[0].reason.find("neither superblock copy"), std::string::npos);
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 5U);
    EXPECT_EQ(world.set->devices().size(), 6U) << all_of(world);
    EXPECT_FALSE(refused[0].id.is_nil());
}

TEST(open_hub, two_files_of_random_bytes_do_not_stop_it) {
    device_world world(19);
    world.format_and_open();
    ASSERT_TRUE(world.replace("kept").ok());
    world.close();
    for (unsigned i : {1U, 4U}) {
        std::vector<std::byte> noise(world.contents(world.nvme(i)).size());
        world.sim.random().fill(noise);
        world.put_file(world.nvme(i), noise);
    }
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.journal_section(), "kept");
    EXPECT_EQ(world.in_state(device_state::refused).size(), 2U);
}

TEST(open_hub, both_root_slots_gone_is_refused) {
    device_world world(20);
    world.format_and_open();
    const superblock identity = identity_of(world, world.nvme(2));
    world.close();
    for (unsigned slot = 0; slot < 2; ++slot) {
        world.sim.files().damage(world.path(world.nvme(2)), identity.parts.root_slot_offset(slot),
                                 4096);
    }
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(2)).state, device_state::refused);
}

TEST(open_hub, newer_features_of_this_hub_refuse_the_start) {
    device_world world(21);
    world.format_and_open();
    world.close();
    superblock identity = identity_of(world, world.nvme(3));
    identity.features.ro_compat = 1;
    write_identity(world, world.nvme(3), identity);
    EXPECT_TRUE(world.open().is(errc::version_unsupported));
    EXPECT_TRUE(world.open(false, true).ok());  // ro-compat: reading is fine
    world.close();
    identity.features.incompat = 1;
    write_identity(world, world.nvme(3), identity);
    auto opened = world.open(false, true);
    ASSERT_TRUE(opened.is(errc::version_unsupported));
    EXPECT_NE(opened.error().message.find("nvme-3.dev"), std::string::npos);
}

TEST(open_hub, reading_only_changes_nothing) {
    device_world world(22);
    world.format_and_open();
    ASSERT_TRUE(world.replace("kept").ok());
    world.close();
    std::vector<std::vector<std::byte>> before;
    for (unsigned i = 0; i < 6; ++i)
        before.push_back(world.contents(world.nvme(i)));
    ASSERT_TRUE(world.open(false, true).ok());
    EXPECT_EQ(world.journal_section(), "kept");
    EXPECT_TRUE(world.replace("no").is(errc::permission_denied));
    auto created = world.run(world.device(world.nvme(0))
                                 ->create({shard_id(0), shard_term(9), 1}, extent_purpose::stripe));
    EXPECT_TRUE(created.is(errc::permission_denied));
    world.close();
    for (unsigned i = 0; i < 6; ++i)
        EXPECT_EQ(world.contents(world.nvme(i)), before[i]);
}

TEST(open_hub, a_hub_is_served_by_one_process_at_a_time) {
    device_world world(23);
    world.format_and_open();
    auto second = world.run(device_set::open(world.env, {hub_directory, false, false}));
    ASSERT_TRUE(second.is(errc::busy));
    EXPECT_NE(second.error().message.find("in use"), std::string::npos);
}

TEST(format_hub, refuses_a_directory_that_holds_devices) {
    device_world world(24);
    world.format_and_open();
    world.close();
    EXPECT_TRUE(world.format(small_hub()).is(errc::already_exists));
    auto exists = world.run(device_set::exists(world.env, hub_directory));
    ASSERT_TRUE(exists.ok());
    EXPECT_TRUE(*exists);
    auto elsewhere = world.run(device_set::exists(world.env, "/nowhere"));
    ASSERT_TRUE(elsewhere.ok());
    EXPECT_FALSE(*elsewhere);
    for (unsigned i = 0; i < 6; ++i) {
        world.sim.files().damage(world.path(world.nvme(i)), 0, 128 * limits::kib);
    }
    // All superblocks gone: not "no hub", or a new one would be made over it.
    EXPECT_TRUE(world.run(device_set::exists(world.env, hub_directory)).is(errc::corrupt));
    EXPECT_TRUE(world.format(small_hub()).is(errc::already_exists));
}

TEST(format_hub, a_marker_beside_a_hub_in_use_destroys_nothing) {
    device_world world(25);
    world.format_and_open();
    ASSERT_TRUE(world.replace("kept").ok());
    world.close();
    world.put_file("format.in-progress", std::vector<std::byte>(4096));
    EXPECT_TRUE(world.format(small_hub()).is(errc::already_exists));
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.journal_section(), "kept");
}

TEST(format_hub, refuses_layouts_that_cannot_be) {
    device_world world(26);
    EXPECT_TRUE(world.format({hub_directory, {}}).is(errc::invalid_argument));
    EXPECT_TRUE(world.format(small_hub(2, 2)).is(errc::invalid_argument));
    hub_layout layout = small_hub();
    layout.tiers.push_back(layout.tiers[0]);
    EXPECT_TRUE(world.format(layout).is(errc::invalid_argument));
    layout = small_hub();
    layout.tiers[0].extent_bytes = 65'000;
    EXPECT_TRUE(world.format(layout).is(errc::invalid_argument));
}

}  // namespace
}  // namespace taicang::test
