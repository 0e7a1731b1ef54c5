// Random operations against a model (piece -> bytes) under random faults within the code's power.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/storage/stripe/stripe_world.h"

namespace taicang {
namespace {

struct model_entry {
    piece where;
    std::vector<std::byte> data;
};

class random_life {
  public:
    explicit random_life(std::uint64_t seed)
        : world_({.seed = seed, .nvme = 7, .hdd = 6, .extent_bytes = 2 << 20, .extents = 40}),
          chance_(world_.sim.random()) {}

    void step() {
        switch (chance_.below(10)) {
            case 0:
            case 1:
            case 2:
            case 3:
                put();
                break;
            case 4:
                rot();
                break;
            case 5:
                fail_something();
                break;
            case 6:
                drop_group();
                break;
            case 7:
                if (chance_.one_in(4)) cut();
                break;
            default:
                read();
                break;
        }
    }
    void check_all() {
        for (const model_entry& one : model_) {
            const auto back = world_.read(one.where);
            ASSERT_TRUE(back.ok()) << back.error().message;
            ASSERT_TRUE(back.value() == one.data);
        }
    }

  private:
    [[nodiscard]] tier_id some_tier() { return chance_.one_in(3) ? tier_id::hdd : tier_id::nvme; }

    void put() {
        const tier_id tier = some_tier();
        const std::uint64_t most = world_.store->run_bytes_max(tier);
        std::vector<stripe_store::written> pieces;
        std::vector<std::vector<std::byte>> data;
        for (std::uint64_t i = 0; i < 1 + chance_.below(3); ++i) {
            const std::uint64_t size =
                1 + chance_.below(std::min<std::uint64_t>(most, 1ULL << (4 + chance_.below(18))));
            data.push_back(world_.random_bytes(size));
            auto one = world_.write(data.back(), tier);
            ASSERT_TRUE(one.ok()) << one.error().message;
            pieces.push_back(std::move(one).value());
        }
        const auto done = world_.make_durable(pieces);
        ASSERT_TRUE(done.ok()) << done.error().message;
        for (std::size_t i = 0; i < pieces.size(); ++i)
            model_.push_back({pieces[i].where, std::move(data[i])});
    }

    void read() {
        if (model_.empty()) return;
        const model_entry& one = model_[chance_.below(model_.size())];
        const auto first = static_cast<std::uint32_t>(chance_.below(one.where.length));
        const auto length = static_cast<std::uint32_t>(1 + chance_.below(one.where.length - first));
        const auto back = world_.read(one.where, first, length);
        ASSERT_TRUE(back.ok()) << back.error().message;
        ASSERT_TRUE(std::equal(back.value().begin(), back.value().end(), one.data.begin() + first));
    }

    /// Chunks of a group that were harmed; with devices fenced never more than m in all.
    bool may_harm(group_id group, unsigned chunk) {
        auto& harmed = harmed_[group.value];
        const group_row row = *world_.store->find(group);
        std::set<unsigned> away = harmed;
        for (unsigned i = 0; i < row.chunks.size(); ++i) {
            if (world_.devices->find(row.chunks[i].device) == nullptr) away.insert(i);
        }
        if (away.contains(chunk) || away.size() >= row.m) return false;
        harmed.insert(chunk);
        return true;
    }

    void rot() {
        if (model_.empty() || fenced_ >= 1) return;
        const model_entry& one = model_[chance_.below(model_.size())];
        const group_row row = *world_.store->find(one.where.group);
        const auto chunk = static_cast<unsigned>(chance_.below(row.chunks.size()));
        // One chunk of two may rot, the other one is left to devices that fail.
        if (!harmed_[one.where.group.value].empty() || !may_harm(one.where.group, chunk)) return;
        if (chance_.one_in(2)) {
            world_.rot_all(one.where, chunk);
        } else {
            world_.rot(one.where, chunk, static_cast<std::uint32_t>(chance_.below(2)));
        }
    }

    void fail_something() {
        if (fenced_ >= 1) return;
        fake::device_fake& device = world_.devices->at(chance_.below(world_.devices->size()));
        ++fenced_;
        switch (chance_.below(3)) {
            case 0:
                device.fail_write_after = static_cast<int>(chance_.below(4));
                break;
            case 1:
                device.fail_flush_after = static_cast<int>(chance_.below(3));
                break;
            default:
                world_.devices->fence(device.id(), "test");
                break;
        }
    }

    void drop_group() {
        if (model_.size() < 20) return;
        const group_id gone = model_[chance_.below(model_.size())].where.group;
        std::erase_if(model_, [gone](const model_entry& one) { return one.where.group == gone; });
        std::erase_if(world_.log.rows, [gone](const group_row& row) { return row.id == gone; });
        world_.store->release(gone);
    }

    void cut() {
        world_.power_cut();
        // A new start has all devices again: what was fenced is behind, but whole for what it
        // acknowledged.
        fenced_ = 0;
    }

    stripe_world world_;
    random_source& chance_;
    std::vector<model_entry> model_;
    std::map<std::uint64_t, std::set<unsigned>> harmed_;
    int fenced_ = 0;
};

TEST(stripe_random, lives_with_faults_within_m) {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        random_life life(seed);
        for (int i = 0; i < 120; ++i) {
            life.step();
            if (testing::Test::HasFatalFailure()) return;
        }
        life.check_all();
        if (testing::Test::HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace taicang
