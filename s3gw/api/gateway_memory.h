// What the gateway itself holds of bodies and documents: a share of the process's memory budget.
// The share is taken first, so requests that hold their gateway part always leave room for what the
// engine reserves while it serves them; without it all could hold their part and wait for ever.
// Small requests have a part of the share to themselves, so that many slow or stalled uploads,
// which hold their memory until their deadline, never keep a small request waiting. Threads: any;
// waiters resume on their own executor. Lifetime: leases die before it.
#pragma once

#include <cstddef>

#include "storage/base/memory_budget.h"

namespace taicang {

struct gateway_lease {
    memory_lease share;
    memory_lease whole;
};

class gateway_memory {
  public:
    explicit gateway_memory(memory_budget& whole);

    /// Waits for `bytes` (or all of the share's part, when that is less); errc::busy when it takes
    /// too long.
    task<result<gateway_lease>> acquire(std::size_t bytes);

  private:
    memory_budget& whole_;
    const std::size_t small_most_;
    const std::size_t large_most_;
    memory_budget small_;
    memory_budget large_;
};

}  // namespace taicang
