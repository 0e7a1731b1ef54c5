// Opening a hub: scan, judge, rejoin, claim. The order and its crash points:
// docs/protocols/boot.md.
#include <algorithm>
#include <map>
#include <utility>

#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"
#include "storage/device/device_set_impl.h"
#include "storage/device/membership.h"
#include "storage/device/scan.h"

namespace taicang {

using device_format::member_state;
using device_format::superblock;

namespace {

/// What one open() works on.
struct opening {
    environment& env;
    open_options options;
    std::vector<found_device> found;
    uuid hub;
    superblock any;  ///< of the hub: its shape
    std::unique_ptr<device_set_impl> set;
    std::uint64_t boot_read = 0;
    bool loss_accepted = false;
    std::map<tier_id, std::vector<file_device*>> behind;  ///< lack the newest root
    std::map<tier_id, std::vector<member_slot*>> rejoining;
};

device_info refused_info(const found_device& file, const error& why) {
    device_info info;
    info.path = file.path;
    info.state = device_state::refused;
    info.reason = "device file " + file.path + " was refused: " + why.message;
    info.filesystem_id = file.filesystem_id;
    if (file.identity) {
        info.id = file.identity->device;
        info.tier = static_cast<tier_id>(file.identity->tier);
        info.epoch = file.identity->epoch;
        info.extent_bytes = file.identity->parts.extent_bytes;
    }
    return info;
}

void refuse(opening& start, const found_device& file, const error& why) {
    log_event(log_level::warn, "device_refused").with("path", file.path).with("why", why.message);
    start.set->add_refused(refused_info(file, why));
}

error no_hub(const opening& start) {
    const std::string where = start.options.directory;
    for (const found_device& file : start.found) {
        if (!file.trouble) continue;
        const errc code = file.trouble->code == errc::version_unsupported
                              ? errc::version_unsupported
                              : errc::corrupt;
        return error(code, where + " holds no usable device file; " + file.file_name + ": " +
                               file.trouble->message);
    }
    return error(errc::not_found, where +
                                      " holds no device file of a hub; start with a directory "
                                      "that does, or with an empty one for a new hub");
}

/// The hub that most device files belong to. A foreign file is a minority; as many of one as of
/// another is a mistake that must not be settled by chance.
result<uuid> choose_hub(const opening& start) {
    std::map<uuid, std::size_t> votes;
    for (const found_device& file : start.found) {
        if (file.identity) ++votes[file.identity->hub];
    }
    if (votes.empty()) return no_hub(start);
    const auto by_votes = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto best = std::max_element(votes.begin(), votes.end(), by_votes);
    for (const auto& [hub, count] : votes) {
        if (hub == best->first || count != best->second) continue;
        TC_MARK("device.two_hubs");
        return error(errc::device_foreign,
                     start.options.directory + " holds as many device files of hub " + hub.text() +
                         " as of hub " + best->first.text() + "; move those of one of them away");
    }
    return best->first;
}

/// Files that cannot be candidates. An unknown feature on a device of this very hub refuses the
/// whole start: a newer build went on from here.
result<void> sort_out(opening& start, std::vector<found_device*>& candidates) {
    for (found_device& file : start.found) {
        const bool ours = file.identity && file.identity->hub == start.hub;
        if (file.identity && !ours) {
            TC_MARK("device.foreign");
            refuse(start, file,
                   error(errc::device_foreign, "it belongs to hub " + file.identity->hub.text() +
                                                   ", not to " + start.hub.text() +
                                                   "; move it to its own hub's directory"));
        } else if (ours && file.trouble && file.trouble->code == errc::version_unsupported) {
            return file.trouble->with_context("device file " + file.path);
        } else if (file.trouble) {
            refuse(start, file, *file.trouble);
        } else if (file.identity->tier >= tier_count) {
            return error(errc::version_unsupported,
                         "device file " + file.path + " belongs to tier number " +
                             std::to_string(file.identity->tier) +
                             ", which this build does not know; use a newer taicang");
        } else {
            candidates.push_back(&file);
        }
    }
    return ok();
}

std::unique_ptr<file_device> make_device(opening& start, tier_runtime& tier, found_device& file) {
    file_device_parts parts;
    parts.label = file.file_name;
    parts.file = std::move(file.file);
    parts.identity = *file.identity;
    parts.newest_root_slot = file.newest_slot;
    parts.read_only = start.options.read_only;
    return std::make_unique<file_device>(start.env, *start.set, *tier.metrics, std::move(parts));
}

void seat(opening& start, tier_runtime& tier, const tier_judgement& judged,
          const std::vector<found_device*>& files) {
    for (std::size_t i = 0; i < files.size(); ++i) {
        found_device& file = *files[i];
        const candidate_verdict& found = judged.candidates[i];
        start.boot_read =
            std::max(start.boot_read, file.newest ? file.newest->header.position.boot : 0);
        if (found.kind == verdict::refused) {
            refuse(start, file, *found.why);
            continue;
        }
        member_slot& slot = tier.members[found.member];
        slot.path = file.path;
        slot.filesystem_id = file.filesystem_id;
        slot.record.file_name = file.file_name;
        if (found.kind == verdict::fenced) continue;
        slot.device = make_device(start, tier, file);
        if (file.newest->header.position != judged.newest.header.position) {
            TC_MARK("device.behind_at_start");
            start.behind[tier.id].push_back(slot.device.get());
        }
        if (found.kind == verdict::rejoins) start.rejoining[tier.id].push_back(&slot);
    }
    for (member_slot& slot : tier.members) {
        if (slot.path.empty()) {
            slot.path = join_path(start.options.directory, slot.record.file_name);
        }
    }
}

/// Ties refused files to the missing members whose they are, by uuid, or by name where nothing in
/// them could be read, so that a device is shown once and with the true reason.
void attribute_refusals(opening& start) {
    for (tier_runtime* tier : start.set->tiers()) {
        for (member_slot& slot : tier->members) {
            if (slot.record.state != member_state::missing) continue;
            for (device_info& info : start.set->refused()) {
                const bool unreadable = info.id.is_nil() && info.path == slot.path;
                if (info.id != slot.record.device && !unreadable) {
                    if (info.path != slot.path) continue;
                    slot.record.reason = "another device's file is in the place of " +
                                         slot.record.file_name + "; put the right one back";
                    continue;
                }
                info.id = slot.record.device;
                info.tier = tier->id;
                slot.record.reason = info.reason;
                slot.file_refused = true;
                break;
            }
        }
    }
}

result<void> judge_one(opening& start, tier_id id, const std::vector<found_device*>& candidates) {
    std::vector<found_device*> files;
    std::vector<tier_candidate> judged_files;
    for (found_device* file : candidates) {
        if (file->identity->tier != static_cast<std::uint8_t>(id)) continue;
        files.push_back(file);
        judged_files.push_back(
            {file->file_name, &*file->identity, file->newest ? &*file->newest : nullptr});
    }
    const tier_question question{start.options.directory, std::string(tier_name(id)),
                                 start.options.accept_loss};
    auto judged = judge_tier(question, judged_files);
    if (judged.is(errc::quorum_lost) && start.options.accept_loss) {
        TC_MARK("device.tier_left_behind");
        start.loss_accepted = true;
        log_event(log_level::error, "tier_left_behind").with("tier", tier_name(id));
        for (std::size_t i = 0; i < files.size(); ++i)
            refuse(start, *files[i], judged.error());
        return ok();
    }
    if (!judged) return judged.error();
    if (judged->quorum_lost) {
        if (!start.options.accept_loss) return *judged->quorum_lost;
        TC_MARK("device.loss_accepted");
        start.loss_accepted = true;
        log_event(log_level::error, "loss_accepted").with("why", judged->quorum_lost->message);
    }
    tier_runtime& tier = start.set->add_tier(id, judged->members, judged->newest);
    seat(start, tier, *judged, files);
    return ok();
}

task<result<void>> load_directories(opening& start) {
    std::vector<task<result<void>>> loads;
    std::vector<member_slot*> slots;
    for (tier_runtime* tier : start.set->tiers()) {
        for (member_slot& slot : tier->members) {
            if (!slot.device) continue;
            slots.push_back(&slot);
            loads.push_back(slot.device->load());
        }
    }
    auto loaded = co_await when_all(std::move(loads));
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (!loaded[i]) start.set->fence(slots[i]->record.device, loaded[i].error().message);
    }
    co_return ok();
}

// Crash order of coming back: superblock with the next epoch -> the newest root as it is (claim()
// sends it first) -> the root that says active under that epoch. A crash in between leaves a
// missing member one epoch ahead with that root, which may come back again.
task<result<void>> rejoin(opening& start) {
    for (auto& [id, slots] : start.rejoining) {
        for (member_slot* slot : slots) {
            if (slot->device->fenced()) continue;
            const membership_epoch next(slot->record.epoch.value + 1);
            auto written = co_await slot->device->write_epoch(next);
            if (written.is(errc::device_fenced)) continue;
            if (!written) co_return written;
            TC_MARK("device.rejoined");
            log_event(log_level::info, "device_rejoined").with("path", slot->path);
            slot->record.epoch = next;
            slot->record.state = member_state::active;
            slot->record.sequence_required = 0;
            slot->record.reason.clear();
        }
    }
    co_return ok();
}

/// Two roots: the first claims the boot number; the second leaves every member that was active in
/// this start at least one root ahead of any copy taken before it.
task<result<void>> claim(opening& start) {
    const std::uint64_t jump = start.loss_accepted ? limits::boot_number_jump_after_loss : 1;
    const std::uint64_t boot = start.boot_read + jump;
    start.set->set_term(shard_term(boot));
    for (tier_runtime* tier : start.set->tiers()) {
        tier->root->claim(boot, std::move(start.behind[tier->id]));
    }
    for (unsigned round = 0; round < 2; ++round) {
        for (tier_runtime* tier : start.set->tiers()) {
            auto written = co_await tier->root->write_now();
            if (written.ok()) continue;
            if (!written.is(errc::quorum_lost)) co_return written;
            TC_MARK("device.tier_read_only");
            log_event(log_level::error, "tier_read_only").with("why", written.error().message);
        }
    }
    co_return ok();
}

task<result<void>> open_into(opening& start) {
    std::vector<found_device*> candidates;
    auto sorted = sort_out(start, candidates);
    if (!sorted) co_return sorted;
    for (std::size_t i = 0; i < tier_count; ++i) {
        if (start.any.tiers[i].members == 0) continue;
        auto judged = judge_one(start, static_cast<tier_id>(i), candidates);
        if (!judged) co_return judged;
    }
    if (start.set->tiers().empty()) {
        co_return error(errc::quorum_lost, "no tier of the hub in " + start.options.directory +
                                               " can be read; put its device files back");
    }
    attribute_refusals(start);
    auto loaded = co_await load_directories(start);
    if (!loaded) co_return loaded;
    if (start.options.read_only) {
        for (auto& [id, slots] : start.rejoining) {
            for (member_slot* slot : slots)
                slot->record.state = member_state::active;
        }
        start.set->set_term(shard_term(start.boot_read));
        co_return ok();
    }
    auto rejoined = co_await rejoin(start);
    if (!rejoined) co_return rejoined;
    co_return co_await claim(start);
}

task<result<void>> refuse_unfinished(environment& env, const open_options& options,
                                     const std::vector<found_device>& found) {
    auto contents = co_await list_hub_directory(env, options.directory);
    if (!contents) co_return contents.error();
    if (!contents->format_marker) co_return ok();
    for (const found_device& file : found) {
        if (file.newest && file.newest->header.position.boot > 0) co_return ok();
    }
    co_return error(errc::not_found, "making the hub in " + options.directory +
                                         " was cut short, it holds no data; make it again");
}

}  // namespace

task<result<std::unique_ptr<device_set>>> device_set::open(environment& env, open_options options) {
    const open_mode mode = options.read_only ? open_mode::existing_read : open_mode::existing;
    auto found = co_await scan_devices(env, options.directory, mode);
    if (!found) co_return found.error();
    auto finished = co_await refuse_unfinished(env, options, *found);
    if (!finished) co_return finished.error();

    opening start{env, options, std::move(*found), {}, {}, nullptr, 0, false, {}, {}};
    auto hub = choose_hub(start);
    if (!hub) co_return hub.error();
    start.hub = *hub;
    for (const found_device& file : start.found) {
        if (file.identity && file.identity->hub == start.hub) start.any = *file.identity;
    }
    start.set =
        std::make_unique<device_set_impl>(env, options.directory, start.hub, options.read_only);
    auto opened = co_await open_into(start);
    if (!opened) {
        co_await start.set->stop();
        co_return opened.error();
    }
    std::unique_ptr<device_set> set = std::move(start.set);
    co_return set;
}

}  // namespace taicang
