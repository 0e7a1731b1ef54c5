// The journal against its reference model, a list: random appends, reads, releases, crashes at
// random events, lost and torn writes, rot, dying devices within the budget, restarts.
#include <cstdlib>

#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/base/mark.h"
#include "tests/unit/storage/journal/fake_hub.h"
#include "tests/unit/storage/journal/journal_world.h"
#include "tests/unit/storage/journal/real_hub.h"

namespace taicang::test {
namespace {

constexpr int lives = 6;
constexpr std::uint64_t events_per_life_max = 6'000;

/// Clients of one life: an appender, a reader, a releaser, and the faults.
class load {
  public:
    load(journal_world& world, std::size_t payload_max)
        : world_(world),
          chance_(seeded_random(world.sim.random().next())),
          payload_max_(payload_max) {}

    void start() {
        world_.sim.main().post([this] {
            spawn(gate_, append_loop());
            spawn(gate_, read_loop());
            spawn(gate_, payload_loop());
        });
    }
    task<result<void>> finish() {
        stopping_ = true;
        co_await gate_.close();
        co_return ok();
    }
    void stop() { stopping_ = true; }

  private:
    task<void> append_loop() {
        while (!stopping_) {
            const std::uint64_t burst = 1 + chance_->below(chance_->one_in(4) ? 40 : 4);
            for (std::uint64_t i = 0; i < burst && !stopping_; ++i) {
                model_record record = random_record(*chance_, payload_max_);
                const std::uint64_t bytes = record.body.size() + record.payload.size();
                auto admitted = co_await world_.log->admit(bytes, record.kind);
                if (admitted.is(errc::journal_full)) release();
                if (!admitted || stopping_) break;
                world_.append(std::move(record));
            }
            if (chance_->one_in(6)) release();
            const auto pause = static_cast<nanoseconds>(chance_->below(400 * one_microsecond));
            co_await sleep_for(pause);
        }
    }

    void release() {
        const std::uint64_t first = world_.log->first_retained().value;
        const std::uint64_t durable = world_.log->last_durable().value;
        if (durable <= first) return;
        const lsn bound(first + chance_->below(durable - first + 1));
        world_.model.released = std::max(world_.model.released, bound);
        world_.log->release_below(bound);
    }

    task<void> read_loop() {
        while (!stopping_) {
            const auto pause = static_cast<nanoseconds>(chance_->below(one_millisecond));
            co_await sleep_for(pause);
            const lsn first = world_.log->first_retained();
            const lsn durable = world_.log->last_durable();
            if (durable < first || stopping_) continue;
            const lsn from(first.value + chance_->below(durable.value - first.value + 1));
            const bool with_payload = !chance_->one_in(3);
            auto read = co_await world_.log->read_from(from, chance_->below(20'000), with_payload);
            if (stopping_) break;
            check_read(from, with_payload, read);
        }
    }

    void check_read(lsn from, bool with_payload, const result<std::vector<journal_record>>& read) {
        if (!read) {
            EXPECT_TRUE(read.is(errc::not_found) && from < world_.model.released)
                << read.error().message;
            return;
        }
        EXPECT_FALSE(read->empty());
        for (std::size_t i = 0; i < read->size(); ++i) {
            const lsn position(from.value + i);
            EXPECT_EQ((*read)[i].header.position, position);
            EXPECT_LE(position, world_.log->last_durable()) << "only durable records are read";
            model_record expected = world_.model.at(position);
            if (!with_payload) expected.payload.clear();
            EXPECT_TRUE(equals(expected, (*read)[i])) << "record " << position.value;
        }
    }

    task<void> payload_loop() {
        while (!stopping_) {
            const auto pause = static_cast<nanoseconds>(chance_->below(one_millisecond));
            co_await sleep_for(pause);
            const lsn first = world_.log->first_retained();
            const lsn durable = world_.log->last_durable();
            if (durable < first || stopping_) continue;
            const lsn position(first.value + chance_->below(durable.value - first.value + 1));
            const std::string expected = world_.model.at(position).payload;
            const std::uint64_t offset = chance_->below(expected.size() + 1);
            std::string found(expected.size() - offset, '\0');
            const bytes_span into(reinterpret_cast<std::byte*>(found.data()), found.size());
            auto read = co_await world_.log->read_payload(position, offset, into);
            if (stopping_) break;
            if (read.ok()) {
                EXPECT_EQ(found, expected.substr(offset)) << "payload of " << position.value;
            } else {
                EXPECT_TRUE(read.is(errc::not_found) && position < world_.model.released)
                    << read.error().message;
            }
        }
    }

    journal_world& world_;
    std::unique_ptr<random_source> chance_;
    std::size_t payload_max_;
    bool stopping_ = false;
    gate gate_;
};

/// Lives of a journal until the seed is used up. Faults stay on m devices, so everything
/// acknowledged must survive.
void run_lives(journal_world& world, hub_under_test& hub, const journal_options& options) {
    random_source& chance = world.sim.random();
    const std::size_t payload_max = chance.one_in(2) ? 200 : 6'000;
    const std::size_t weak[2] = {chance.below(3), 3 + chance.below(3)};
    for (int life = 0; life < lives; ++life) {
        const auto opened = world.open(hub, options);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        ASSERT_NO_FATAL_FAILURE(world.verify_all());
        ASSERT_FALSE(testing::Test::HasFailure());
        for (const std::size_t device : weak)
            hub.worsen(device, chance);
        load clients(world, payload_max);
        clients.start();
        world.sim.run_events(chance.below(events_per_life_max));
        if (chance.one_in(5)) {
            hub.kill(weak[chance.below(2)]);
            world.sim.run_events(chance.below(events_per_life_max));
        }
        if (chance.one_in(6)) {
            // All m at once, for good: nothing may rest on them alone.
            for (const std::size_t device : weak)
                hub.kill(device);
            world.sim.run_events(chance.below(200));
        }
        clients.stop();
        ASSERT_FALSE(world.failure) << world.failure->message;
        if (chance.one_in(4)) {
            (void)world.run(clients.finish());
            world.settle();
            ASSERT_FALSE(world.failure) << world.failure->message;
            ASSERT_NO_FATAL_FAILURE(world.verify_all());
            world.close();
        } else {
            hub.crash();
            (void)world.run(clients.finish());
            world.close();
        }
        ASSERT_FALSE(testing::Test::HasFailure());
    }
}

journal_options random_options(random_source& chance, std::uint64_t extent_bytes) {
    journal_options options;
    options.bytes_max = (5 + chance.below(12)) * extent_bytes;
    options.segments_prepared = 1 + static_cast<unsigned>(chance.below(3));
    return options;
}

/// A world may be left open when a check failed; its coroutines must still unwind.
struct clean_end {
    journal_world& world;
    ~clean_end() { world.close(); }
};

void run_on_fake_devices(std::uint64_t seed) {
    SCOPED_TRACE(replay_command(seed));
    journal_world world(seed);
    random_source& chance = world.sim.random();
    fake_options shape;
    shape.extent_bytes = 32 * 1024 << chance.below(3);
    shape.latency_max = 1 + static_cast<nanoseconds>(chance.below(400 * one_microsecond));
    fake_hub hub(chance, shape);
    const clean_end end{world};
    run_lives(world, hub, random_options(chance, shape.extent_bytes));
}

void run_on_real_devices(std::uint64_t seed) {
    SCOPED_TRACE(replay_command(seed));
    journal_world world(seed);
    const std::uint64_t extent_bytes = 64 * limits::kib;
    real_hub hub(world.sim, extent_bytes);
    const clean_end end{world};
    run_lives(world, hub, random_options(world.sim.random(), extent_bytes));
}

TEST(journal_model, acknowledged_records_survive_everything_within_the_budget) {
    for (const std::uint64_t seed : seeds(1, 60)) {
        run_on_fake_devices(seed);
        if (testing::Test::HasFailure()) return;
    }
    if (std::getenv("TAICANG_SEED") != nullptr) return;
    for (const char* rare :
         {"journal.torn_tail", "journal.merged_copies", "journal.ensemble_change",
          "journal.rewritten_batches", "journal.recycled_segment", "journal.read_other_copy"}) {
        EXPECT_GT(mark_count(rare), 0U) << rare << " was never reached";
    }
}

TEST(journal_model, the_same_over_the_real_device_room) {
    for (const std::uint64_t seed : seeds(1, 20)) {
        run_on_real_devices(seed);
        if (testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace taicang::test
