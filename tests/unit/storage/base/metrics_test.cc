// Metrics: the page parses as Prometheus text and says what happened; marks and the log's line
// format.
#include "storage/base/metrics.h"

#include <string>

#include <gtest/gtest.h>

#include "storage/base/log.h"
#include "storage/base/mark.h"

namespace taicang {
namespace {

TEST(metrics, the_page_groups_by_name_and_gives_each_sample) {
    metric_registry registry;
    registry.counter("taicang_puts_total", "Objects put.", "tier=\"nvme\"").add(3);
    registry.counter("taicang_puts_total", "Objects put.", "tier=\"hdd\"").add();
    registry.counter("taicang_puts_total", "Objects put.", "tier=\"nvme\"").add();
    const int owner = 0;
    registry.gauge(
        "taicang_fill_ratio", "Line one\nline two.", "", [] { return 0.25; }, &owner);
    EXPECT_EQ(registry.render(),
              "# HELP taicang_fill_ratio Line one\\nline two.\n"
              "# TYPE taicang_fill_ratio gauge\n"
              "taicang_fill_ratio 0.25\n"
              "# HELP taicang_puts_total Objects put.\n"
              "# TYPE taicang_puts_total counter\n"
              "taicang_puts_total{tier=\"hdd\"} 1\n"
              "taicang_puts_total{tier=\"nvme\"} 4\n");
    registry.drop_gauges(&owner);
    EXPECT_EQ(registry.render().find("taicang_fill_ratio"), std::string::npos);
}

TEST(metrics, a_histogram_puts_each_time_below_the_first_bound_that_is_not_smaller) {
    metric_histogram histogram;
    histogram.observe_ns(0);
    histogram.observe_ns(1000);
    histogram.observe_ns(1001);
    histogram.observe_ns(2000);
    histogram.observe_ns(std::int64_t{1000} << 26);
    histogram.observe_ns((std::int64_t{1000} << 26) + 1);
    histogram.observe_ns(-5);
    const auto buckets = histogram.buckets();
    EXPECT_EQ(buckets[0], 3U);
    EXPECT_EQ(buckets[1], 2U);
    EXPECT_EQ(buckets[26], 1U);
    EXPECT_EQ(histogram.count(), 7U);
}

TEST(metrics, histogram_buckets_are_cumulative_on_the_page) {
    metric_registry registry;
    metric_histogram& histogram =
        registry.histogram("taicang_wait_seconds", "Waiting.", "op=\"get\"");
    histogram.observe_ns(1500);
    histogram.observe_ns(3000);
    histogram.observe_ns(200'000'000'000);
    const std::string page = registry.render();
    for (const char* line : {"taicang_wait_seconds_bucket{op=\"get\",le=\"1e-06\"} 0\n",
                             "taicang_wait_seconds_bucket{op=\"get\",le=\"2e-06\"} 1\n",
                             "taicang_wait_seconds_bucket{op=\"get\",le=\"4e-06\"} 2\n",
                             "taicang_wait_seconds_bucket{op=\"get\",le=\"67.108864\"} 2\n",
                             "taicang_wait_seconds_bucket{op=\"get\",le=\"+Inf\"} 3\n",
                             "taicang_wait_seconds_count{op=\"get\"} 3\n"}) {
        EXPECT_NE(page.find(line), std::string::npos) << line << page;
    }
}

void reach_rarely(bool rare) {
    if (rare) TC_MARK("test.rare_branch");
}

TEST(mark, counts_a_branch_once_it_is_reached) {
    const std::uint64_t before = mark_count("test.rare_branch");
    reach_rarely(false);
    EXPECT_EQ(mark_count("test.rare_branch"), before);
    reach_rarely(true);
    reach_rarely(true);
    EXPECT_EQ(mark_count("test.rare_branch"), before + 2);
    bool listed = false;
    for (const auto& [name, count] : all_marks()) {
        EXPECT_GT(count, 0U);
        listed = listed || name == "test.rare_branch";
    }
    EXPECT_TRUE(listed);
}

TEST(log, one_event_is_one_line_whatever_is_in_its_values) {
    set_log_level(log_level::info);
    testing::internal::CaptureStderr();
    log_event(log_level::info, "bucket_made")
        .with("name", "a b\n\"c\"")
        .with("id", 7)
        .with("empty", "");
    log_event(log_level::debug, "too_quiet").with("id", 8);
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_NE(text.find("bucket_made name=\"a b\\x0a\\\"c\\\"\" id=7 empty=\"\"\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("too_quiet"), std::string::npos);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

}  // namespace
}  // namespace taicang
