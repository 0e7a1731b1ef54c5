#include "storage/upkeep/job_runner.h"

#include "storage/base/limits.h"
#include "storage/base/log.h"

namespace taicang {

struct job_runner::entry {
    job* work = nullptr;
    nanoseconds idle_wait = 0;
    event wake;
    job_status shown;
};

job_runner::job_runner() = default;
job_runner::~job_runner() = default;

void job_runner::add(job& added_job, nanoseconds idle_wait) {
    TC_ASSERT(!started_);
    auto added = std::make_unique<entry>();
    added->work = &added_job;
    added->idle_wait = idle_wait;
    added->shown.name = added_job.name();
    entries_.push_back(std::move(added));
}

void job_runner::start() {
    TC_ASSERT(!started_);
    started_ = true;
    for (auto& running : entries_) {
        const bool started = spawn(gate_, loop(running.get()));
        TC_ASSERT(started);
    }
}

task<void> job_runner::loop(entry* running) {
    while (!stopping_) {
        nanoseconds wait = running->idle_wait;
        if (!running->shown.paused) {
            auto stepped = co_await running->work->step();
            ++running->shown.steps;
            running->shown.progress = running->work->progress();
            if (!stepped) {
                // Counted, told and tried again later: upkeep never gives up on its own.
                ++running->shown.failures;
                running->shown.last_error = stepped.error().message;
                running->shown.state = job_state::throttled;
                wait = limits::job_retry_wait_ns;
                if (!stepped.is(errc::stopped)) {
                    log_event(log_level::warn, "job_step_failed")
                        .with("job", running->shown.name)
                        .with("error", stepped.error().message);
                }
            } else {
                running->shown.state = *stepped;
                if (*stepped == job_state::done) break;
                if (*stepped == job_state::busy) {
                    co_await yield_now();
                    continue;
                }
                if (*stepped == job_state::throttled) wait = limits::job_throttled_wait_ns;
            }
        }
        if (stopping_) break;
        running->wake.reset();
        (void)co_await running->wake.wait_for(wait);
    }
}

void job_runner::kick() {
    for (auto& running : entries_)
        running->wake.set();
}

bool job_runner::pause(std::string_view name) {
    for (auto& running : entries_) {
        if (running->shown.name != name) continue;
        running->shown.paused = true;
        return true;
    }
    return false;
}

bool job_runner::resume(std::string_view name) {
    for (auto& running : entries_) {
        if (running->shown.name != name) continue;
        running->shown.paused = false;
        running->wake.set();
        return true;
    }
    return false;
}

std::vector<job_status> job_runner::status() const {
    std::vector<job_status> all;
    all.reserve(entries_.size());
    for (const auto& running : entries_)
        all.push_back(running->shown);
    return all;
}

task<void> job_runner::stop() {
    stopping_ = true;
    kick();
    co_await gate_.close();
}

}  // namespace taicang
