#include "s3gw/api/gateway_memory.h"

#include <algorithm>

#include "s3gw/api/limits.h"

namespace taicang {

gateway_memory::gateway_memory(memory_budget& whole)
    : whole_(whole),
      most_(std::max<std::size_t>(1, whole.figures().limit_bytes / limits::gateway_memory_share)),
      share_(most_, limits::gateway_waiters_max) {}

task<result<gateway_lease>> gateway_memory::acquire(std::size_t bytes) {
    bytes = std::min(bytes, most_);
    gateway_lease lease;
    auto share = co_await share_.acquire(bytes, limits::gateway_memory_patience);
    if (!share) co_return std::move(share).error();
    lease.share = std::move(*share);
    auto whole = co_await whole_.acquire(bytes, limits::gateway_memory_patience);
    if (!whole) co_return std::move(whole).error();
    lease.whole = std::move(*whole);
    co_return std::move(lease);
}

}  // namespace taicang
