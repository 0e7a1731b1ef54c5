// What status says as JSON, and what the metrics page says of the same status.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "s3gw/admin/hub_metrics.h"
#include "s3gw/admin/status_json.h"

namespace taicang::test {
namespace {

hub_status a_status() {
    hub_status status;
    status.health = hub_health::failed;
    status.io_backend = "threads";
    status.io_backend_reason = "threads: io_uring_setup: Operation not permitted";
    status.journal_now.failure = "too few devices";
    status.journal_now.segments_degraded = 2;
    status.write_failure = "the index takes no rows";
    status.journal_now.copies_restored = 5;
    status.index_now.seeks = 7;
    status.devices.emplace_back();
    status.devices.back().read_failures = 4;
    status.jobs.emplace_back();
    status.jobs.back().name = "packing";
    status.jobs.back().failures = 3;
    return status;
}

TEST(status_json, tells_the_journals_failure_and_the_backends_reason) {
    const auto shown = nlohmann::json::parse(status_json(a_status(), "0.1"));
    EXPECT_EQ(shown["health"], "failed");
    EXPECT_EQ(shown["io_backend"], "threads");
    EXPECT_EQ(shown["io_backend_reason"], "threads: io_uring_setup: Operation not permitted");
    EXPECT_EQ(shown["journal"]["failure"], "too few devices");
    EXPECT_EQ(shown["write_failure"], "the index takes no rows");
    EXPECT_EQ(shown["journal"]["segments_degraded"], 2);
    EXPECT_EQ(shown["journal"]["copies_restored"], 5);
}

TEST(hub_metrics, follow_the_status_and_type_what_only_grows_as_counters) {
    buffer_pool buffers(1U << 20);
    memory_budget_figures budget;
    budget.refused = 9;
    const std::string page = hub_metrics(a_status(), budget, buffers);
    for (const char* expected :
         {"\ntaicang_health 3\n", "\ntaicang_journal_failed 1\n", "\ntaicang_writes_failed 1\n",
          "\ntaicang_journal_segments_degraded 2\n",
          "# TYPE taicang_journal_segments_degraded gauge\n",
          "# TYPE taicang_index_seeks_total counter\ntaicang_index_seeks_total 7\n",
          "# TYPE taicang_index_block_reads_total counter\n",
          "# TYPE taicang_memory_budget_refused_total counter\n"
          "taicang_memory_budget_refused_total 9\n",
          "# TYPE taicang_job_failures_total counter\n"
          "taicang_job_failures_total{job=\"packing\"} 3\n",
          "# TYPE taicang_device_read_failures_total counter\n", "tier=\"nvme\"} 4\n"}) {
        EXPECT_NE(("\n" + page).find(expected), std::string::npos) << expected << page;
    }
    // Prometheus refuses nothing here, but rate() of a gauge and a gauge called _total mislead.
    EXPECT_EQ(page.find("_total gauge"), std::string::npos) << page;
}

}  // namespace
}  // namespace taicang::test
