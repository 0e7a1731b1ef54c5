// What the stripe room counts: figures for `status` and the same as metrics by tier.
// Threads: the shard's executor (the metrics' own atomics are read elsewhere). Lifetime: metrics
// outlive the room.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "storage/base/metrics.h"
#include "storage/device/device_set.h"

namespace taicang {

struct stripe_counters {
    struct of_tier {
        metric_counter& reads;
        metric_counter& read_bytes;
        metric_counter& degraded_reads;
        metric_counter& checksum_failures;
        metric_counter& written_bytes;
        metric_counter& rewritten_runs;
        metric_histogram& run_write;

        of_tier(metric_registry& metrics, const std::string& tier)
            : reads(metrics.counter("taicang_stripe_reads_total", "Reads of pieces.", tier)),
              read_bytes(metrics.counter("taicang_stripe_read_bytes_total",
                                         "Bytes of pieces handed to readers.", tier)),
              degraded_reads(metrics.counter("taicang_stripe_degraded_reads_total",
                                             "Reads that met a missing or wrong chunk.", tier)),
              checksum_failures(metrics.counter("taicang_stripe_checksum_failures_total",
                                                "Chunks whose header or blocks did not verify.",
                                                tier)),
              written_bytes(metrics.counter("taicang_stripe_written_bytes_total",
                                            "Data bytes of runs, without parity and headers.",
                                            tier)),
              rewritten_runs(
                  metrics.counter("taicang_stripe_rewritten_runs_total",
                                  "Runs written again because a device failed under them.", tier)),
              run_write(metrics.histogram("taicang_stripe_run_write_seconds",
                                          "Encoding a run and writing all its chunks.", tier)) {}
    };

    explicit stripe_counters(metric_registry& metrics)
        : tiers{of_tier(metrics, label(tier_id::nvme)), of_tier(metrics, label(tier_id::hdd))} {}

    static std::string label(tier_id tier) {
        return "tier=\"" + std::string(tier_name(tier)) + "\"";
    }
    of_tier& of(tier_id tier) noexcept { return tiers[static_cast<std::size_t>(tier)]; }

    std::array<of_tier, tier_count> tiers;
    std::uint64_t reads = 0;
    std::uint64_t degraded_reads = 0;
    std::uint64_t checksum_failures = 0;
    std::uint64_t rewritten_pieces = 0;
};

}  // namespace taicang
