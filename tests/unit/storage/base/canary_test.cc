// Planted bugs are off until planted (this test exists in the canary build only).
#include "storage/base/canary.h"

#include <gtest/gtest.h>

namespace taicang {
namespace {

TEST(canary, a_bug_is_active_only_while_planted) {
    using canary::bug;
    EXPECT_FALSE(canary::active(bug::skip_checksum));
    canary::plant(bug::skip_checksum, true);
    EXPECT_TRUE(canary::active(bug::skip_checksum));
    EXPECT_FALSE(canary::active(bug::small_ensemble));
    canary::plant(bug::skip_checksum, false);
    EXPECT_FALSE(canary::active(bug::skip_checksum));
}

}  // namespace
}  // namespace taicang
