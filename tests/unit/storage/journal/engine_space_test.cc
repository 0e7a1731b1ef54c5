// The engine where room is short: its cap, segments released and used again, full devices.
#include "storage/base/mark.h"
#include "tests/unit/storage/journal/engine_fixture.h"

namespace taicang::test {
namespace {

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
