// Roots and fencing of a running hub: what replace_root and settle promise, and what a fault or a
// full disk does.
#include <map>

#include "storage/base/async.h"
#include "storage/base/when_all.h"
#include "storage/device/device_set_impl.h"
#include "tests/unit/storage/device/device_world.h"

namespace taicang::test {
namespace {

task<std::vector<result<void>>> replace_many(device_set& set, unsigned count) {
    std::vector<task<result<void>>> calls;
    for (unsigned i = 0; i < count; ++i) {
        calls.push_back(set.replace_root(
            tier_id::nvme, i % 2 == 0 ? root_section::journal : root_section::checkpoints,
            "call " + std::to_string(i)));
    }
    co_return co_await when_all(std::move(calls));
}

std::uint64_t newest_sequence(device_world& world) {
    std::uint64_t newest = 0;
    for (unsigned i = 0; i < 6; ++i) {
        const auto bytes = world.contents(world.nvme(i));
        auto identity = device_format::decode_superblock({bytes.data(), 4096});
        for (unsigned slot = 0; slot < 2; ++slot) {
            auto header = device_format::decode_root_header(
                {bytes.data() + identity->parts.root_slot_offset(slot), 4096});
            if (header.ok()) newest = std::max(newest, header->position.sequence);
        }
    }
    return newest;
}

task<result<void>> write_and_flush(device_set& set, extent_device& device, buffer_pool& pool) {
    const extent_name name = set.next_extent_name();
    auto made = co_await device.create(name, extent_purpose::stripe);
    if (!made) co_return made.error();
    const buffer bytes = pattern(pool, 8192, 1);
    auto written = co_await device.write(name, 0, bytes.view());
    if (!written) co_return written;
    co_return co_await device.flush();
}

TEST(root, concurrent_calls_share_roots) {
    device_world world(1);
    world.format_and_open();
    const std::uint64_t before = newest_sequence(world);
    const auto outcomes = world.run(replace_many(*world.set, 40));
    for (const auto& each : outcomes)
        EXPECT_TRUE(each.ok());
    EXPECT_LE(newest_sequence(world) - before, 2U);
    EXPECT_EQ(world.journal_section(), "call 38");
    EXPECT_EQ(world.set->root_bytes(tier_id::nvme, root_section::checkpoints), "call 39");
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.journal_section(), "call 38");
}

TEST(root, sections_up_to_the_limit_and_not_beyond) {
    device_world world(2);
    world.format_and_open();
    const std::string large(limits::root_bytes_max - 4096, 'x');
    ASSERT_TRUE(world.replace(large).ok());
    EXPECT_TRUE(world.replace(std::string(8192, 'y'), root_section::checkpoints)
                    .is(errc::invalid_argument));
    EXPECT_TRUE(world.replace("m", root_section::membership).is(errc::invalid_argument));
    EXPECT_TRUE(world.replace("h", root_section::journal, tier_id::hdd).is(errc::not_found));
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.journal_section(), large);
    EXPECT_TRUE(world.replace("small again").ok());
}

TEST(root, a_member_that_fails_is_fenced_in_the_root_that_is_acknowledged) {
    device_world world(3);
    world.format_and_open();
    world.sim.files().kill(world.path(world.nvme(4)));
    ASSERT_TRUE(world.replace("without four").ok());
    EXPECT_EQ(world.info(world.nvme(4)).state, device_state::fenced);
    // At once, without settle(): the acknowledged root must say so.
    world.sim.files().heal(world.path(world.nvme(4)));
    world.crash();
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.journal_section(), "without four");
    EXPECT_EQ(world.info(world.nvme(4)).state, device_state::fenced);
    EXPECT_NE(world.info(world.nvme(4)).reason.find("the device is dead"), std::string::npos);
}

TEST(root, a_tier_with_fewer_than_m_plus_1_is_read_only) {
    device_world world(4);
    world.format_and_open();
    ASSERT_TRUE(world.replace("kept").ok());
    for (unsigned i = 0; i < 3; ++i) {
        world.fence(world.nvme(i));
        ASSERT_TRUE(world.run(world.set->settle()).ok());
    }
    ASSERT_TRUE(world.replace("three left").ok());
    world.fence(world.nvme(3));
    EXPECT_TRUE(world.run(world.set->settle()).is(errc::quorum_lost));
    auto refused = world.replace("two left");
    ASSERT_TRUE(refused.is(errc::quorum_lost));
    EXPECT_NE(refused.error().message.find("read-only"), std::string::npos);
    EXPECT_EQ(world.journal_section(), "three left");
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.journal_section(), "three left");
}

TEST(root, a_start_with_m_or_fewer_active_is_read_only_and_keeps_the_root) {
    device_world world(5);
    world.format_and_open();
    for (unsigned i = 0; i < 3; ++i) {
        world.fence(world.nvme(i));
    }
    ASSERT_TRUE(world.run(world.set->settle()).ok());
    ASSERT_TRUE(world.replace("three left").ok());
    world.close();
    // n is 3 now, n - m is 1: it starts with one of them.
    world.remove_file(world.nvme(4));
    world.remove_file(world.nvme(5));
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.journal_section(), "three left");
    EXPECT_TRUE(world.replace("no").is(errc::quorum_lost));
    EXPECT_GT(mark_count("device.tier_read_only"), 0U);
}

TEST(fence, a_flush_error_fences_at_once_and_settle_makes_it_durable) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        device_world world(100 + seed);
        world.format_and_open();
        std::vector<uuid> told;
        world.set->on_fence([&told](const uuid& id) { told.push_back(id); });
        const device_info victim = world.info(world.nvme(1));
        sim_disk_faults faults;
        faults.flush_error_ppm = 1'000'000;
        world.sim.files().set_faults(victim.path, faults);
        auto written =
            world.run(write_and_flush(*world.set, *world.set->find(victim.id), world.buffers));
        ASSERT_TRUE(written.is(errc::device_fenced)) << written.error().message;
        ASSERT_EQ(told, std::vector<uuid>{victim.id});
        EXPECT_EQ(world.set->find(victim.id), nullptr);
        EXPECT_EQ(world.set->active(tier_id::nvme).size(), 5U);
        ASSERT_TRUE(world.run(world.set->settle()).ok());
        world.sim.files().set_faults(victim.path, {});
        world.crash();
        ASSERT_TRUE(world.open().ok());
        EXPECT_EQ(world.info(world.nvme(1)).state, device_state::fenced);
    }
}

TEST(fence, a_write_error_fences_and_calls_answer_so) {
    device_world world(6);
    world.format_and_open();
    const device_info victim = world.info(world.nvme(2));
    extent_device* device = world.set->find(victim.id);
    const extent_name name = world.set->next_extent_name();
    ASSERT_TRUE(world.run(device->create(name, extent_purpose::stripe)).ok());
    sim_disk_faults faults;
    faults.write_error_ppm = 1'000'000;
    world.sim.files().set_faults(victim.path, faults);
    buffer bytes = pattern(world.buffers, 4096, 7);
    EXPECT_TRUE(world.run(device->write(name, 0, bytes.view())).is(errc::device_fenced));
    world.sim.files().set_faults(victim.path, {});
    EXPECT_TRUE(world.run(device->write(name, 0, bytes.view())).is(errc::device_fenced));
    EXPECT_TRUE(world.run(device->read(name, 0, bytes.span())).is(errc::device_fenced));
    EXPECT_TRUE(world.run(device->flush()).is(errc::device_fenced));
    EXPECT_TRUE(world.run(device->remove(name)).is(errc::device_fenced));
    EXPECT_TRUE(world.run(device->create(world.set->next_extent_name(), extent_purpose::stripe))
                    .is(errc::device_fenced));
    EXPECT_EQ(device->free_extents(), 0U);
    EXPECT_NE(world.metrics.render().find("taicang_device_fences_total{tier=\"nvme\"} 1"),
              std::string::npos);
}

TEST(fence, a_full_disk_never_fences) {
    device_world world(7);
    world.format_and_open();
    // Nothing more can be allocated; what is written already can still be overwritten.
    world.sim.files().set_capacity(1);
    for (extent_device* each : world.set->active(tier_id::nvme)) {
        for (const extent_purpose purpose : {extent_purpose::stripe, extent_purpose::journal}) {
            const std::uint64_t free = each->free_extents();
            auto made = world.run(each->create(world.set->next_extent_name(), purpose));
            EXPECT_TRUE(made.is(errc::no_space));
            EXPECT_EQ(each->free_extents(), free);
        }
    }
    EXPECT_TRUE(world.replace("still possible").ok());
    EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U);
    world.sim.files().set_capacity(~std::uint64_t{0} >> 2);
    for (extent_device* each : world.set->active(tier_id::nvme)) {
        EXPECT_TRUE(
            world.run(each->create(world.set->next_extent_name(), extent_purpose::stripe)).ok());
    }
}

TEST(fence, read_failures_past_the_limit_fence_but_never_the_last_redundancy) {
    device_world world(8);
    world.format_and_open();
    for (unsigned i = 0; i < 3; ++i) {
        const uuid id = world.info(world.nvme(i)).id;
        world.report_read_failures(id, limits::device_read_failures_max);
        EXPECT_EQ(world.info(world.nvme(i)).state, device_state::active);
        world.report_read_failures(id, 1);
        const bool spared = i == 2;  // m are gone already
        EXPECT_EQ(world.info(world.nvme(i)).state,
                  spared ? device_state::active : device_state::fenced);
    }
    EXPECT_GT(mark_count("device.read_failures_tolerated"), 0U);
}

TEST(fence, a_lost_superblock_fences) {
    device_world world(9);
    world.format_and_open();
    const device_info victim = world.info(world.nvme(0));
    EXPECT_TRUE(world.run(world.set->verify_superblock(victim.id)).ok());
    world.sim.files().damage(victim.path, 0, 4096);
    EXPECT_TRUE(world.run(world.set->verify_superblock(victim.id)).ok());
    world.sim.files().damage(victim.path, 64 * limits::kib, 4096);
    EXPECT_TRUE(world.run(world.set->verify_superblock(victim.id)).is(errc::device_fenced));
    EXPECT_EQ(world.info(world.nvme(0)).state, device_state::fenced);
}

}  // namespace
}  // namespace taicang::test
