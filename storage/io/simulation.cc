// One queue for everything. Work posted now runs in order of posting; timers, disk completions and
// pool jobs lie in a heap ordered by virtual time with a seeded tie. Each event costs a little
// virtual time, so that a loop that polls the clock comes to its end.
#include "storage/io/simulation.h"

#include <cstdio>
#include <deque>
#include <thread>
#include <utility>

#include "storage/base/limits.h"
#include "storage/io/sim_disk_make.h"
#include "storage/io/timer_queue.h"

namespace taicang {

namespace {

constexpr nanoseconds event_cost_ns = 100;
constexpr nanoseconds pool_delay_ns_min = one_microsecond;
constexpr nanoseconds pool_delay_ns_span = 100 * one_microsecond;
/// 2025-01-01 00:00 UTC: the wall clock of every simulation begins here.
constexpr std::int64_t wall_start_ns = 1'735'689'600 * std::int64_t{one_second};

struct ready_entry {
    work what;
    std::coroutine_handle<> handle;
    nanoseconds posted_at = 0;
};

class sim_executor final : public executor {
  public:
    explicit sim_executor(std::uint64_t seed) : seed_(seed), chance_(seeded_random(seed)) {}

    void post(work w) override {
        TC_ASSERT_WHY(std::this_thread::get_id() == owner_, "a simulation has one thread");
        ready_.push_back({std::move(w), nullptr, now_});
    }
    void post(std::coroutine_handle<> handle) override {
        TC_ASSERT_WHY(std::this_thread::get_id() == owner_, "a simulation has one thread");
        ready_.push_back({work(), handle, now_});
    }
    timer_id post_after(nanoseconds delay, work w) override {
        return later_.add(now_ + std::max<nanoseconds>(delay, 0), std::move(w), chance_->next());
    }
    bool cancel_timer(timer_id id) override { return later_.cancel(id); }
    nanoseconds monotonic_now() const override { return now_; }
    std::int64_t wall_now() const override { return wall_start_ns + now_; }

    /// A job of the worker pool: runs where no executor is current, as on a real pool thread.
    void submit_outside(work w) {
        const auto delay =
            pool_delay_ns_min +
            static_cast<nanoseconds>(chance_->below(std::uint64_t{pool_delay_ns_span}));
        later_.add(
            now_ + delay,
            [w = std::move(w)]() mutable {
                const running_scope nobody(nullptr);
                w();
            },
            chance_->next());
    }

    /// Runs one event; false when there is none.
    bool step() {
        const running_scope scope(this);
        const auto due = later_.next();
        if (due && (ready_.empty() || *due <= ready_.front().posted_at)) {
            now_ = std::max(now_, *due) + event_cost_ns;
            work what = later_.pop();
            what();
            return true;
        }
        if (ready_.empty()) return false;
        now_ += event_cost_ns;
        ready_entry next = std::move(ready_.front());
        ready_.pop_front();
        if (next.handle) {
            next.handle.resume();
        } else {
            next.what();
        }
        return true;
    }

    /// Destroys what will never run. Its destructors may post again (a lease that frees a waiter),
    /// hence the loop.
    void clear() {
        for (int round = 0; round < 64 && (!ready_.empty() || !later_.empty()); ++round) {
            later_.clear();
            const std::deque<ready_entry> dropped = std::exchange(ready_, {});
        }
    }

    [[noreturn]] void give_up(const char* why) const {
        char sentence[256];
        std::snprintf(sentence, sizeof(sentence), "%s; seed %llu, virtual time %lld ns", why,
                      static_cast<unsigned long long>(seed_), static_cast<long long>(now_));
        assert_failed("simulation", __FILE__, __LINE__, sentence);
    }

  private:
    std::uint64_t seed_;
    std::unique_ptr<random_source> chance_;
    std::deque<ready_entry> ready_;
    timer_queue later_;
    nanoseconds now_ = 0;
    std::thread::id owner_ = std::this_thread::get_id();
};

class sim_pool final : public worker_pool {
  public:
    explicit sim_pool(sim_executor& queue) : queue_(queue) {}
    void submit(work w) override { queue_.submit_outside(std::move(w)); }

  private:
    sim_executor& queue_;
};

}  // namespace

struct simulation::state {
    // Each has a stream of its own: a test that draws more numbers does not reshuffle the schedule.
    explicit state(std::uint64_t s)
        : seed(s),
          test_chance(seeded_random(s ^ 0x7465737400000001ULL)),
          disk_chance(seeded_random(s ^ 0x6469736b00000002ULL)),
          queue(s),
          pool(queue),
          disk(make_sim_disk(*disk_chance)) {}
    std::uint64_t seed;
    std::unique_ptr<random_source> test_chance;
    std::unique_ptr<random_source> disk_chance;
    sim_executor queue;
    sim_pool pool;
    std::unique_ptr<sim_disk> disk;
};

simulation::simulation(std::uint64_t seed) : state_(std::make_unique<state>(seed)) {}
simulation::~simulation() {
    state_->queue.clear();
}

executor& simulation::main() {
    return state_->queue;
}
worker_pool& simulation::pool() {
    return state_->pool;
}
sim_disk& simulation::files() {
    return *state_->disk;
}
random_source& simulation::random() {
    return *state_->test_chance;
}
std::uint64_t simulation::seed() const {
    return state_->seed;
}
nanoseconds simulation::now() const {
    return state_->queue.monotonic_now();
}

void simulation::run_events(std::uint64_t events) {
    for (std::uint64_t i = 0; i < events; ++i) {
        if (!state_->queue.step()) return;
    }
}

void simulation::crash() {
    state_->disk->crash();
}

void simulation::drain_until(std::function<bool()> finished) {
    for (std::uint64_t i = 0; !finished(); ++i) {
        if (i == limits::sim_events_max) state_->queue.give_up("too many events: a livelock");
        if (!state_->queue.step()) state_->queue.give_up("nothing left to run: a deadlock");
    }
}

}  // namespace taicang
