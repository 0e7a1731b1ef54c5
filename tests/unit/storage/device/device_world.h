// A simulated machine with a hub of devices, for the tests of the device room.
// Threads: the test's. Lifetime: close() or crash() before it dies.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/device/device_set.h"
#include "storage/io/simulation.h"

namespace taicang::test {

inline constexpr std::uint64_t small_extent = 64 * limits::kib;
inline const std::string hub_directory = "/hub";

inline tier_layout small_tier(tier_id tier, unsigned devices, unsigned parity,
                              std::uint64_t extents = 40) {
    tier_layout layout;
    layout.tier = tier;
    layout.devices = devices;
    layout.parity = parity;
    layout.extent_bytes = small_extent;
    layout.capacity_bytes_per_device = extents * small_extent;
    return layout;
}

inline hub_layout small_hub(unsigned devices = 6, unsigned parity = 2) {
    return {hub_directory, {small_tier(tier_id::nvme, devices, parity)}};
}

class device_world {
  public:
    explicit device_world(std::uint64_t seed) : sim(seed) { set_log_level(log_level::error); }
    ~device_world() { close(); }
    device_world(const device_world&) = delete;
    device_world& operator=(const device_world&) = delete;

    template <class T>
    T run(task<T> body) {
        return sim.run(std::move(body));
    }

    result<void> format(hub_layout layout) {
        return run(device_set::format(env, std::move(layout)));
    }
    result<void> open(bool accept_loss = false, bool read_only = false) {
        close();
        auto opened = run(device_set::open(env, {hub_directory, accept_loss, read_only}));
        if (!opened) return opened.error();
        set = std::move(*opened);
        return ok();
    }
    void format_and_open(hub_layout layout = small_hub()) {
        auto formatted = format(std::move(layout));
        ASSERT_TRUE(formatted.ok()) << formatted.error().message;
        auto opened = open();
        ASSERT_TRUE(opened.ok()) << opened.error().message;
    }
    void close() {
        if (!set) return;
        run(stop(*set));
        set.reset();
    }
    /// Power cut; the old world unwinds through its error paths.
    void crash() {
        sim.crash();
        close();
    }

    result<void> replace(std::string bytes, root_section section = root_section::journal,
                         tier_id tier = tier_id::nvme) {
        return run(set->replace_root(tier, section, std::move(bytes)));
    }
    void fence(const std::string& file_name) { run(fence(*set, info(file_name).id)); }
    void report_read_failures(const uuid& id, std::uint64_t times) {
        run(report_read_failures(*set, id, times));
    }
    std::string journal_section(tier_id tier = tier_id::nvme) {
        return set->root_bytes(tier, root_section::journal);
    }
    std::vector<device_info> in_state(device_state state) const {
        std::vector<device_info> found;
        for (const device_info& each : set->devices()) {
            if (each.state == state) found.push_back(each);
        }
        return found;
    }
    /// The device whose file has this name.
    device_info info(const std::string& file_name) const {
        for (const device_info& each : set->devices()) {
            if (each.path == path(file_name)) return each;
        }
        ADD_FAILURE() << file_name << " is not listed";
        return {};
    }
    extent_device* device(const std::string& file_name) { return set->find(info(file_name).id); }

    static std::string path(const std::string& file_name) {
        return hub_directory + "/" + file_name;
    }
    static std::string nvme(unsigned number) { return "nvme-" + std::to_string(number) + ".dev"; }

    std::vector<std::byte> contents(const std::string& file_name) {
        return sim.files().contents(path(file_name));
    }
    void remove_file(const std::string& file_name) {
        auto removed = run(env.files.remove(path(file_name)));
        ASSERT_TRUE(removed.ok()) << removed.error().message;
    }
    /// Puts a file there with these bytes, durably, in place of the one there is.
    void put_file(const std::string& file_name, const std::vector<std::byte>& bytes) {
        auto put = run(write_file(env, path(file_name), bytes));
        ASSERT_TRUE(put.ok()) << put.error().message;
    }
    /// Overwrites bytes of a file.
    void poke_file(const std::string& file_name, std::uint64_t offset, bytes_view bytes) {
        std::vector<std::byte> all = contents(file_name);
        ASSERT_LE(offset + bytes.size(), all.size());
        std::copy(bytes.begin(), bytes.end(), all.begin() + static_cast<std::ptrdiff_t>(offset));
        put_file(file_name, all);
    }

    simulation sim;
    buffer_pool buffers{std::size_t{8} << 20};
    memory_budget budget{std::size_t{64} << 20, 64};
    metric_registry metrics;
    environment env{sim.main(),   sim.pool(), sim.pool(), sim.files(),
                    sim.random(), buffers,    budget,     metrics};
    std::unique_ptr<device_set> set;

  private:
    static task<bool> stop(device_set& devices) {
        co_await devices.stop();
        co_return true;
    }
    static task<bool> fence(device_set& devices, uuid id) {
        devices.fence(id, "for the test");
        co_return true;
    }
    static task<bool> report_read_failures(device_set& devices, uuid id, std::uint64_t times) {
        for (std::uint64_t i = 0; i < times; ++i)
            devices.report_read_failure(id);
        co_return true;
    }
    static task<result<void>> write_file(environment& env, std::string path,
                                         const std::vector<std::byte>& bytes) {
        auto removed = co_await env.files.remove(path);
        if (!removed && !removed.is(errc::not_found)) co_return removed;
        auto file = co_await env.files.open(path, open_mode::create_exclusive);
        if (!file) co_return file.error();
        buffer aligned = env.buffers.allocate(round_up(bytes.size(), page_size));
        std::copy(bytes.begin(), bytes.end(), aligned.data());
        auto done = co_await (*file)->write(0, aligned.view());
        if (done) done = co_await (*file)->flush();
        if (done) done = co_await env.files.sync_directory(hub_directory);
        co_return done;
    }
};

/// A buffer whose bytes tell `tag`.
inline buffer pattern(buffer_pool& pool, std::size_t size, std::uint64_t tag) {
    buffer made = pool.allocate(size);
    for (std::size_t at = 0; at < size; at += 8) {
        store_le(made.data() + at, (tag + 1) * 0x9e3779b97f4a7c15ULL + at);
    }
    return made;
}

inline bool same(bytes_view a, bytes_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

}  // namespace taicang::test
