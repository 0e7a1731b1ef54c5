#include "s3gw/api/gateway_memory.h"

#include <algorithm>

#include "s3gw/api/limits.h"

namespace taicang {

namespace {
std::size_t share_of(const memory_budget& whole, std::size_t parts) {
    const std::size_t share = whole.figures().limit_bytes / limits::gateway_memory_share;
    return std::max<std::size_t>(1, share / limits::gateway_small_parts * parts);
}
}  // namespace

gateway_memory::gateway_memory(memory_budget& whole)
    : whole_(whole),
      small_most_(share_of(whole, 1)),
      large_most_(share_of(whole, limits::gateway_small_parts - 1)),
      small_(small_most_, limits::gateway_waiters_max),
      large_(large_most_, limits::gateway_waiters_max) {}

task<result<gateway_lease>> gateway_memory::acquire(std::size_t bytes) {
    const bool small = bytes <= std::min(limits::gateway_small_bytes_max, small_most_);
    bytes = std::min(bytes, small ? small_most_ : large_most_);
    memory_budget& part = small ? small_ : large_;
    gateway_lease lease;
    auto share = co_await part.acquire(bytes, limits::gateway_memory_patience);
    if (!share) co_return std::move(share).error();
    lease.share = std::move(*share);
    auto whole = co_await whole_.acquire(bytes, limits::gateway_memory_patience);
    if (!whole) co_return std::move(whole).error();
    lease.whole = std::move(*whole);
    co_return std::move(lease);
}

}  // namespace taicang
