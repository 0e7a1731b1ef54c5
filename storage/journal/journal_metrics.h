// The journal's figures on the metrics page.
// Thread safe (relaxed atomics of the registry). Lifetime: the registry outlives the journal.
#pragma once

#include <array>
#include <cstdint>

#include "storage/base/metrics.h"

namespace taicang {

struct journal_metrics {
    explicit journal_metrics(metric_registry& registry);

    /// A batch became durable.
    void committed(std::uint32_t record_count, std::uint64_t bytes_written, std::int64_t took_ns);

    metric_counter& commits;
    metric_counter& records;
    metric_counter& bytes;
    metric_histogram& commit_latency;
    metric_counter& ensemble_changes;
    metric_counter& segments_opened;
    metric_counter& segments_recycled;
    metric_counter& copies_restored;
    metric_counter& batches_mended;
    metric_counter& read_faults;
    /// Batches by size class: up to 1, 4, 16, 64, 256 records, more.
    std::array<metric_counter*, 6> batch_sizes;
};

}  // namespace taicang
