// Boot: from device files to parts that can serve. Used by hub::start only.
// Threads: the shard's executor. Lifetime: the parts borrow env and each other, in the order of the
// fields.
#pragma once

#include <memory>

#include "storage/hub/hub.h"

namespace taicang {

struct booted {
    std::unique_ptr<device_set> devices;
    std::unique_ptr<stripe_store> stripes;
    std::unique_ptr<checkpoint_store> checkpoints;
    std::unique_ptr<index> rows;
    std::unique_ptr<journal> log;
    bool index_restored = false;
    std::uint64_t records_replayed = 0;
    std::uint64_t orphans_removed = 0;
};

task<result<booted>> boot(environment& env, const hub_options& options);
/// Stops the parts from the top down.
task<void> stop_parts(booted& parts);

}  // namespace taicang
