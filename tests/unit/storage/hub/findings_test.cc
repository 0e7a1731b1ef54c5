// What a hub's figures mean to an admin, and that every sentence names the next command.
#include "storage/hub/findings.h"

#include <gtest/gtest.h>

namespace taicang {
namespace {

hub_status healthy() {
    hub_status status;
    tier_status tier;
    tier.tier = tier_id::nvme;
    tier.space.k_now = tier.space.k_target = 4;
    tier.space.m = 2;
    tier.devices = tier.devices_active = 6;
    status.tiers.push_back(tier);
    device_info device;
    device.path = "devices/nvme-0.dev";
    device.state = device_state::active;
    status.devices.push_back(device);
    return status;
}

hub_status judged(hub_status status) {
    judge(status);
    for (const std::string& finding : status.findings)
        EXPECT_NE(finding.find("`taicang "), std::string::npos) << finding;
    return status;
}

TEST(findings, a_whole_hub_has_none) {
    const hub_status status = judged(healthy());
    EXPECT_EQ(status.health, hub_health::ok);
    EXPECT_TRUE(status.findings.empty());
}

TEST(findings, a_failed_journal_is_failed_health_with_its_reason) {
    hub_status status = healthy();
    status.journal_now.failure = "no space for a segment";
    status = judged(status);
    EXPECT_EQ(status.health, hub_health::failed);
    ASSERT_EQ(status.findings.size(), 1U);
    EXPECT_NE(status.findings[0].find("no space for a segment"), std::string::npos);
}

TEST(findings, a_journal_that_failed_for_want_of_devices_is_read_only) {
    hub_status status = healthy();
    status.tiers[0].space.k_now = 0;
    status.tiers[0].devices_active = 2;
    status.journal_now.failure = "too few devices";
    status = judged(status);
    EXPECT_EQ(status.health, hub_health::read_only);
    EXPECT_EQ(status.findings.size(), 2U);
}

TEST(findings, lost_copies_lost_devices_narrow_tiers_and_failing_jobs_are_degraded) {
    hub_status status = healthy();
    status.journal_now.segments_degraded = 2;
    EXPECT_EQ(judged(status).health, hub_health::degraded);
    status = healthy();
    status.devices[0].state = device_state::fenced;
    EXPECT_EQ(judged(status).health, hub_health::degraded);
    status = healthy();
    status.tiers[0].space.k_now = 3;
    EXPECT_EQ(judged(status).health, hub_health::degraded);
    status = healthy();
    status.journal_fill = 0.95;
    EXPECT_EQ(judged(status).health, hub_health::degraded);
    status = healthy();
    job_status job;
    job.name = "packing";
    job.state = job_state::throttled;
    job.last_error = "a device failed";
    status.jobs.push_back(job);
    EXPECT_EQ(judged(status).health, hub_health::degraded);
}

}  // namespace
}  // namespace taicang
