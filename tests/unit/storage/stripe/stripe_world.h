// A stripe store over fake devices in a simulation, with power cuts and a model of what was
// acknowledged. Threads: one. Lifetime: a test's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/digest.h"
#include "storage/base/log.h"
#include "storage/io/simulation.h"
#include "storage/stripe/run_format.h"
#include "storage/stripe/stripe_store.h"
#include "tests/unit/storage/stripe/fake_devices.h"

namespace taicang {

/// Keeps rows as a journal would; can refuse.
class recording_log final : public group_log {
  public:
    task<result<void>> group_opened(group_row row) override {
        if (refuse) co_return error(errc::journal_full, "the journal is full");
        rows.push_back(std::move(row));
        co_return ok();
    }
    std::vector<group_row> rows;
    bool refuse = false;
};

struct world_options {
    std::uint64_t seed = 1;
    std::size_t nvme = 6;
    std::size_t hdd = 0;
    unsigned parity = 2;
    std::uint64_t extent_bytes = 4ULL << 20;
    std::size_t extents = 16;
};

class stripe_world {
  public:
    using written = stripe_store::written;

    explicit stripe_world(world_options options = {})
        : options_(options),
          sim(options.seed),
          buffers(64ULL << 20),
          budget(512ULL << 20, 64),
          env{sim.main(),   sim.pool(), sim.pool(), sim.files(),
              sim.random(), buffers,    budget,     metrics} {
        set_log_level(log_level::error);
        add(tier_id::nvme, options.nvme);
        add(tier_id::hdd, options.hdd);
        start();
    }
    ~stripe_world() { stop(); }

    template <class T>
    T run(task<T> body) {
        return sim.run(std::move(body));
    }

    void start() {
        devices = std::make_unique<fake::device_set_fake>(platters, sim.random(), ++starts_);
        devices->set_parity(options_.parity);
        store = stripe_store::make(env, *devices);
        store->set_group_log(&log);
        store->set_group_ids([this] { return group_id(++last_group_); });
        for (const group_row& row : log.rows)
            store->adopt(row);
    }
    void stop() {
        if (!store) return;
        run(stop_store(*store));
        store.reset();
    }
    /// Power cut now, then a new start.
    void power_cut() {
        devices->power_cut();
        stop();
        start();
    }

    /// Lets everything that goes on in the background (seals, removals) come to its end.
    void settle() { run(long_pause()); }

    std::vector<std::byte> random_bytes(std::size_t length) {
        std::vector<std::byte> bytes(length);
        if (length != 0) sim.random().fill(bytes);
        return bytes;
    }
    run_request request(bytes_view data, tier_id tier = tier_id::nvme) {
        return {.tier = tier, .owner = {blob_id(7), 0}, .data = data};
    }
    result<written> write(bytes_view data, tier_id tier = tier_id::nvme) {
        return run(store->write_run(request(data, tier)));
    }
    result<void> make_durable(std::vector<written>& pieces) {
        return run(store->make_durable(pieces));
    }
    /// Writes and makes durable; the piece.
    result<piece> put(bytes_view data, tier_id tier = tier_id::nvme) {
        auto one = write(data, tier);
        if (!one) return std::move(one).error();
        std::vector<written> pieces;
        pieces.push_back(std::move(one).value());
        auto done = make_durable(pieces);
        if (!done) return std::move(done).error();
        return pieces[0].where;
    }
    result<std::vector<std::byte>> read(const piece& where, std::uint32_t offset = 0,
                                        std::optional<std::uint32_t> length = std::nullopt) {
        std::vector<std::byte> into(length.value_or(where.length - offset));
        auto done = run(store->read(where, offset, into));
        if (!done) return std::move(done).error();
        return into;
    }

    fake::device_fake& device_of(const piece& where, unsigned chunk) {
        return devices->of(store->find(where.group)->chunks[chunk].device);
    }
    fake::platter_place& place_of(const piece& where, unsigned chunk) {
        const chunk_place at = store->find(where.group)->chunks[chunk];
        return *devices->of(at.device).place_of(at.extent);
    }
    /// Changes bytes of a run's part in a chunk; block 0 is the header.
    void rot(const piece& where, unsigned chunk, std::uint32_t block, std::uint32_t byte = 5) {
        auto& bytes = place_of(where, chunk).bytes;
        const std::size_t at = (std::size_t{where.run_block} + block) * 4096 + byte;
        bytes[at] ^= std::byte{0x40};
    }
    void rot_all(const piece& where, unsigned chunk) {
        auto& bytes = place_of(where, chunk).bytes;
        for (std::size_t at = 0; at < bytes.size(); at += 512)
            bytes[at] ^= std::byte{0x11};
    }

    std::vector<std::unique_ptr<fake::platter>> platters;

  private:
    static task<int> long_pause() {
        co_await sleep_for(one_second);
        co_return 0;
    }
    static task<int> stop_store(stripe_store& running) {
        co_await running.stop();
        co_return 0;
    }
    void add(tier_id tier, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            auto one = std::make_unique<fake::platter>();
            one->id = sim_random_uuid();
            one->tier = tier;
            one->extent_bytes = options_.extent_bytes;
            one->places.resize(options_.extents);
            platters.push_back(std::move(one));
        }
    }
    uuid sim_random_uuid() { return sim.random().make_uuid(); }

    world_options options_;
    std::uint64_t starts_ = 0;
    std::uint64_t last_group_ = 0;

  public:
    simulation sim;
    buffer_pool buffers;
    memory_budget budget;
    metric_registry metrics;
    environment env;
    recording_log log;
    std::unique_ptr<fake::device_set_fake> devices;
    std::unique_ptr<stripe_store> store;
};

}  // namespace taicang
