// The status of a running hub: what its parts know must reach it.
#include <gtest/gtest.h>

#include "storage/hub/hub.h"
#include "tests/sim/sim_world.h"
#include "tests/unit/storage/index/index_world.h"

namespace taicang::test {
namespace {

hub_options real_options(const std::string& root) {
    tier_layout layout;
    layout.devices = 3;
    layout.parity = 1;
    layout.extent_bytes = 1U << 20;
    layout.capacity_bytes_per_device = 32U << 20;
    hub_options wanted;
    wanted.layout.directory = root;
    wanted.layout.tiers.push_back(layout);
    wanted.index_directory = root + "/index";
    wanted.journal_bytes_max = 8U << 20;
    wanted.io_backend_reason = "threads: asked for";
    return wanted;
}

task<result<hub_status>> status_of_a_new_hub(environment& env, hub_options wanted) {
    TC_CO_TRY_ASSIGN(running, co_await hub::start(env, std::move(wanted)));
    hub_status shown = running->status();
    co_await running->stop();
    co_return shown;
}

TEST(hub_status, tells_why_this_backend_was_chosen) {
    real_index_world world;
    hub_options wanted = real_options(world.root());
    auto shown = world.run(status_of_a_new_hub(world.env(), std::move(wanted)));
    ASSERT_TRUE(shown.ok()) << shown.error().message;
    EXPECT_FALSE(shown->io_backend.empty());
    EXPECT_EQ(shown->io_backend_reason, "threads: asked for");
}

task<bool> make_bucket(hub& running, std::string name) {
    auto made = co_await running.objects().create_bucket(name, "owner", "region");
    co_return made.ok();
}

class journal_health : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(world.start().ok()); }
    void TearDown() override { world.stop(); }
    void kill_devices(unsigned first, unsigned last) {
        for (unsigned number = first; number <= last; ++number)
            world.world().files().kill(sim::sim_world::device_path(number));
    }
    bool write(std::string name) {
        return world.world().run(make_bucket(world.running(), std::move(name)));
    }

    sim::sim_world world{11};
};

TEST_F(journal_health, is_whole_until_writes_are_refused) {
    ASSERT_TRUE(write("first"));
    EXPECT_EQ(world.running().status().health, hub_health::ok);
    kill_devices(0, sim::sim_world::nvme_parity - 1);
    ASSERT_TRUE(write("with-m-lost"));
    EXPECT_LE(world.running().status().health, hub_health::degraded);
    kill_devices(sim::sim_world::nvme_parity, sim::sim_world::nvme_devices - 1);
    ASSERT_FALSE(write("with-none-left"));
    const hub_status shown = world.running().status();
    EXPECT_EQ(shown.health, hub_health::failed);
    EXPECT_FALSE(shown.journal_now.failure.empty());
}

task<bool> checkpoint_when_due(hub& running) {
    co_await sleep_for(2 * limits::checkpoint_interval_ns);
    auto stepped = co_await running.checkpoints().step();
    co_return stepped.ok();
}

// What cannot be sealed may not be there at the next start: the index on disk must not be ahead.
TEST_F(journal_health, a_journal_that_takes_no_records_is_not_checkpointed) {
    ASSERT_TRUE(write("first"));
    kill_devices(0, sim::sim_world::nvme_devices - 1);
    ASSERT_FALSE(write("with-none-left"));
    const lsn flushed = world.running().rows().flushed();
    ASSERT_LT(flushed, world.running().rows().applied());
    EXPECT_TRUE(world.world().run(checkpoint_when_due(world.running())));
    EXPECT_EQ(world.running().rows().flushed(), flushed);
}

}  // namespace
}  // namespace taicang::test
