// The engine, one behaviour at a time, over devices with aimed faults.
#include "storage/base/mark.h"
#include "storage/journal/batch_format.h"
#include "tests/unit/storage/journal/engine_fixture.h"

namespace taicang::test {
namespace {

TEST_F(journal_engine_test, records_survive_a_clean_stop) {
    open();
    append(100);
    world.settle();
    EXPECT_EQ(world.model.acknowledged, lsn(100));
    world.verify_all();
    world.close();
    open();
    world.verify_all();
    EXPECT_EQ(world.log->last_durable(), lsn(100));
    append(10);
    world.settle();
    world.verify_all();
    world.close();
}

TEST_F(journal_engine_test, a_stop_commits_what_is_queued) {
    open();
    append(50);
    world.close();
    EXPECT_EQ(world.model.acknowledged, lsn(50));
    open();
    EXPECT_EQ(world.log->last_durable(), lsn(50));
    world.close();
}

TEST_F(journal_engine_test, appends_during_a_commit_share_the_next_one) {
    open();
    append(1);
    world.sim.run_events(30);
    append(40, 200);
    world.settle();
    EXPECT_LE(world.log->figures().commits, 3U);
    EXPECT_EQ(world.log->figures().records, 41U);
    world.close();
}

TEST_F(journal_engine_test, segments_roll_over_without_a_word_in_the_root) {
    open();
    idle(20 * one_millisecond);
    ASSERT_EQ(world.log->figures().segments_prepared, 2U);
    const std::uint64_t before = hub.root_writes;
    while (world.log->figures().segments < 2)
        append_singly(1);
    const std::uint64_t at_roll_over = hub.root_writes;
    EXPECT_EQ(at_roll_over, before);
    while (world.log->figures().segments < 4)
        append_singly(1);
    world.verify_all();
    world.crash(hub);
    open();
    world.verify_all();
    world.close();
}

TEST_F(journal_engine_test, every_copy_is_whole_and_on_its_own_device) {
    open();
    append_singly(30);
    std::set<uuid> devices;
    for (const segment_member& member : live_segment().members)
        devices.insert(member.device);
    EXPECT_EQ(devices.size(), 3U);
    world.close();
    for (std::size_t lost = 0; lost < 3; ++lost) {
        for (const segment_entry& entry : map().segments) {
            EXPECT_EQ(entry.members.size(), 3U);
        }
    }
}

TEST_F(journal_engine_test, a_member_that_fails_is_replaced_and_nothing_is_lost) {
    const std::uint64_t changes_before = mark_count("journal.ensemble_change");
    const std::uint64_t rewritten_before = mark_count("journal.rewritten_batches");
    open();
    append_singly(5);
    const segment_entry segment = live_segment();
    const ensemble_epoch epoch = world.log->figures().epoch;
    hub.disk(segment.members[1].device).fail_next_write = true;
    append(20);
    world.settle();
    EXPECT_EQ(world.model.acknowledged, lsn(25));
    EXPECT_GT(world.log->figures().epoch, epoch);
    EXPECT_TRUE(hub.disk(segment.members[1].device).fenced_durably)
        << "the fencing is durable before the next acknowledgement";
    EXPECT_GT(mark_count("journal.ensemble_change"), changes_before);
    EXPECT_GT(mark_count("journal.rewritten_batches"), rewritten_before);
    world.verify_all();
    world.crash(hub);
    open();
    world.verify_all();
    world.close();
}

TEST_F(journal_engine_test, a_failed_flush_is_not_retried) {
    open();
    append_singly(5);
    const segment_entry segment = live_segment();
    fake_disk& failing = hub.disk(segment.members[0].device);
    failing.fail_next_flush = true;
    append(5);
    world.settle();
    EXPECT_TRUE(failing.fenced_durably);
    const std::uint64_t flushes = failing.flushes;
    append_singly(5);
    EXPECT_EQ(failing.flushes, flushes);
    world.crash(hub);
    open();
    world.verify_all();
    world.close();
}

TEST_F(journal_engine_test, devices_may_die_one_by_one_while_m_plus_1_remain) {
    open();
    for (std::size_t dead = 0; dead < 3; ++dead) {
        append_singly(4);
        hub.kill(dead);
        append_singly(6);
        idle(200 * one_millisecond);
        EXPECT_EQ(world.log->figures().segments_degraded, 0U)
            << "copies are restored behind, so that the next loss is survived too";
    }
    EXPECT_GT(world.log->figures().copies_restored, 0U);
    world.verify_all();
    world.crash(hub);
    open();
    world.verify_all();
    world.close();
}

TEST_F(journal_engine_test, an_idle_journal_leaves_a_failed_device_too) {
    open();
    append_singly(4);
    const segment_entry segment = live_segment();
    world.devices->fence(segment.members[0].device, "another room's write failed");
    idle(200 * one_millisecond);
    EXPECT_EQ(world.log->figures().segments_degraded, 0U);
    world.crash(hub);
    // The other two members of then: without the third copy made meanwhile, nothing would be left.
    hub.disk(segment.members[1].device).absent = true;
    hub.disk(segment.members[2].device).absent = true;
    open();
    world.verify_all();
    EXPECT_EQ(world.log->last_durable(), lsn(4));
    world.close();
}

TEST_F(journal_engine_test, with_fewer_than_m_plus_1_writes_are_refused_and_reads_go_on) {
    open();
    append_singly(10);
    for (std::size_t dead = 0; dead < 4; ++dead)
        hub.kill(dead);
    append(3);
    world.settle();
    ASSERT_TRUE(world.failure);
    EXPECT_EQ(world.failures_told, 1U);
    const auto admitted = world.run(world.log->admit(100, record_kind::mutation));
    EXPECT_TRUE(admitted.is(errc::stripe_narrow));
    const auto read = world.run(world.log->read_from(lsn(1), 1 << 20, true));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->size(), 10U);
    world.close();
}

task<result<std::string>> payload_of(journal& log, lsn position, std::uint64_t offset,
                                     std::size_t length) {
    std::string bytes(length, '\0');
    auto read = co_await log.read_payload(
        position, offset, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()});
    if (!read) co_return std::move(read).error();
    co_return bytes;
}

TEST_F(journal_engine_test, payloads_read_back_from_memory_and_from_disk) {
    open();
    append(60);
    world.settle();
    for (int life = 0; life < 2; ++life) {
        for (std::uint64_t i = 1; i <= 60; ++i) {
            const std::string& expected = world.model.at(lsn(i)).payload;
            const std::uint64_t skip = expected.size() / 3;
            const auto read =
                world.run(payload_of(*world.log, lsn(i), skip, expected.size() - skip));
            ASSERT_TRUE(read.ok()) << read.error().message;
            EXPECT_EQ(*read, expected.substr(skip));
            EXPECT_TRUE(world.run(payload_of(*world.log, lsn(i), skip, expected.size() + 1))
                            .is(errc::invalid_argument));
        }
        EXPECT_TRUE(world.run(payload_of(*world.log, lsn(61), 0, 1)).is(errc::not_found));
        world.close();
        open();
    }
    world.close();
}

TEST_F(journal_engine_test, a_reader_passes_over_wrong_copies_and_they_are_mended) {
    const std::uint64_t other_before = mark_count("journal.read_other_copy");
    open();
    for (int i = 0; i < 8; ++i) {
        model_record record = random_record(world.sim.random(), 0);
        record.payload.assign(3000, static_cast<char>('a' + i));
        world.append(record);
        world.settle();
    }
    const segment_entry segment = live_segment();
    world.close();
    open();
    // The payload of record 3, on two of three copies.
    for (std::size_t copy = 0; copy < 2; ++copy) {
        hub.damage(segment.members[copy].device, segment.members[copy].extent, 2 * 4096 + 2000);
    }
    const auto read = world.run(payload_of(*world.log, lsn(3), 0, 3000));
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(*read, std::string(3000, 'c'));
    world.verify_all();
    EXPECT_GT(mark_count("journal.read_other_copy"), other_before);
    idle(50 * one_millisecond);
    // Mended: now the copy that was right may rot.
    hub.damage(segment.members[2].device, segment.members[2].extent, 2 * 4096 + 2000);
    EXPECT_TRUE(world.run(payload_of(*world.log, lsn(3), 0, 3000)).ok());
    idle(50 * one_millisecond);
    for (std::size_t copy = 0; copy < 3; ++copy) {
        hub.damage(segment.members[copy].device, segment.members[copy].extent, 2 * 4096 + 2100);
    }
    EXPECT_TRUE(world.run(payload_of(*world.log, lsn(3), 0, 3000)).is(errc::corrupt));
    EXPECT_TRUE(world.run(world.log->read_from(lsn(3), 1, true)).is(errc::journal_damaged));
    world.close();
}

}  // namespace
}  // namespace taicang::test
