#include "storage/hub/findings.h"

#include <algorithm>

#include "storage/base/limits.h"

namespace taicang {

namespace {

void worsen(hub_status& status, hub_health at_least) {
    status.health = std::max(status.health, at_least);
}

void judge_tier(hub_status& status, const tier_status& tier) {
    const std::string name(tier_name(tier.tier));
    const tier_space& space = tier.space;
    if (space.k_now == 0) {
        worsen(status, hub_health::read_only);
        status.findings.push_back("tier " + name +
                                  " is read-only: " + std::to_string(tier.devices_active) +
                                  " devices are active and writing needs " +
                                  std::to_string(space.m + 1) + "; see `taicang device ls`");
    } else if (space.k_now < space.k_target) {
        worsen(status, hub_health::degraded);
        status.findings.push_back("tier " + name + " writes narrower groups, RS " +
                                  std::to_string(space.k_now) + "+" + std::to_string(space.m) +
                                  " instead of " + std::to_string(space.k_target) + "+" +
                                  std::to_string(space.m) + "; see `taicang device ls`");
    }
    if (space.below_reserve) {
        worsen(status, hub_health::degraded);
        status.findings.push_back("tier " + name +
                                  " is full: new objects are refused (507), deletes go on; delete "
                                  "objects or add capacity, see `taicang status --json`");
    }
}

void judge_device(hub_status& status, const device_info& device) {
    if (device.state == device_state::active) return;
    worsen(status, hub_health::degraded);
    status.findings.push_back("device " + (device.path.empty() ? device.id.text() : device.path) +
                              " is " + std::string(device_state_name(device.state)) + ": " +
                              device.reason + "; see `taicang device ls`");
}

void judge_journal(hub_status& status) {
    const journal_figures& log = status.journal_now;
    if (!log.failure.empty()) {
        // With too few devices it fails too; the tier has been told read-only then, and devices
        // that come back are what helps.
        const bool told = status.health == hub_health::read_only;
        worsen(status, told ? hub_health::read_only : hub_health::failed);
        status.findings.push_back(
            "the journal takes no writes until the next start: " + log.failure +
            "; mend what it names, then start `taicang serve` again");
    }
    if (log.segments_degraded > 0) {
        worsen(status, hub_health::degraded);
        status.findings.push_back(
            std::to_string(log.segments_degraded) +
            " journal segments have fewer copies than they should and are being restored; see "
            "`taicang device ls`, and `taicang status` again");
    }
    if (status.journal_fill > limits::journal_fill_warning) {
        worsen(status, hub_health::degraded);
        status.findings.push_back("the journal is " +
                                  std::to_string(static_cast<int>(status.journal_fill * 100)) +
                                  " % full: packing or checkpoints lag; see `taicang job ls`");
    }
}

}  // namespace

void judge(hub_status& status) {
    status.health = hub_health::ok;
    for (const tier_status& tier : status.tiers)
        judge_tier(status, tier);
    for (const device_info& device : status.devices)
        judge_device(status, device);
    judge_journal(status);
    for (const job_status& running : status.jobs) {
        if (running.last_error.empty() || running.state != job_state::throttled) continue;
        worsen(status, hub_health::degraded);
        status.findings.push_back("job " + running.name + " fails and is retried: " +
                                  running.last_error + "; see `taicang job ls`");
    }
}

}  // namespace taicang
