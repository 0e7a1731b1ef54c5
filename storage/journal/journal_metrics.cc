#include "storage/journal/journal_metrics.h"

#include <string>

namespace taicang {

namespace {

constexpr std::array<std::uint32_t, 5> size_classes{1, 4, 16, 64, 256};

std::string size_label(std::size_t index) {
    const std::string bound =
        index < size_classes.size() ? std::to_string(size_classes[index]) : "more";
    return "records_max=\"" + bound + "\"";
}

}  // namespace

journal_metrics::journal_metrics(metric_registry& registry)
    : commits(registry.counter("taicang_journal_commits_total", "Group commits made durable")),
      records(registry.counter("taicang_journal_records_total", "Records made durable")),
      bytes(registry.counter("taicang_journal_bytes_total",
                             "Bytes of batches made durable, one copy, padding included")),
      commit_latency(registry.histogram("taicang_journal_commit_seconds",
                                        "From taking a batch to its durability on the ensemble")),
      ensemble_changes(registry.counter("taicang_journal_ensemble_changes_total",
                                        "Ensembles replaced because a member failed")),
      segments_opened(
          registry.counter("taicang_journal_segments_opened_total", "Segments opened for writing")),
      segments_recycled(registry.counter("taicang_journal_segments_recycled_total",
                                         "Segments released and removed")),
      copies_restored(registry.counter("taicang_journal_copies_restored_total",
                                       "Copies of segments restored on another device")),
      batches_mended(registry.counter("taicang_journal_batches_mended_total",
                                      "Batches written again over a wrong copy")),
      read_faults(registry.counter("taicang_journal_read_faults_total",
                                   "Copies found wrong or unreadable by readers")) {
    for (std::size_t i = 0; i < batch_sizes.size(); ++i) {
        batch_sizes[i] = &registry.counter("taicang_journal_batches_total",
                                           "Durable batches by number of records", size_label(i));
    }
}

void journal_metrics::committed(std::uint32_t record_count, std::uint64_t bytes_written,
                                std::int64_t took_ns) {
    commits.add();
    records.add(record_count);
    bytes.add(bytes_written);
    commit_latency.observe_ns(took_ns);
    std::size_t index = 0;
    while (index < size_classes.size() && record_count > size_classes[index])
        ++index;
    batch_sizes[index]->add();
}

}  // namespace taicang
