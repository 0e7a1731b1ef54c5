// What fsck finds that no hub makes by itself, or that a start mends before anybody can look.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/object/sequencer.h"
#include "tests/sim/sim_world.h"

namespace taicang::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

task<result<void>> leave_an_orphan(hub& storage) {
    extent_device& device = *storage.devices().active(tier_id::nvme).front();
    const extent_name unnamed{shard_id(0), storage.devices().term(), 1U << 20};
    TC_CO_TRY(co_await device.create(unnamed, extent_purpose::stripe));
    co_return co_await device.flush();
}

task<result<lsn>> put_a_part_of_no_upload(hub& storage) {
    part_row part;
    part.number = 3;
    decision change;
    change.effects.emplace_back(effect::part_put{"no-such-upload", std::move(part)});
    co_return co_await storage.decisions().commit(std::move(change));
}

class fsck : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(world.start().ok()); }
    void TearDown() override { world.stop(); }
    fsck_report check() {
        auto report = world.world().run(check_hub(world.running(), {}));
        EXPECT_TRUE(report.ok()) << report.error().message;
        return report.ok() ? *report : fsck_report();
    }

    sim::sim_world world{7};
};

TEST_F(fsck, counts_what_the_start_before_it_gave_back) {
    EXPECT_EQ(check().orphans_removed, 0U);
    auto left = world.world().run(leave_an_orphan(world.running()));
    ASSERT_TRUE(left.ok()) << left.error().message;
    world.stop();
    ASSERT_TRUE(world.start().ok());
    const fsck_report report = check();
    EXPECT_EQ(report.orphans_removed, 1U);
    EXPECT_EQ(report.extents_leaked, 0U);
    EXPECT_THAT(report.problems, IsEmpty());
}

TEST_F(fsck, tells_parts_that_belong_to_no_upload) {
    EXPECT_THAT(check().problems, IsEmpty());
    auto put = world.world().run(put_a_part_of_no_upload(world.running()));
    ASSERT_TRUE(put.ok()) << put.error().message;
    const fsck_report report = check();
    EXPECT_EQ(report.parts, 1U);
    EXPECT_THAT(report.problems, ElementsAre(HasSubstr("1 parts belong to no upload")));
}

}  // namespace
}  // namespace taicang::test
