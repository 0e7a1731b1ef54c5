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
    if (space.k_now != 0 && space.below_reserve) {
        worsen(status, hub_health::degraded);
        status.findings.push_back("tier " + name +
                                  " is full: new objects are refused (507), deletes go on; delete "
                                  "objects or add capacity, see `taicang status --json`");
    }
}

/// What can be done about a device today, with the verbs there are.
std::string_view next_step(device_state state) {
    switch (state) {
        case device_state::active:
            break;
        case device_state::missing:
        case device_state::refused:
            return "once the right file is there, start the hub again with `taicang serve`";
        case device_state::fenced:
            return "it stays out, reads decode from the others, and there is no verb that replaces "
                   "it yet: watch the others with `taicang device ls`";
    }
    return "see `taicang device ls`";
}

void judge_device(hub_status& status, const device_info& device) {
    const std::string name = "device " + (device.path.empty() ? device.id.text() : device.path);
    if (device.state != device_state::active) {
        worsen(status, hub_health::degraded);
        std::string finding = name + " is " + std::string(device_state_name(device.state));
        if (!device.reason.empty()) finding += ": " + device.reason;
        status.findings.push_back(finding + "; " + std::string(next_step(device.state)));
        return;
    }
    // A warning only: every answer was right, and the count falls at a start, not by mending.
    if (device.read_failures == 0) return;
    status.findings.push_back(
        name + " gave " + std::to_string(device.read_failures) +
        " reads since start that failed or were not what was written; the answers came from the "
        "others: watch it with `taicang device ls`, check every byte with `taicang fsck "
        "--read-data` once the hub is stopped");
}

void judge_journal(hub_status& status) {
    const journal_figures& log = status.journal_now;
    if (!log.failure.empty()) {
        worsen(status, hub_health::failed);
        status.findings.push_back("the journal takes no writes, reads go on: " + log.failure +
                                  "; mend that (see `taicang device ls`), then start the hub "
                                  "again with `taicang serve`");
    }
    if (log.failure.empty() && !status.write_failure.empty()) {
        worsen(status, hub_health::failed);
        status.findings.push_back(
            "no write is taken any more, reads go on: " + status.write_failure +
            "; what was acknowledged is in the journal: start the hub again "
            "with `taicang serve`, which applies it");
    }
    if (log.segments_degraded > 0) {
        worsen(status, hub_health::degraded);
        status.findings.push_back(std::to_string(log.segments_degraded) + " of " +
                                  std::to_string(log.segments) +
                                  " journal segments lack a copy, which is restored on another "
                                  "device when there is one; see `taicang device ls`");
    }
    if (status.journal_fill > limits::journal_fill_warning) {
        worsen(status, hub_health::degraded);
        status.findings.push_back("the journal is " +
                                  std::to_string(static_cast<int>(status.journal_fill * 100)) +
                                  " % full: packing or checkpoints lag; see `taicang job ls`");
    }
}

void judge_job(hub_status& status, const job_status& running) {
    if (running.last_error.empty() || running.state != job_state::throttled) return;
    worsen(status, hub_health::degraded);
    status.findings.push_back("job " + running.name + " fails and is retried: " +
                              running.last_error + "; see `taicang job ls`");
}

}  // namespace

void judge(hub_status& status) {
    status.health = hub_health::ok;
    for (const tier_status& tier : status.tiers)
        judge_tier(status, tier);
    for (const device_info& device : status.devices)
        judge_device(status, device);
    judge_journal(status);
    for (const job_status& running : status.jobs)
        judge_job(status, running);
}

std::string unready_reason(const hub_status& status) {
    const std::string& log = status.journal_now.failure;
    const std::string& why = log.empty() ? status.write_failure : log;
    if (why.empty()) return {};
    return "reads go on, writes are refused: " + why + "; see `taicang status`";
}

}  // namespace taicang
