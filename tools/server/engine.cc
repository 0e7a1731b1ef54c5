#include "tools/server/engine.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "storage/base/limits.h"

namespace taicang {

// In the order of their making; destroyed in reverse. The pools stand after the reactor that their
// threads wake (reactor.h): they must be gone before it.
struct engine_parts {
    std::unique_ptr<random_source> random;
    metric_registry metrics;
    std::unique_ptr<memory_budget> budget;
    std::unique_ptr<buffer_pool> buffers;
    std::unique_ptr<reactor> home;
    std::unique_ptr<worker_pool> compute;
    std::unique_ptr<worker_pool> index_reads;
    std::unique_ptr<environment> env;
    std::unique_ptr<hub> storage;
};

namespace {

constexpr unsigned index_read_threads = 4;
constexpr std::size_t budget_waiters_max = 4096;
constexpr std::size_t registered_bytes_max = std::size_t{1} << 30;  // the kernel's, a region

disk_backend backend_of(const std::string& name) {
    if (name == "io_uring") return disk_backend::io_uring;
    if (name == "threads") return disk_backend::threads;
    return disk_backend::automatic;
}

hub_options hub_options_of(const configuration& wanted, const engine_options& how,
                           std::string_view backend_reason) {
    hub_options options;
    options.io_backend_reason = backend_reason;
    options.layout.directory = wanted.devices_directory();
    const auto add_tier = [&](tier_id tier, std::uint64_t devices) {
        if (devices == 0) return;
        tier_layout layout;
        layout.tier = tier;
        layout.devices = static_cast<unsigned>(devices);
        layout.parity = static_cast<unsigned>(wanted.parity);
        layout.extent_bytes = wanted.extent_mib * limits::mib;
        layout.capacity_bytes_per_device = wanted.device_mib * limits::mib;
        options.layout.tiers.push_back(layout);
    };
    add_tier(tier_id::nvme, wanted.nvme_devices);
    add_tier(tier_id::hdd, wanted.hdd_devices);
    options.index_directory = wanted.index_directory();
    options.index_cache_bytes = wanted.index_cache_mib * limits::mib;
    options.index_memtable_bytes = wanted.index_memtable_mib * limits::mib;
    options.journal_bytes_max = wanted.journal_mib * limits::mib;
    options.accept_loss = wanted.accept_loss;
    options.create = how.create;
    options.jobs = how.jobs;
    return options;
}

task<void> stop_hub(std::unique_ptr<hub> storage) {
    co_await storage->stop();
    // The hub's parts belong to the engine's thread.
    storage.reset();
}

}  // namespace

engine::engine() = default;
engine::~engine() {
    stop();
}

hub& engine::storage() {
    TC_ASSERT(parts_->storage);
    return *parts_->storage;
}
environment& engine::env() {
    return *parts_->env;
}
reactor& engine::home() {
    return *parts_->home;
}

result<void> engine::start(const configuration& wanted, engine_options options) {
    if (options.create) {
        std::error_code failed;
        std::filesystem::create_directories(wanted.data, failed);
        if (failed) {
            return error(errc::permission_denied, "cannot make the data directory " + wanted.data +
                                                      ": " + failed.message() +
                                                      "; give another with --data");
        }
    }
    TC_TRY(prepare(wanted, std::min(wanted.memory_mib * limits::mib / 8, registered_bytes_max)));
    engine_parts& made = *parts_;
    TC_TRY_ASSIGN(storage,
                  made.home->run(hub::start(
                      *made.env, hub_options_of(wanted, options, made.home->backend_reason()))));
    made.storage = std::move(storage);
    return ok();
}

result<void> engine::start_without_hub(const configuration& wanted) {
    return prepare(wanted, 0);
}

result<void> engine::prepare(const configuration& wanted, std::size_t registered_bytes) {
    TC_ASSERT(!parts_);
    parts_ = std::make_unique<engine_parts>();
    engine_parts& made = *parts_;
    made.random = system_random();
    made.budget =
        std::make_unique<memory_budget>(wanted.memory_mib * limits::mib, budget_waiters_max);
    made.buffers =
        std::make_unique<buffer_pool>(wanted.memory_mib * limits::mib / 4, registered_bytes);
    reactor_options home;
    home.registered_memory = made.buffers->arena();
    home.backend = backend_of(wanted.io_backend);
    TC_TRY_ASSIGN(started, reactor::start(home));
    made.home = std::move(started);
    const auto asked = static_cast<unsigned>(wanted.compute_threads);
    made.compute = make_worker_pool(
        "compute", asked == 0 ? std::max(1U, std::thread::hardware_concurrency()) : asked);
    made.index_reads = make_worker_pool("index", index_read_threads);
    made.env = std::make_unique<environment>(
        environment{*made.home, *made.compute, *made.index_reads, made.home->files(), *made.random,
                    *made.buffers, *made.budget, made.metrics});
    return ok();
}

void engine::stop() {
    if (!parts_) return;
    if (parts_->storage) parts_->home->run(stop_hub(std::move(parts_->storage)));
    if (parts_->home) parts_->home->stop();
    parts_.reset();
}

}  // namespace taicang
