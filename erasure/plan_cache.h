// Repair plans of recent patterns: a degraded device set asks for the same few again and again.
//
// Threads: any; one mutex, never held while a plan is built.
// Lifetime: plans handed out live on after they were dropped here.
// Invariant: at most `capacity` plans; the one that was not asked for longest goes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "erasure/limits.h"
#include "erasure/reed_solomon.h"
#include "erasure/repair_plan.h"
#include "erasure/result.h"

namespace taicang::erasure {

class plan_cache {
  public:
    explicit plan_cache(size_t capacity = cached_plans_max);
    plan_cache(const plan_cache&) = delete;
    plan_cache& operator=(const plan_cache&) = delete;

    // As code.plan_repair(present, wanted); errors are not kept.
    result<std::shared_ptr<const repair_plan>> get(const reed_solomon& code, chunk_mask present,
                                                   chunk_mask wanted);

    struct counters {
        uint64_t hits = 0;
        uint64_t misses = 0;
        size_t plans = 0;
    };
    counters count() const;

  private:
    struct key {
        uint32_t k_and_m;
        chunk_mask present;
        chunk_mask wanted;
        bool operator==(const key&) const = default;
    };
    struct key_hash {
        size_t operator()(const key& of) const noexcept;
    };
    struct entry {
        key of;
        std::shared_ptr<const repair_plan> plan;
    };

    const size_t capacity_;
    mutable std::mutex mutex_;
    std::list<entry> recent_;  // front: asked for last
    std::unordered_map<key, std::list<entry>::iterator, key_hash> by_key_;
    uint64_t hits_ = 0;
    uint64_t misses_ = 0;
};

}  // namespace taicang::erasure
