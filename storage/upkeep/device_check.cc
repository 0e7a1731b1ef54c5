#include "storage/upkeep/device_check.h"

#include <vector>

#include "storage/base/mark.h"

namespace taicang {

task<result<job_state>> device_check_job::step() {
    std::vector<uuid> active;
    for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
        if (!devices_.has_tier(tier)) continue;
        for (const extent_device* device : devices_.active(tier))
            active.push_back(device->id());
    }
    for (const uuid& device : active) {
        // A superblock that does not verify fences the device; that is told by status, not here.
        auto verified = co_await devices_.verify_superblock(device);
        ++checked_;
        if (verified) continue;
        ++failed_;
        TC_MARK("device_check.failed");
    }
    co_return job_state::idle;
}

job_progress device_check_job::progress() const {
    job_progress shown;
    shown.items_done = checked_;
    shown.note = std::to_string(checked_) + " superblocks looked at, " + std::to_string(failed_) +
                 " did not verify";
    return shown;
}

}  // namespace taicang
