// What the engine makes of what a crash, or the loss of devices, left.
#include "storage/base/mark.h"
#include "storage/journal/batch_format.h"
#include "tests/unit/storage/journal/engine_fixture.h"

namespace taicang::test {
namespace {

TEST_F(journal_engine_test, the_loss_of_any_m_devices_loses_nothing) {
    for (unsigned a = 0; a < 6; ++a) {
        for (unsigned b = 0; b < a; ++b) {
            open();
            append_singly(5);
            world.crash(hub);
            hub.disk(a).absent = true;
            hub.disk(b).absent = true;
            open();
            world.verify_all();
            append_singly(3);
            world.verify_all();
            world.log->release_below(lsn(world.log->last_durable().value));
            world.model.released = world.log->last_durable();
            idle(20 * one_millisecond);
            world.close();
            hub.disk(a).absent = false;
            hub.disk(b).absent = false;
        }
    }
}

TEST_F(journal_engine_test, a_torn_tail_is_dropped_and_does_not_come_back) {
    const std::uint64_t torn_before = mark_count("journal.torn_tail");
    const lsn acknowledged = [&] {
        open();
        append_singly(4);
        return world.model.acknowledged;
    }();
    for (int round = 0; round < 40; ++round) {
        append(8);
        world.sim.run_events(1 + static_cast<std::uint64_t>(round) % 12);
        world.crash(hub);
        open();
        world.verify_all();
        world.log->release_below(world.log->last_durable());
        world.model.released = world.log->last_durable();
        idle(10 * one_millisecond);
    }
    EXPECT_GE(world.log->last_durable(), acknowledged);
    EXPECT_GT(mark_count("journal.torn_tail"), torn_before);
    world.close();
}

TEST_F(journal_engine_test, copies_that_differ_are_made_equal_at_open) {
    const std::uint64_t merged_before = mark_count("journal.merged_copies");
    open();
    append_singly(6);
    const segment_entry segment = live_segment();
    world.crash(hub);
    damage_batch(segment, 2, 4096);
    open();
    world.verify_all();
    EXPECT_GT(mark_count("journal.merged_copies"), merged_before);
    world.crash(hub);
    const fake_extent& first =
        hub.disk(segment.members[0].device).extents.at(segment.members[0].extent);
    const fake_extent& last =
        hub.disk(segment.members[2].device).extents.at(segment.members[2].extent);
    EXPECT_TRUE(std::equal(first.durable.begin() + 4096, first.durable.begin() + 8192,
                           last.durable.begin() + 4096));
}

TEST_F(journal_engine_test, a_gap_below_the_acknowledged_is_damage) {
    open();
    append_singly(6, 1000);
    const segment_entry segment = live_segment();
    world.crash(hub);
    damage_batch(segment, 3, 4096);
    auto opened = world.open(hub, options);
    ASSERT_TRUE(opened.is(errc::journal_damaged));
    EXPECT_NE(opened.error().message.find("--accept-loss"), std::string::npos);
    EXPECT_NE(opened.error().message.find("record 2 "), std::string::npos)
        << opened.error().message;
    EXPECT_NE(opened.error().message.find("offset 4096"), std::string::npos);
    world.close();

    const std::uint64_t damage_before = mark_count("journal.gap_damage");
    options.accept_loss = true;
    open();
    EXPECT_EQ(world.log->last_durable(), lsn(1));
    EXPECT_GT(mark_count("journal.gap_damage"), damage_before);
    world.model.records.resize(1);
    world.model.acknowledged = lsn(1);
    append_singly(3);
    world.close();
    options.accept_loss = false;
    open();
    world.verify_all();
    EXPECT_EQ(world.log->last_durable(), lsn(4));
    world.close();
}

TEST_F(journal_engine_test, a_gap_above_the_acknowledged_is_the_tail) {
    open();
    append_singly(6, 1000);
    const segment_entry segment = live_segment();
    world.crash(hub);
    // No header says that the sixth was acknowledged: to the disks it is the unacknowledged tail.
    damage_batch(segment, 3, 5 * 4096);
    ASSERT_TRUE(world.open(hub, options).ok());
    EXPECT_EQ(world.log->last_durable(), lsn(5));
    world.model.records.resize(5);
    world.model.acknowledged = lsn(5);
    world.verify_all();
    world.close();
}

TEST_F(journal_engine_test, a_wholly_lost_segment_is_damage) {
    open();
    while (world.log->figures().segments < 3)
        append_singly(1);
    world.crash(hub);
    const segment_entry first = map().segments.front();
    for (const segment_member& member : first.members) {
        for (std::uint64_t at = 0; at < hub.options().extent_bytes; at += 512) {
            hub.damage(member.device, member.extent, at);
        }
    }
    options.verify_all = true;
    EXPECT_TRUE(world.open(hub, options).is(errc::journal_damaged));
    world.close();
}

TEST_F(journal_engine_test, opening_with_too_few_devices_reads_and_refuses_writes) {
    open();
    append_singly(10);
    world.crash(hub);
    for (std::size_t i = 0; i < 4; ++i)
        hub.disk(i).absent = true;
    const auto opened = world.open(hub, options);
    if (opened.ok()) {
        world.verify_all();
        EXPECT_TRUE(world.run(world.log->admit(1, record_kind::job)).is(errc::stripe_narrow));
    } else {
        EXPECT_TRUE(opened.is(errc::journal_damaged)) << "all copies of a segment may be gone";
    }
    world.close();
    for (std::size_t i = 0; i < 4; ++i)
        hub.disk(i).absent = false;
    open();
    world.verify_all();
    EXPECT_EQ(world.log->last_durable(), lsn(10));
    world.close();
}

TEST_F(journal_engine_test, read_only_changes_nothing) {
    open();
    append_singly(10);
    world.crash(hub);
    const std::string root = hub.root();
    const std::size_t extents = hub.extent_count();
    std::uint64_t writes = 0;
    for (std::size_t i = 0; i < hub.device_count(); ++i)
        writes += hub.disk(i).writes;
    options.read_only = true;
    open();
    world.verify_all();
    EXPECT_FALSE(world.run(world.log->admit(1, record_kind::job)).ok());
    world.close();
    EXPECT_EQ(hub.root(), root);
    EXPECT_EQ(hub.extent_count(), extents);
    std::uint64_t after = 0;
    for (std::size_t i = 0; i < hub.device_count(); ++i)
        after += hub.disk(i).writes;
    EXPECT_EQ(after, writes);
}

TEST_F(journal_engine_test, no_extent_is_left_behind) {
    for (int life = 0; life < 30; ++life) {
        open();
        append_singly(3);
        world.sim.run_events(static_cast<std::uint64_t>(life * 7));
        world.log->release_below(world.log->last_durable());
        world.model.released = world.log->last_durable();
        if (life % 2 == 0) {
            world.crash(hub);
        } else {
            world.close();
        }
    }
    open();
    world.log->release_below(world.log->last_durable());
    idle(50 * one_millisecond);
    EXPECT_EQ(hub.extent_count(), world.log->extents().size());
    world.close();
}

TEST_F(journal_engine_test, empty_journals_restart_without_growing) {
    for (int life = 0; life < 20; ++life) {
        open();
        EXPECT_EQ(world.log->last_durable(), lsn(0));
        EXPECT_EQ(world.log->figures().segments, 1U);
        world.crash(hub);
    }
}

}  // namespace
}  // namespace taicang::test
