#include "s3gw/admin/hub_metrics.h"

#include <cstdio>

#include "storage/io/process_memory.h"

namespace taicang {

namespace {

class page {
  public:
    void head(std::string_view name, std::string_view help) {
        text_.append("# HELP ")
            .append(name)
            .append(" ")
            .append(help)
            .append("\n# TYPE ")
            .append(name)
            .append(" gauge\n");
    }
    void line(std::string_view name, std::string_view labels, double value) {
        char number[64];
        std::snprintf(number, sizeof number, "%.17g", value);
        text_.append(name);
        if (!labels.empty()) text_.append("{").append(labels).append("}");
        text_.append(" ").append(number).append("\n");
    }
    void gauge(std::string_view name, std::string_view help, double value) {
        head(name, help);
        line(name, "", value);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

double number(std::uint64_t value) {
    return static_cast<double>(value);
}

void add_tiers(page& out, const hub_status& status) {
    struct column {
        std::string_view name, help;
        double (*value)(const tier_status&);
    };
    static constexpr column columns[] = {
        {"taicang_tier_bytes_total", "Raw capacity of active devices.",
         [](const tier_status& t) { return number(t.space.bytes_total); }},
        {"taicang_tier_bytes_free", "Raw bytes not allocated.",
         [](const tier_status& t) { return number(t.space.bytes_free); }},
        {"taicang_tier_data_chunks", "k of groups written now.",
         [](const tier_status& t) { return number(t.space.k_now); }},
        {"taicang_tier_data_chunks_target", "k when all devices are active.",
         [](const tier_status& t) { return number(t.space.k_target); }},
        {"taicang_tier_devices_active", "Active devices.",
         [](const tier_status& t) { return number(t.devices_active); }},
        {"taicang_tier_below_reserve", "1: new objects are refused.",
         [](const tier_status& t) { return t.space.below_reserve ? 1.0 : 0.0; }},
    };
    for (const column& one : columns) {
        out.head(one.name, one.help);
        for (const tier_status& tier : status.tiers) {
            out.line(one.name, "tier=\"" + std::string(tier_name(tier.tier)) + "\"",
                     one.value(tier));
        }
    }
}

void add_devices(page& out, const hub_status& status) {
    out.head("taicang_device_active", "1: the device is in use.");
    for (const device_info& device : status.devices) {
        out.line("taicang_device_active",
                 "device=\"" + device.id.text() + "\",tier=\"" +
                     std::string(tier_name(device.tier)) + "\"",
                 device.state == device_state::active ? 1 : 0);
    }
}

void add_journal(page& out, const hub_status& status) {
    out.gauge("taicang_journal_failed", "1: the journal takes no writes until the next start.",
              status.journal_now.failure.empty() ? 0 : 1);
    out.gauge("taicang_journal_segments_degraded",
              "Full segments with fewer copies than they should have.",
              number(status.journal_now.segments_degraded));
}

void add_jobs(page& out, const hub_status& status) {
    out.head("taicang_job_failures", "Steps of a job that failed.");
    for (const job_status& job : status.jobs) {
        out.line("taicang_job_failures", "job=\"" + job.name + "\"", number(job.failures));
    }
}

}  // namespace

std::string hub_metrics(const hub_status& status, const memory_budget_figures& budget,
                        const buffer_pool& buffers) {
    page out;
    out.gauge("taicang_health", "0 ok, 1 degraded, 2 read-only, 3 failed.",
              static_cast<double>(status.health));
    out.gauge("taicang_process_resident_bytes", "Resident memory of the process.",
              number(process_resident_bytes()));
    out.gauge("taicang_memory_budget_limit_bytes", "What requests may reserve together.",
              number(budget.limit_bytes));
    out.gauge("taicang_memory_budget_reserved_bytes", "Reserved now.",
              number(budget.reserved_bytes));
    out.gauge("taicang_memory_budget_reserved_bytes_max", "Most that was ever reserved.",
              number(budget.reserved_bytes_max));
    out.gauge("taicang_memory_budget_waiting", "Requests that wait for memory.",
              number(budget.waiting));
    out.gauge("taicang_memory_budget_refused", "Requests refused for want of memory.",
              number(budget.refused));
    out.gauge("taicang_buffers_in_use_bytes", "Buffers handed out.",
              number(buffers.bytes_in_use()));
    out.gauge("taicang_buffers_cached_bytes", "Buffers kept for reuse.",
              number(buffers.bytes_cached()));
    out.gauge("taicang_journal_fill", "Share of the journal's cap in use.", status.journal_fill);
    out.gauge("taicang_journal_last_durable_lsn", "Newest durable record.",
              number(status.journal_now.last_durable.value));
    out.gauge("taicang_journal_bytes_retained", "One copy.",
              number(status.journal_now.bytes_retained));
    out.gauge("taicang_index_applied_lsn", "Newest record in the index.",
              number(status.index_now.applied.value));
    out.gauge("taicang_index_flushed_lsn", "Newest record in the index on disk.",
              number(status.index_now.flushed.value));
    out.gauge("taicang_index_seeks", "Seeks since start.", number(status.index_now.seeks));
    out.gauge("taicang_index_block_reads", "Blocks read since start.",
              number(status.index_now.block_reads));
    out.gauge("taicang_index_bytes_on_disk", "Size of the index.",
              number(status.index_now.bytes_on_disk));
    out.gauge("taicang_degraded_reads", "Reads that had to decode.",
              number(status.stripes.degraded_reads));
    out.gauge("taicang_checksum_failures", "Blocks that were not what was written.",
              number(status.stripes.checksum_failures));
    out.gauge("taicang_groups", "Extent groups.", number(status.stripes.groups));
    add_tiers(out, status);
    add_devices(out, status);
    add_journal(out, status);
    add_jobs(out, status);
    return out.take();
}

}  // namespace taicang
