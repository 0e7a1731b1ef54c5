// What an admin is told: each trouble has its code, its sentence and the next command to type.
#include "storage/hub/findings.h"

#include <gmock/gmock.h>

namespace taicang::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

device_info device_that_is(device_state state) {
    device_info device;
    device.path = "d/nvme-3.dev";
    device.state = state;
    device.reason = state == device_state::active ? "" : "it was hit by a hammer";
    return device;
}

job_status job_that_failed(job_state state) {
    job_status job;
    job.name = "packing";
    job.state = state;
    job.failures = 1;
    job.last_error = "no room";
    return job;
}

hub_status judged(hub_status status) {
    judge(status);
    return status;
}

TEST(findings, a_whole_hub_has_none) {
    hub_status status;
    status.devices.push_back(device_that_is(device_state::active));
    status.jobs.push_back(job_that_failed(job_state::idle));
    const hub_status shown = judged(status);
    EXPECT_EQ(shown.health, hub_health::ok);
    EXPECT_THAT(shown.findings, IsEmpty());
    EXPECT_EQ(unready_reason(shown), "");
}

TEST(findings, a_journal_that_takes_no_records_is_the_worst) {
    hub_status status;
    status.journal_now.failure = "the root could not be written";
    status.devices.push_back(device_that_is(device_state::fenced));
    const hub_status shown = judged(status);
    EXPECT_EQ(shown.health, hub_health::failed);
    EXPECT_THAT(shown.findings, testing::Contains(AllOf(HasSubstr("journal"),
                                                        HasSubstr("the root could not be written"),
                                                        HasSubstr("`taicang serve`"))));
    EXPECT_THAT(unready_reason(shown),
                AllOf(HasSubstr("the root could not be written"), HasSubstr("`taicang status`")));
}

TEST(findings, an_index_that_takes_no_rows_is_as_bad) {
    hub_status status;
    status.write_failure = "applying durable records to the index: no such file";
    const hub_status shown = judged(status);
    EXPECT_EQ(shown.health, hub_health::failed);
    EXPECT_THAT(shown.findings,
                ElementsAre(AllOf(HasSubstr("no such file"), HasSubstr("`taicang serve`"))));
    EXPECT_THAT(unready_reason(shown),
                AllOf(HasSubstr("no such file"), HasSubstr("`taicang status`")));
}

TEST(findings, a_failed_journal_is_told_once) {
    hub_status status;
    status.journal_now.failure = "too few devices";
    status.write_failure = "the journal failed: too few devices";
    EXPECT_EQ(judged(status).findings.size(), 1U);
}

TEST(findings, segments_that_lack_a_copy_degrade) {
    hub_status status;
    status.journal_now.segments = 7;
    status.journal_now.segments_degraded = 2;
    const hub_status shown = judged(status);
    EXPECT_EQ(shown.health, hub_health::degraded);
    EXPECT_THAT(shown.findings,
                ElementsAre(AllOf(HasSubstr("2 of 7"), HasSubstr("`taicang device ls`"))));
    EXPECT_EQ(unready_reason(shown), "");
}

TEST(findings, a_device_that_is_out_says_what_to_do) {
    for (const auto& [state, command] : {std::pair(device_state::missing, "`taicang serve`"),
                                         std::pair(device_state::refused, "`taicang serve`"),
                                         std::pair(device_state::fenced, "`taicang device ls`")}) {
        hub_status status;
        status.devices.push_back(device_that_is(state));
        const hub_status shown = judged(status);
        EXPECT_EQ(shown.health, hub_health::degraded);
        EXPECT_THAT(shown.findings,
                    ElementsAre(AllOf(HasSubstr("d/nvme-3.dev"), HasSubstr("hammer"),
                                      HasSubstr(device_state_name(state)), HasSubstr(command))));
    }
}

TEST(findings, wrong_reads_of_a_device_in_use_are_a_warning) {
    hub_status status;
    status.devices.push_back(device_that_is(device_state::active));
    status.devices.push_back(device_that_is(device_state::active));
    status.devices.back().path = "d/nvme-4.dev";
    status.devices.back().read_failures = 3;
    const hub_status shown = judged(status);
    EXPECT_EQ(shown.health, hub_health::ok);
    EXPECT_THAT(shown.findings, ElementsAre(AllOf(HasSubstr("d/nvme-4.dev"), HasSubstr(" 3 reads"),
                                                  HasSubstr("`taicang fsck --read-data`"))));
}

TEST(findings, a_failing_job_says_where_to_look) {
    hub_status status;
    status.jobs.push_back(job_that_failed(job_state::throttled));
    const hub_status shown = judged(status);
    EXPECT_EQ(shown.health, hub_health::degraded);
    EXPECT_THAT(shown.findings, ElementsAre(AllOf(HasSubstr("packing"), HasSubstr("no room"),
                                                  HasSubstr("`taicang job ls`"))));
}

}  // namespace
}  // namespace taicang::test
