// What every storage room is given: the seams and shared pools. One of these lives as long as the
// hub. Threads: `home` is the shard's executor; the rest as their own headers say.
#pragma once

#include "storage/base/buffer.h"
#include "storage/base/executor.h"
#include "storage/base/memory_budget.h"
#include "storage/base/metrics.h"
#include "storage/base/random.h"
#include "storage/io/disk.h"

namespace taicang {

struct environment {
    executor& home;            ///< the shard's executor: all mutable storage state lives on it
    worker_pool& compute;      ///< hashing and coding
    worker_pool& index_reads;  ///< RocksDB calls that may block
    disk& files;
    random_source& random;
    buffer_pool& buffers;
    memory_budget& budget;
    metric_registry& metrics;
};

}  // namespace taicang
