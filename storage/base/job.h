// The job interface: background work (packing, reclaim, checkpoints, later scrub, rebuild, mover)
// that the upkeep room drives and the admin sees. Lower rooms hand work up by implementing it.
// Threads: a job belongs to its shard's executor. Lifetime: the owner keeps it until the runner has
// stopped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/base/task.h"

namespace taicang {

enum class job_state : std::uint8_t {
    busy,       ///< did work; wants to be called again soon
    throttled,  ///< has work, but waits for a token, space or foreground load
    idle,       ///< nothing to do until something changes
    done,       ///< finished for ever
};

struct job_progress {
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;  ///< 0: unknown
    std::uint64_t items_done = 0;
    std::uint64_t items_total = 0;  ///< 0: unknown
    std::uint64_t errors = 0;
    std::string note;  ///< one sentence for people
};

class job {
  public:
    job() = default;
    job(const job&) = delete;
    job& operator=(const job&) = delete;
    virtual ~job() = default;
    /// Stable name, e.g. "packing".
    [[nodiscard]] virtual std::string_view name() const = 0;
    /// Does one bounded step (at most some MiB or some ms of work). An error is counted, logged and
    /// retried later.
    virtual task<result<job_state>> step() = 0;
    [[nodiscard]] virtual job_progress progress() const = 0;
};

}  // namespace taicang
