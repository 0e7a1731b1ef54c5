// The deterministic simulation: one queue with virtual time that stands for every executor and
// worker pool, and a simulated disk with faults. Everything follows from the seed. Threads: one.
// Lifetime: the world outlives everything that runs in it; a crash cuts the old world off its disk
// and leaves it to unwind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/executor.h"
#include "storage/base/random.h"
#include "storage/io/disk.h"

namespace taicang {

struct sim_disk_faults {
    // Each is a probability in 1/1,000,000 per operation, on files for which faults are enabled.
    std::uint32_t read_error_ppm = 0;
    std::uint32_t write_error_ppm = 0;
    std::uint32_t flush_error_ppm = 0;
    std::uint32_t corrupt_read_block_ppm = 0;  ///< bit rot: a stored block is changed for good
    std::uint32_t lost_write_ppm = 0;          ///< acknowledged, even flushed, never stored
    std::uint32_t misdirected_write_ppm = 0;   ///< stored at another offset of the same file
    nanoseconds latency_min = 5 * one_microsecond;
    nanoseconds latency_max = 500 * one_microsecond;
};

/// The simulated disk. What was not flushed is lost, in part, at a crash: each unflushed block
/// independently stays, goes, or tears at a multiple of 512 bytes. Files created or removed without
/// sync_directory may come or go likewise.
class sim_disk : public disk {
  public:
    /// Default faults for every file; a path's own faults replace them.
    virtual void set_faults(const sim_disk_faults& faults) = 0;
    virtual void set_faults(const std::string& path, const sim_disk_faults& faults) = 0;
    /// The whole file answers io_failed from now on (a dead device) until heal().
    virtual void kill(const std::string& path) = 0;
    virtual void heal(const std::string& path) = 0;
    /// Power cut: settles unflushed writes by chance. Files opened before answer io_failed for
    /// ever; open them anew.
    virtual void crash() = 0;
    /// Total bytes that may be allocated; beyond it errc::no_space.
    virtual void set_capacity(std::uint64_t bytes) = 0;
    /// Flips bits of stored bytes directly (a test's own damage).
    virtual void damage(const std::string& path, std::uint64_t offset, std::uint64_t length) = 0;
    /// Stored bytes as a crash-free reader sees them; for tests.
    virtual std::vector<std::byte> contents(const std::string& path) = 0;
    virtual std::vector<std::string> paths() = 0;
};

class simulation {
  public:
    explicit simulation(std::uint64_t seed);
    ~simulation();
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;

    [[nodiscard]] executor& main();
    [[nodiscard]] worker_pool& pool();
    [[nodiscard]] sim_disk& files();
    [[nodiscard]] random_source& random();
    [[nodiscard]] std::uint64_t seed() const;

    /// Runs queued work and timers until `body` is done and returns its value. A queue that runs
    /// dry before is a deadlock and asserts, naming the seed. More than `events_max` events assert
    /// too.
    template <class T>
    T run(task<T> body) {
        std::optional<T> value;
        start(value, std::move(body));
        drain_until([&value] { return value.has_value(); });
        return std::move(*value);
    }
    /// Runs up to `events` events (for stopping in the middle of things before crash()).
    void run_events(std::uint64_t events);
    /// Power cut of the machine: settles the disk; every file opened before answers io_failed from
    /// now on, so the old world unwinds through its error paths: stop() and destroy it as usual
    /// (ignore what it answers), then build anew.
    void crash();
    [[nodiscard]] nanoseconds now() const;

  private:
    template <class T>
    static detail::detached fill(std::optional<T>& value, task<T> body) {
        auto result_value = co_await std::move(body);
        value.emplace(std::move(result_value));
    }
    template <class T>
    void start(std::optional<T>& value, task<T> body) {
        auto held = std::make_shared<task<T>>(std::move(body));
        main().post([&value, held] { fill(value, std::move(*held)); });
    }
    void drain_until(std::function<bool()> finished);
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace taicang
