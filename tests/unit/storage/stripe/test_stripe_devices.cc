// The same promises over the real device room on the simulated disk: power cuts, dead files, rot
// and misdirected writes.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/log.h"
#include "tests/unit/storage/stripe/stripe_world.h"

namespace taicang {
namespace {

task<int> stop_all(stripe_store* store, device_set* devices) {
    if (store != nullptr) co_await store->stop();
    if (devices != nullptr) co_await devices->stop();
    co_return 0;
}

class device_world {
  public:
    explicit device_world(std::uint64_t seed)
        : sim(seed), buffers(64ULL << 20), budget(512ULL << 20, 64), env{sim.main(),   sim.pool(),
                                                                         sim.pool(),   sim.files(),
                                                                         sim.random(), buffers,
                                                                         budget,       metrics} {
        set_log_level(log_level::error);
        hub_layout layout{.directory = "hub", .tiers = {{.tier = tier_id::nvme}}};
        layout.tiers[0].extent_bytes = 1 << 20;
        layout.tiers[0].capacity_bytes_per_device = 32 << 20;
        const auto made = sim.run(device_set::format(env, layout));
        TC_ASSERT_WHY(made.ok(), made.error().message.c_str());
        start();
    }
    ~device_world() { stop(); }

    void start() {
        open_options options{.directory = "hub"};
        auto opened = sim.run(device_set::open(env, options));
        TC_ASSERT_WHY(opened.ok(), opened.error().message.c_str());
        devices = std::move(opened).value();
        store = stripe_store::make(env, *devices);
        store->set_group_log(&log);
        store->set_group_ids([this] { return group_id(++last_group_); });
        for (const group_row& row : log.rows)
            store->adopt(row);
    }
    void stop() {
        sim.run(stop_all(store.get(), devices.get()));
        store.reset();
        devices.reset();
    }
    void power_cut() {
        sim.crash();
        stop();
        start();
    }
    result<piece> put(bytes_view data) {
        const run_request request{.tier = tier_id::nvme, .owner = {blob_id(3), 0}, .data = data};
        auto one = sim.run(store->write_run(request));
        if (!one) return std::move(one).error();
        std::vector<stripe_store::written> pieces;
        pieces.push_back(std::move(one).value());
        auto done = sim.run(store->make_durable(pieces));
        if (!done) return std::move(done).error();
        return pieces[0].where;
    }
    result<std::vector<std::byte>> read(const piece& where) {
        std::vector<std::byte> into(where.length);
        auto done = sim.run(store->read(where, 0, into));
        if (!done) return std::move(done).error();
        return into;
    }
    std::vector<std::byte> random_bytes(std::size_t length) {
        std::vector<std::byte> bytes(length);
        sim.random().fill(bytes);
        return bytes;
    }

    simulation sim;
    buffer_pool buffers;
    memory_budget budget;
    metric_registry metrics;
    environment env;
    recording_log log;
    std::unique_ptr<device_set> devices;
    std::unique_ptr<stripe_store> store;

  private:
    std::uint64_t last_group_ = 0;
};

struct kept {
    piece where;
    std::vector<std::byte> data;
};

void expect_all(device_world& world, const std::vector<kept>& all) {
    for (const kept& one : all) {
        const auto back = world.read(one.where);
        ASSERT_TRUE(back.ok()) << back.error().message;
        ASSERT_TRUE(back.value() == one.data);
    }
}

TEST(stripe_devices, what_is_durable_survives_power_cuts_and_two_dead_files) {
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        device_world world(seed);
        random_source& chance = world.sim.random();
        std::vector<kept> all;
        for (int cut = 0; cut < 2; ++cut) {
            for (int i = 0; i < 5; ++i) {
                auto data = world.random_bytes(1 + chance.below(400'000));
                const auto put = world.put(data);
                ASSERT_TRUE(put.ok()) << put.error().message;
                all.push_back({put.value(), std::move(data)});
            }
            world.power_cut();
            expect_all(world, all);
        }
        EXPECT_EQ(world.store->figures().degraded_reads, 0U);
        const std::size_t first = chance.below(6);
        const std::size_t second = (first + 1 + chance.below(5)) % 6;
        const auto devices = world.devices->devices();
        world.sim.files().kill(devices[first].path);
        world.sim.files().kill(devices[second].path);
        expect_all(world, all);
        // Writes go on, narrower, and what they acknowledge is read back.
        auto data = world.random_bytes(300'000);
        const auto put = world.put(data);
        ASSERT_TRUE(put.ok()) << put.error().message;
        EXPECT_EQ(world.store->find(put.value().group)->k, 2);
        EXPECT_EQ(world.store->space(tier_id::nvme).k_now, 2U);
        all.push_back({put.value(), std::move(data)});
        expect_all(world, all);
    }
}

TEST(stripe_devices, rot_lost_and_misdirected_writes_on_two_devices_are_never_served) {
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        device_world world(seed);
        random_source& chance = world.sim.random();
        std::vector<kept> all;
        for (int i = 0; i < 8; ++i) {
            auto data = world.random_bytes(1 + chance.below(400'000));
            const auto put = world.put(data);
            ASSERT_TRUE(put.ok()) << put.error().message;
            all.push_back({put.value(), std::move(data)});
            if (i != 2) continue;
            // From here on two devices lie about their writes and rot under reads.
            const auto devices = world.devices->devices();
            sim_disk_faults faults;
            faults.corrupt_read_block_ppm = 20'000;
            faults.lost_write_ppm = 200'000;
            // Not on a superblock: such a device would be fenced, which the other test shows.
            world.sim.files().set_faults(devices[1].path, faults);
            world.sim.files().set_faults(devices[4].path, faults);
        }
        expect_all(world, all);
        expect_all(world, all);
    }
}

TEST(stripe_devices, freed_groups_give_their_space_back) {
    device_world world(1);
    const std::uint64_t before = world.store->space(tier_id::nvme).groups_possible;
    std::vector<piece> pieces;
    for (int i = 0; i < 6; ++i)
        pieces.push_back(world.put(world.random_bytes(400'000)).value());
    EXPECT_LT(world.store->space(tier_id::nvme).groups_possible, before);
    ASSERT_TRUE(world.sim.run(world.store->seal_open(tier_id::nvme)).ok());
    for (const group_row& row : world.store->groups())
        world.store->release(row.id);
    world.log.rows.clear();
    const auto put = world.put(world.random_bytes(100));
    ASSERT_TRUE(put.ok());
    world.power_cut();
    EXPECT_EQ(world.store->space(tier_id::nvme).groups_possible, before - 1);
}

}  // namespace
}  // namespace taicang
