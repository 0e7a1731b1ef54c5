// The engine, one behaviour at a time, over devices with aimed faults.
#include <gtest/gtest.h>

#include "storage/base/mark.h"
#include "storage/journal/batch_format.h"
#include "storage/journal/segment_map.h"
#include "tests/unit/storage/journal/fake_hub.h"
#include "tests/unit/storage/journal/journal_world.h"

namespace taicang::test {
namespace {

struct journal_engine_test : testing::Test {
    explicit journal_engine_test(fake_options shape = {}) : hub(world.sim.random(), shape) {
        options.bytes_max = 16 * shape.extent_bytes;
    }

    void open() {
        const auto opened = world.open(hub, options);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
    }
    void append(int count, std::size_t payload = 3000) {
        for (int i = 0; i < count; ++i)
            world.append(random_record(world.sim.random(), payload));
    }
    /// Appends one record at a time, each in a batch of its own.
    void append_singly(int count, std::size_t payload = 3000) {
        for (int i = 0; i < count; ++i) {
            append(1, payload);
            world.settle();
        }
    }
    segment_map map() {
        auto decoded = decode_segment_map(as_bytes(hub.root()));
        TC_ASSERT(decoded.ok());
        return *decoded;
    }
    /// The copies of the open (first live) segment.
    segment_entry live_segment() {
        for (const segment_entry& entry : map().segments) {
            if (entry.state == segment_state::live) return entry;
        }
        TC_ASSERT_WHY(false, "no live segment");
        return {};
    }
    void damage_batch(const segment_entry& segment, std::size_t copies, std::uint64_t offset) {
        for (std::size_t i = 0; i < copies; ++i) {
            hub.damage(segment.members[i].device, segment.members[i].extent, offset + 200);
        }
    }
    void idle(nanoseconds span) { (void)world.run(wait(span)); }
    static task<result<void>> wait(nanoseconds span) {
        co_await sleep_for(span);
        co_return ok();
    }

    journal_world world{1};
    fake_hub hub;
    journal_options options;
};

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

TEST_F(journal_engine_test, released_segments_are_recycled_and_the_rest_stays) {
    const std::uint64_t recycled_before = mark_count("journal.recycled_segment");
    open();
    while (world.log->figures().segments < 5)
        append_singly(1);
    const std::size_t extents = hub.extent_count();
    const lsn bound(world.log->last_durable().value - 5);
    world.log->release_below(bound);
    world.model.released = bound;
    idle(50 * one_millisecond);
    EXPECT_GT(mark_count("journal.recycled_segment"), recycled_before);
    EXPECT_LT(hub.extent_count(), extents);
    EXPECT_GT(world.log->first_retained(), lsn(1));
    world.verify_all();
    const auto gone = world.run(world.log->read_from(lsn(1), 100, true));
    EXPECT_TRUE(gone.is(errc::not_found));
    world.crash(hub);
    open();
    world.verify_all();
    EXPECT_GT(world.log->first_retained(), lsn(1));
    world.close();
}

TEST_F(journal_engine_test, the_cap_refuses_clients_and_keeps_a_segment_for_jobs) {
    options.bytes_max = 4 * hub.options().extent_bytes;
    open();
    for (int i = 0; i < 1000; ++i) {
        const auto admitted = world.run(world.log->admit(3000, record_kind::mutation));
        if (!admitted) {
            EXPECT_TRUE(admitted.is(errc::journal_full)) << admitted.error().message;
            break;
        }
        ASSERT_LT(i, 999);
        append(1, 2000);
        world.settle();
    }
    EXPECT_GT(world.log->fill(), 0.5);
    EXPECT_TRUE(world.run(world.log->admit(3000, record_kind::job)).ok());
    append(1);
    world.settle();
    const lsn last = world.log->last_durable();
    world.log->release_below(last);
    world.model.released = last;
    idle(50 * one_millisecond);
    EXPECT_TRUE(world.run(world.log->admit(3000, record_kind::mutation)).ok());
    world.close();
}

TEST_F(journal_engine_test, a_record_that_fits_no_segment_is_refused) {
    open();
    const auto admitted =
        world.run(world.log->admit(hub.options().extent_bytes, record_kind::mutation));
    EXPECT_TRUE(admitted.is(errc::invalid_argument));
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

struct journal_tight_space : journal_engine_test {
    journal_tight_space() : journal_engine_test({.devices = 4, .extents_per_device = 4}) {}
};

TEST_F(journal_tight_space, a_lost_copy_is_restored_in_place_of_what_was_only_prepared) {
    open();
    append_singly(4);
    idle(50 * one_millisecond);
    const segment_entry segment = live_segment();
    world.crash(hub);
    hub.disk(segment.members[0].device).absent = true;
    // The rest of the room goes to another room of the hub.
    for (std::size_t i = 0; i < hub.device_count(); ++i) {
        fake_disk& disk = hub.disk(i);
        for (std::uint64_t n = 1000; disk.extents.size() < 4; ++n) {
            fake_extent other;
            other.info.name = {shard_id(0), shard_term(99), n};
            other.info.purpose = extent_purpose::stripe;
            other.visible.resize(hub.options().extent_bytes);
            other.durable = other.visible;
            disk.extents.emplace(other.info.name, std::move(other));
        }
    }
    open();
    EXPECT_EQ(world.log->figures().failure, "");
    append_singly(2);
    world.verify_all();
    EXPECT_EQ(world.log->last_durable(), lsn(6));
    world.close();
}

struct journal_small_space : journal_engine_test {
    journal_small_space() : journal_engine_test({.devices = 3, .extents_per_device = 5}) {}
};

TEST_F(journal_small_space, full_devices_refuse_clients_and_go_on_once_room_is_made) {
    open();
    lsn last;
    int refused = 0;
    for (int i = 0; i < 2000 && refused == 0; ++i) {
        const auto admitted = world.run(world.log->admit(3500, record_kind::mutation));
        if (!admitted) {
            EXPECT_TRUE(admitted.is(errc::journal_full)) << admitted.error().message;
            ++refused;
            break;
        }
        append(1);
        world.settle();
    }
    ASSERT_EQ(refused, 1);
    ASSERT_FALSE(world.failure);
    ASSERT_TRUE(world.run(world.log->admit(3500, record_kind::job)).ok());
    append(1);
    world.settle();
    last = world.log->last_durable();
    world.log->release_below(last);
    world.model.released = last;
    idle(100 * one_millisecond);
    EXPECT_TRUE(world.run(world.log->admit(3500, record_kind::mutation)).ok());
    world.verify_all();
    world.crash(hub);
    open();
    world.verify_all();
    world.close();
}

}  // namespace
}  // namespace taicang::test
