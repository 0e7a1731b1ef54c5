// A hub in the simulation: devices, index and engine on virtual time, to be crashed and started
// again. Threads: one. Lifetime: the world outlives its hubs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/hub/fsck.h"
#include "storage/hub/hub.h"
#include "storage/io/simulation.h"

namespace taicang::sim {

class sim_world {
  public:
    explicit sim_world(std::uint64_t seed) : world_(seed) {}

    /// Starts the hub on what the disk holds; an error is the hub's own.
    result<void> start() {
        powered_ = true;
        ground_ = std::make_unique<ground>(world_);
        auto started = world_.run(hub::start(ground_->env, options()));
        if (!started) return std::move(started).error();
        hub_ = std::move(*started);
        return ok();
    }
    /// Stops and destroys the hub; after simulation::crash() it unwinds through its error paths.
    void stop() {
        if (hub_) world_.run(stop_hub());
        hub_.reset();
        ground_.reset();
    }
    /// Power cut; what the hub answers from now on is no promise.
    void crash() {
        powered_ = false;
        world_.crash();
    }
    [[nodiscard]] bool powered() const { return powered_; }
    [[nodiscard]] simulation& world() { return world_; }
    [[nodiscard]] hub& running() { return *hub_; }
    [[nodiscard]] environment& env() { return ground_->env; }
    [[nodiscard]] index_media& index() { return media_; }
    [[nodiscard]] static std::string device_path(unsigned number) {
        return "devices/nvme-" + std::to_string(number) + ".dev";
    }
    static constexpr unsigned nvme_devices = 6;
    static constexpr unsigned nvme_parity = 2;

  private:
    struct ground {
        explicit ground(simulation& world)
            : buffers(64U << 20), budget(256U << 20, 4096), env{world.main(),   world.pool(),
                                                                world.pool(),   world.files(),
                                                                world.random(), buffers,
                                                                budget,         metrics} {}
        metric_registry metrics;
        buffer_pool buffers;
        memory_budget budget;
        environment env;
    };
    static hub_options options_of(index_media& media) {
        hub_options wanted;
        wanted.layout.directory = "devices";
        for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
            tier_layout layout;
            layout.tier = tier;
            layout.devices = tier == tier_id::nvme ? nvme_devices : 4;
            layout.parity = nvme_parity;
            layout.extent_bytes = 2U << 20;
            layout.capacity_bytes_per_device = 128U << 20;
            wanted.layout.tiers.push_back(layout);
        }
        wanted.index_directory = "index";
        wanted.memory_index = &media;
        wanted.index_tidy_rows_min = 10;  // lives are short
        wanted.index_tidy_wait_ns = 100'000'000;
        wanted.journal_bytes_max = 24U << 20;
        wanted.index_memtable_bytes = 1U << 20;
        wanted.index_cache_bytes = 4U << 20;
        return wanted;
    }
    hub_options options() { return options_of(media_); }
    task<bool> stop_hub() {
        co_await hub_->stop();
        co_return true;
    }

    bool powered_ = true;
    simulation world_;
    index_media media_;
    std::unique_ptr<ground> ground_;
    std::unique_ptr<hub> hub_;
};

}  // namespace taicang::sim
