#include "tools/server/server.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <thread>

#include "s3gw/admin/admin_handler.h"
#include "s3gw/api/s3_handler.h"
#include "s3gw/auth/credentials.h"
#include "s3gw/http/server.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/hub/hub.h"
#include "storage/io/reactor.h"
#include "tools/server/endpoints.h"
#include "tools/version.h"

namespace taicang {

// In the order of their making; destroyed in reverse.
struct server_parts {
    configuration wanted;
    std::unique_ptr<random_source> random;
    metric_registry metrics;
    std::unique_ptr<memory_budget> budget;
    std::unique_ptr<buffer_pool> buffers;
    std::unique_ptr<worker_pool> compute;
    std::unique_ptr<worker_pool> index_reads;
    std::unique_ptr<reactor> engine;
    std::unique_ptr<environment> env;
    std::unique_ptr<hub> storage;
    credential_store keys;
    std::atomic<bool> ready{false};
    std::unique_ptr<http_server> s3;
    std::unique_ptr<http_server> admin;
};

namespace {

constexpr nanoseconds stop_patience = 10 * one_second;
constexpr std::size_t index_read_threads = 4;
constexpr std::size_t budget_waiters_max = 4096;

unsigned cores() {
    return std::max(1U, std::thread::hardware_concurrency());
}

result<http_listener> parse_listener(const std::string& text, bool is_tls) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) {
        return error(
            errc::invalid_argument,
            "listener \"" + text + "\": give HOST:PORT, e.g. 127.0.0.1:9000 or [::1]:9000");
    }
    http_listener listener;
    listener.is_tls = is_tls;
    listener.host = text.substr(0, colon);
    if (listener.host.starts_with('[') && listener.host.ends_with(']')) {
        listener.host = listener.host.substr(1, listener.host.size() - 2);
    }
    const char* first = text.data() + colon + 1;
    const char* last = text.data() + text.size();
    const auto read = std::from_chars(first, last, listener.port);
    if (read.ec != std::errc() || read.ptr != last) {
        return error(errc::invalid_argument,
                     "listener \"" + text + "\": the port is not a number from 0 to 65535");
    }
    return listener;
}

result<std::vector<http_listener>> parse_listeners(const std::vector<std::string>& plain,
                                                   const std::vector<std::string>& tls) {
    std::vector<http_listener> listeners;
    for (const std::string& text : plain) {
        TC_TRY_ASSIGN(listener, parse_listener(text, false));
        listeners.push_back(std::move(listener));
    }
    for (const std::string& text : tls) {
        TC_TRY_ASSIGN(listener, parse_listener(text, true));
        listeners.push_back(std::move(listener));
    }
    return listeners;
}

std::vector<std::string> urls_of(const http_server& running) {
    std::vector<std::string> urls;
    for (const http_bound_address& at : running.bound()) {
        const bool v6 = at.address.find(':') != std::string::npos;
        urls.push_back(std::string(at.is_tls ? "https://" : "http://") +
                       (v6 ? "[" + at.address + "]" : at.address) + ":" + std::to_string(at.port));
    }
    return urls;
}

disk_backend backend_of(const std::string& name) {
    if (name == "io_uring") return disk_backend::io_uring;
    if (name == "threads") return disk_backend::threads;
    return disk_backend::automatic;
}

hub_options hub_options_of(const configuration& wanted) {
    hub_options options;
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
    return options;
}

task<void> destroy_on_engine(std::unique_ptr<hub> gone) {
    gone.reset();
    co_return;
}

}  // namespace

server::server() = default;
server::~server() {
    stop();
}

namespace {

/// The pools and seams that everything stands on.
result<void> start_ground(server_parts& made);
result<served_endpoints> start_listeners(server_parts& made);

}  // namespace

result<served_endpoints> server::start(const configuration& wanted) {
    TC_ASSERT(!parts_);
    parts_ = std::make_unique<server_parts>();
    parts_->wanted = wanted;
    auto started = start_ground(*parts_);
    if (!started) {
        stop();
        return std::move(started).error();
    }
    auto served = start_listeners(*parts_);
    if (!served) stop();
    return served;
}

namespace {

result<void> start_ground(server_parts& made) {
    const configuration& wanted = made.wanted;
    std::error_code failed;
    std::filesystem::create_directories(wanted.data, failed);
    if (failed) {
        return error(errc::permission_denied, "cannot make the data directory " + wanted.data +
                                                  ": " + failed.message() +
                                                  "; give another with --data");
    }
    made.random = system_random();
    made.budget =
        std::make_unique<memory_budget>(wanted.memory_mib * limits::mib, budget_waiters_max);
    made.buffers = std::make_unique<buffer_pool>(wanted.memory_mib * limits::mib / 4);
    const auto compute = static_cast<unsigned>(wanted.compute_threads);
    made.compute = make_worker_pool("compute", compute == 0 ? cores() : compute);
    made.index_reads = make_worker_pool("index", index_read_threads);
    reactor_options engine;
    engine.backend = backend_of(wanted.io_backend);
    TC_TRY_ASSIGN(started, reactor::start(engine));
    made.engine = std::move(started);
    made.env = std::make_unique<environment>(
        environment{*made.engine, *made.compute, *made.index_reads, made.engine->files(),
                    *made.random, *made.buffers, *made.budget, made.metrics});
    TC_TRY_ASSIGN(storage, made.engine->run(hub::start(*made.env, hub_options_of(wanted))));
    made.storage = std::move(storage);
    return ok();
}

result<served_endpoints> start_listeners(server_parts& made) {
    const configuration& wanted = made.wanted;
    TC_TRY_ASSIGN(root, load_or_create_root_key(wanted.data, root_key_settings_from_environment(),
                                                *made.random));
    served_endpoints served;
    served.access_key = root.key.access_key;
    served.credentials_path = root.path;
    served.key_generated = root.origin == root_key_origin::generated;
    if (served.key_generated) served.secret_key_once = std::string(root.key.secret.reveal());
    made.keys.put(std::move(root.key));

    http_server_options s3;
    TC_TRY_ASSIGN(s3_listeners, parse_listeners(wanted.listen, wanted.listen_tls));
    s3.listeners = std::move(s3_listeners);
    s3.tls = {wanted.tls_certificate, wanted.tls_key};
    s3.workers = wanted.workers == 0 ? cores() : static_cast<unsigned>(wanted.workers);
    made.s3 = std::make_unique<http_server>(
        s3, make_s3_handlers({*made.engine, made.storage->objects(), *made.budget, *made.buffers,
                              *made.compute, made.keys, made.metrics, *made.random, wanted.region,
                              wanted.domains}));
    http_server_options admin;
    admin.name = "admin";
    TC_TRY_ASSIGN(admin_listeners, parse_listeners(wanted.admin, {}));
    admin.listeners = std::move(admin_listeners);
    made.admin = std::make_unique<http_server>(
        admin,
        make_admin_handlers({*made.engine, *made.storage, *made.budget, *made.buffers, made.keys,
                             made.metrics, made.ready, wanted.region, std::string(version_text)}));
    TC_TRY(made.admin->start());
    TC_TRY(made.s3->start());
    served.s3 = urls_of(*made.s3);
    served.admin = urls_of(*made.admin);
    TC_TRY(write_endpoints(wanted.data, served));
    made.ready = true;
    return served;
}

}  // namespace

void server::stop() {
    if (!parts_) return;
    parts_->ready = false;
    // Nobody finds a hub that is going down.
    remove_endpoints(parts_->wanted.data);
    if (parts_->s3) parts_->s3->stop(stop_patience);
    if (parts_->admin) parts_->admin->stop(stop_patience);
    if (parts_->storage) {
        parts_->engine->run(parts_->storage->stop());
        // The hub's parts belong to the engine's thread.
        parts_->engine->run(destroy_on_engine(std::move(parts_->storage)));
    }
    if (parts_->engine) parts_->engine->stop();
    parts_.reset();
}

}  // namespace taicang
