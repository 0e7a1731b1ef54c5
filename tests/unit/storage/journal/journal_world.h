// A hub's journal in simulation, beside the list that says what it must hold.
// Threads: the simulation's. Lifetime: crash() or close() ends a life; open() begins the next.
#pragma once

#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/buffer.h"
#include "storage/base/memory_budget.h"
#include "storage/base/metrics.h"
#include "storage/io/simulation.h"
#include "storage/journal/journal.h"
#include "tests/unit/storage/journal/hub_under_test.h"

namespace taicang::test {

/// What the list remembers of a record.
struct model_record {
    record_kind kind = record_kind::mutation;
    std::uint64_t clock = 0;
    std::uint64_t set_sequence = 0;
    std::string body;
    std::string payload;
};

/// The reference model: a list. Everything up to `acknowledged` must survive; what is behind may or
/// may not, as a prefix, and recovery's word on it is final.
struct journal_model {
    std::deque<model_record> records;  ///< records[i] has LSN i+1
    lsn acknowledged;
    lsn released{1};  ///< LSNs below may be gone

    [[nodiscard]] const model_record& at(lsn position) const {
        return records.at(position.value - 1);
    }
    [[nodiscard]] lsn last() const { return lsn(records.size()); }
};

record_draft draft_of(const model_record& record);
bool equals(const model_record& expected, const journal_record& found);
model_record random_record(random_source& chance, std::size_t payload_max);

class journal_world {
  public:
    explicit journal_world(std::uint64_t seed)
        : sim(seed), env{sim.main(),   sim.pool(), sim.pool(), sim.files(),
                         sim.random(), buffers,    budget,     metrics} {}
    ~journal_world() { TC_ASSERT_WHY(log == nullptr, "close() or crash() before the end"); }

    /// Opens devices and journal; an error of the journal is given back, and the devices stay open
    /// for close().
    result<void> open(hub_under_test& hub, journal_options options);
    /// Clean stop of journal and devices.
    void close();
    /// Power cut.
    void crash(hub_under_test& hub);

    /// Appends to journal and model.
    lsn append(model_record record);
    /// Runs until everything appended is durable, or the journal has failed.
    void settle();
    /// Compares everything the journal holds with the model; cuts the model's unacknowledged end to
    /// what is there.
    void verify_all();

    template <class T>
    T run(task<T> body) {
        return sim.run(std::move(body));
    }

    simulation sim;
    buffer_pool buffers{std::size_t{8} << 20};
    memory_budget budget{std::size_t{64} << 20, 64};
    metric_registry metrics;
    environment env;
    journal_model model;
    std::unique_ptr<device_set> devices;
    std::unique_ptr<journal> log;
    std::optional<error> failure;
    unsigned failures_told = 0;

  private:
    task<result<void>> open_all(hub_under_test& hub, journal_options options);
    task<result<void>> stop_all();
    task<result<void>> wait_durable();
    task<result<void>> read_everything();
};

/// Seeds to run: TAICANG_SEED alone, else `count` from `first` on (ten times as many with
/// TAICANG_LONG).
std::vector<std::uint64_t> seeds(std::uint64_t first, std::uint64_t count);
/// The sentence that replays a seed.
std::string replay_command(std::uint64_t seed);

}  // namespace taicang::test
