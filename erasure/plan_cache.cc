#include "erasure/plan_cache.h"

#include <algorithm>
#include <utility>

namespace taicang::erasure {

plan_cache::plan_cache(size_t capacity) : capacity_(std::max<size_t>(capacity, 1)) {}

size_t plan_cache::key_hash::operator()(const key& of) const noexcept {
    // The finaliser of splitmix64 (Steele, Lea, Flood 2014) over the three words.
    uint64_t x =
        (uint64_t{of.present} << 32 | of.wanted) ^ (uint64_t{of.k_and_m} * 0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return static_cast<size_t>(x ^ (x >> 31));
}

result<std::shared_ptr<const repair_plan>> plan_cache::get(const reed_solomon& code,
                                                           chunk_mask present, chunk_mask wanted) {
    const key asked{static_cast<uint32_t>(code.k() << 8 | code.m()), present, wanted};
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = by_key_.find(asked); found != by_key_.end()) {
            ++hits_;
            recent_.splice(recent_.begin(), recent_, found->second);
            return found->second->plan;
        }
        ++misses_;
    }
    // Two threads may build the same plan at once; both are right, the first one stays.
    auto built = code.plan_repair(present, wanted);
    if (!built) return built.code();

    const std::lock_guard lock(mutex_);
    if (const auto found = by_key_.find(asked); found != by_key_.end()) return found->second->plan;
    if (recent_.size() >= capacity_) {
        by_key_.erase(recent_.back().of);
        recent_.pop_back();
    }
    recent_.push_front(entry{asked, *built});
    by_key_.emplace(asked, recent_.begin());
    return built;
}

plan_cache::counters plan_cache::count() const {
    const std::lock_guard lock(mutex_);
    return counters{hits_, misses_, recent_.size()};
}

}  // namespace taicang::erasure
