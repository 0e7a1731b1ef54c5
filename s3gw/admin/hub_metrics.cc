#include "s3gw/admin/hub_metrics.h"

#include <cstdio>

#include "storage/io/process_memory.h"

namespace taicang {

namespace {

class page {
  public:
    void head(std::string_view name, std::string_view help, std::string_view type) {
        text_.append("# HELP ")
            .append(name)
            .append(" ")
            .append(help)
            .append("\n# TYPE ")
            .append(name)
            .append(" ")
            .append(type)
            .append("\n");
    }
    void line(std::string_view name, std::string_view labels, double value) {
        char number[64];
        std::snprintf(number, sizeof number, "%.17g", value);
        text_.append(name);
        if (!labels.empty()) text_.append("{").append(labels).append("}");
        text_.append(" ").append(number).append("\n");
    }
    void gauge(std::string_view name, std::string_view help, double value) {
        head(name, help, "gauge");
        line(name, "", value);
    }
    void counter(std::string_view name, std::string_view help, double value) {
        head(name, help, "counter");
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
        {"taicang_tier_bytes_capacity", "Raw capacity of active devices.",
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
        out.head(one.name, one.help, "gauge");
        for (const tier_status& tier : status.tiers) {
            out.line(one.name, "tier=\"" + std::string(tier_name(tier.tier)) + "\"",
                     one.value(tier));
        }
    }
}

std::string labels_of(const device_info& device) {
    return "device=\"" + device.id.text() + "\",tier=\"" + std::string(tier_name(device.tier)) +
           "\"";
}

void add_devices(page& out, const hub_status& status) {
    out.head("taicang_device_active", "1: the device is in use.", "gauge");
    for (const device_info& device : status.devices) {
        out.line("taicang_device_active", labels_of(device),
                 device.state == device_state::active ? 1 : 0);
    }
    out.head("taicang_device_read_failures_total", "Reads that failed or did not verify.",
             "counter");
    for (const device_info& device : status.devices) {
        out.line("taicang_device_read_failures_total", labels_of(device),
                 number(device.read_failures));
    }
}

void add_jobs(page& out, const hub_status& status) {
    out.head("taicang_job_failures_total", "Steps of a job that failed.", "counter");
    for (const job_status& job : status.jobs) {
        out.line("taicang_job_failures_total", "job=\"" + job.name + "\"", number(job.failures));
    }
}

void add_memory(page& out, const memory_budget_figures& budget, const buffer_pool& buffers) {
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
    out.counter("taicang_memory_budget_refused_total", "Requests refused for want of memory.",
                number(budget.refused));
    out.gauge("taicang_buffers_in_use_bytes", "Buffers handed out.",
              number(buffers.bytes_in_use()));
    out.gauge("taicang_buffers_cached_bytes", "Buffers kept for reuse.",
              number(buffers.bytes_cached()));
}

void add_journal(page& out, const hub_status& status) {
    const journal_figures& log = status.journal_now;
    out.gauge("taicang_journal_failed", "1: nothing can be written until a new start.",
              log.failure.empty() ? 0 : 1);
    out.gauge("taicang_writes_failed",
              "1: nothing is written until a new start, for the journal or the index.",
              log.failure.empty() && status.write_failure.empty() ? 0 : 1);
    out.gauge("taicang_journal_fill", "Share of the journal's cap in use.", status.journal_fill);
    out.gauge("taicang_journal_last_durable_lsn", "Newest durable record.",
              number(log.last_durable.value));
    out.gauge("taicang_journal_bytes_retained", "One copy.", number(log.bytes_retained));
    out.gauge("taicang_journal_segments_degraded",
              "Full segments with a copy on a device that is not active.",
              number(log.segments_degraded));
}

void add_index(page& out, const index_figures& rows) {
    out.gauge("taicang_index_applied_lsn", "Newest record in the index.",
              number(rows.applied.value));
    out.gauge("taicang_index_flushed_lsn", "Newest record in the index on disk.",
              number(rows.flushed.value));
    out.counter("taicang_index_seeks_total", "Seeks since start.", number(rows.seeks));
    out.counter("taicang_index_block_reads_total", "Blocks read since start.",
                number(rows.block_reads));
    out.gauge("taicang_index_bytes_on_disk", "Size of the index.", number(rows.bytes_on_disk));
}

}  // namespace

std::string hub_metrics(const hub_status& status, const memory_budget_figures& budget,
                        const buffer_pool& buffers) {
    page out;
    out.gauge("taicang_health", "0 ok, 1 degraded, 2 read-only, 3 failed.",
              static_cast<double>(status.health));
    add_memory(out, budget, buffers);
    add_journal(out, status);
    add_index(out, status.index_now);
    out.gauge("taicang_groups", "Extent groups.", number(status.stripes.groups));
    add_tiers(out, status);
    add_devices(out, status);
    add_jobs(out, status);
    return out.take();
}

}  // namespace taicang
