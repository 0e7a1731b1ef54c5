// Runs the background jobs of a shard: each in its own loop, stepped while it is busy, woken by
// kick(), paused on command. Threads: the shard's executor. Lifetime: jobs outlive the runner's
// stop().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/job.h"

namespace taicang {

struct job_status {
    std::string name;
    job_state state = job_state::idle;
    bool paused = false;
    job_progress progress;
    std::uint64_t steps = 0;
    std::uint64_t failures = 0;
    std::string last_error;
};

class job_runner {
  public:
    job_runner();
    job_runner(const job_runner&) = delete;
    job_runner& operator=(const job_runner&) = delete;
    ~job_runner();

    /// Adds a job, before start(). `idle_wait`: how long an idle job sleeps when nobody kicks it.
    void add(job& added_job, nanoseconds idle_wait);
    void start();
    /// Something changed: idle and throttled jobs look again now.
    void kick();
    /// False when there is no job of that name.
    bool pause(std::string_view name);
    bool resume(std::string_view name);
    [[nodiscard]] std::vector<job_status> status() const;
    /// Lets running steps end; then no job runs any more.
    task<void> stop();

  private:
    struct entry;
    task<void> loop(entry* running);
    std::vector<std::unique_ptr<entry>> entries_;
    gate gate_;
    bool stopping_ = false;
    bool started_ = false;
};

}  // namespace taicang
