#include "storage/device/device_set.h"

#include <algorithm>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/device/device_set_impl.h"
#include "storage/device/root_numbers.h"

namespace taicang {

using device_format::member_state;

static_assert(static_cast<std::uint16_t>(root_section::membership) == root_section_membership);
static_assert(tier_count <= device_format::tiers_max);

std::string extent_name::text() const {
    const auto hex = [](std::uint64_t number) {
        std::string digits;
        do {
            digits.insert(digits.begin(), "0123456789abcdef"[number % 16]);
            number /= 16;
        } while (number != 0);
        return digits;
    };
    return hex(shard.value) + "." + hex(term.value) + "." + hex(sequence);
}

std::string_view tier_name(tier_id tier) noexcept {
    switch (tier) {
        case tier_id::nvme:
            return "nvme";
        case tier_id::hdd:
            return "hdd";
    }
    return "unknown";
}

std::string_view device_state_name(device_state state) noexcept {
    switch (state) {
        case device_state::active:
            return "active";
        case device_state::missing:
            return "missing";
        case device_state::fenced:
            return "fenced";
        case device_state::refused:
            return "refused";
    }
    return "unknown";
}

namespace {

device_state state_of(const member_slot& slot) {
    switch (slot.record.state) {
        case member_state::active:
            return device_state::active;
        case member_state::missing:
            return device_state::missing;
        case member_state::fenced:
            return device_state::fenced;
    }
    return device_state::fenced;
}

device_info describe(const tier_runtime& tier, const member_slot& slot) {
    device_info info;
    info.id = slot.record.device;
    info.path = slot.path;
    info.tier = tier.id;
    info.state = state_of(slot);
    info.reason = slot.record.reason;
    info.epoch = slot.record.epoch;
    info.filesystem_id = slot.filesystem_id;
    info.read_failures = slot.read_failures;
    if (slot.device) {
        info.extent_bytes = slot.device->extent_bytes();
        info.bytes_used = slot.device->bytes_used();
        info.bytes_kept = slot.device->bytes_kept();
        info.bytes_capacity = slot.device->bytes_capacity();
    }
    return info;
}

}  // namespace

device_set_impl::device_set_impl(environment& env, std::string directory, uuid hub, bool read_only)
    : env_(env), directory_(std::move(directory)), hub_(hub), read_only_(read_only) {}

device_set_impl::~device_set_impl() = default;

tier_runtime& device_set_impl::add_tier(tier_id id, const device_format::membership& members,
                                        device_format::root newest) {
    auto added = std::make_unique<tier_runtime>();
    added->id = id;
    added->parity = members.parity;
    added->members_created = members.members_created;
    for (const device_format::member& each : members.members) {
        added->members.emplace_back().record = each;
    }
    added->metrics = std::make_unique<device_metrics>(env_.metrics, tier_name(id));
    root_identity identity{hub_, static_cast<std::uint8_t>(id), members.parity,
                           std::string(tier_name(id))};
    added->root =
        std::make_unique<root_writer>(env_, *this, std::move(identity), std::move(newest));
    auto& slot = tiers_[static_cast<std::size_t>(id)];
    TC_ASSERT(slot == nullptr);
    slot = std::move(added);
    return *slot;
}

tier_runtime* device_set_impl::tier(tier_id id) {
    const auto index = static_cast<std::size_t>(id);
    return index < tier_count ? tiers_[index].get() : nullptr;
}

const tier_runtime* device_set_impl::tier(tier_id id) const {
    const auto index = static_cast<std::size_t>(id);
    return index < tier_count ? tiers_[index].get() : nullptr;
}

std::vector<tier_runtime*> device_set_impl::tiers() {
    std::vector<tier_runtime*> all;
    for (auto& each : tiers_) {
        if (each) all.push_back(each.get());
    }
    return all;
}

task<void> device_set_impl::stop() {
    if (stopped_) co_return;
    stopped_ = true;
    for (tier_runtime* each : tiers())
        co_await each->root->close();
    for (tier_runtime* each : tiers()) {
        for (member_slot& slot : each->members) {
            if (slot.device) co_await slot.device->close();
        }
    }
}

unsigned device_set_impl::parity(tier_id id) const {
    const tier_runtime* found = tier(id);
    return found == nullptr ? 0 : found->parity;
}

std::vector<device_info> device_set_impl::devices() const {
    std::vector<device_info> all;
    for (const auto& each : tiers_) {
        if (!each) continue;
        for (const member_slot& slot : each->members) {
            // A member whose file was refused is shown once, as that file.
            if (slot.file_refused && slot.record.state == member_state::missing) continue;
            all.push_back(describe(*each, slot));
        }
    }
    all.insert(all.end(), refused_.begin(), refused_.end());
    return all;
}

std::vector<extent_device*> device_set_impl::active(tier_id id) {
    std::vector<extent_device*> found;
    if (tier_runtime* owner = tier(id)) {
        for (member_slot& slot : owner->members) {
            if (slot.device && slot.record.state == member_state::active) {
                found.push_back(slot.device.get());
            }
        }
    }
    std::stable_sort(found.begin(), found.end(), [](extent_device* a, extent_device* b) {
        return a->free_extents() > b->free_extents();
    });
    return found;
}

std::size_t device_set_impl::member_count(tier_id id) const {
    const tier_runtime* found = tier(id);
    return found == nullptr ? 0 : found->members.size();
}

device_set_impl::place device_set_impl::locate(const uuid& id) {
    for (tier_runtime* each : tiers()) {
        for (member_slot& slot : each->members) {
            if (slot.record.device == id) return {each, &slot};
        }
    }
    return {};
}

extent_device* device_set_impl::find(const uuid& id) {
    const place found = locate(id);
    if (found.slot == nullptr || found.slot->record.state != member_state::active) return nullptr;
    return found.slot->device.get();
}

extent_name device_set_impl::next_extent_name() {
    TC_ASSERT_WHY(!read_only_, "names are given under a claimed boot number only");
    return {shard_id(0), term_, ++names_given_};
}

void device_set_impl::fence(const uuid& id, std::string reason) {
    const place found = locate(id);
    if (found.slot == nullptr || found.slot->record.state == member_state::fenced) return;
    TC_MARK("device.fenced");
    log_event(log_level::error, "device_fenced")
        .with("device", id.text())
        .with("path", found.slot->path)
        .with("reason", reason);
    found.slot->record.state = member_state::fenced;
    found.slot->record.reason = reason;
    ++found.tier->version;
    if (found.slot->device) found.slot->device->fence(std::move(reason));
    const auto observers = observers_;  // an observer may add another
    for (const auto& each : observers)
        each(id);
    if (!read_only_) found.tier->root->poke();
}

void device_set_impl::report_read_failure(const uuid& id) {
    const place found = locate(id);
    if (found.slot == nullptr || found.slot->record.state != member_state::active) return;
    member_slot& slot = *found.slot;
    ++slot.read_failures;
    const nanoseconds now = env_.home.monotonic_now();
    if (now - slot.window_start > limits::device_read_failure_window_ns) {
        slot.window_start = now;
        slot.window_failures = 0;
    }
    if (++slot.window_failures <= limits::device_read_failures_max || !fence_on_reads_) return;
    // With m members gone already, what this device still reads well may be the only copy: it
    // stays.
    std::size_t away = 0;
    for (const member_slot& each : found.tier->members) {
        if (each.record.state != member_state::active) ++away;
    }
    if (away >= found.tier->parity) {
        TC_MARK("device.read_failures_tolerated");
        return;
    }
    TC_MARK("device.read_failures_fence");
    fence(id, std::to_string(slot.window_failures) + " reads failed or did not verify within " +
                  std::to_string(limits::device_read_failure_window_ns / one_second) + " s");
}

void device_set_impl::on_fence(std::function<void(const uuid&)> observer) {
    observers_.push_back(std::move(observer));
}

error device_set_impl::no_tier(tier_id id) const {
    return error(errc::not_found,
                 "the hub in " + directory_ + " has no tier " + std::string(tier_name(id)));
}

error device_set_impl::reading_only() const {
    return error(errc::permission_denied,
                 "the hub in " + directory_ + " is opened for reading only");
}

task<result<void>> device_set_impl::settle() {
    if (read_only_) co_return ok();
    for (tier_runtime* each : tiers()) {
        auto settled = co_await each->root->settle();
        if (!settled) co_return settled;
    }
    co_return ok();
}

std::string device_set_impl::root_bytes(tier_id id, root_section section) const {
    const tier_runtime* owner = tier(id);
    if (owner == nullptr) return {};
    const auto& sections = owner->root->durable();
    const auto found = sections.find(static_cast<std::uint16_t>(section));
    return found == sections.end() ? std::string() : found->second;
}

task<result<void>> device_set_impl::replace_root(tier_id id, root_section section,
                                                 std::string bytes) {
    tier_runtime* owner = tier(id);
    if (owner == nullptr) co_return no_tier(id);
    if (read_only_) co_return reading_only();
    if (section == root_section::membership) {
        co_return error(errc::invalid_argument,
                        "the membership section is written by the device room alone");
    }
    co_return co_await owner->root->replace(static_cast<std::uint16_t>(section), std::move(bytes));
}

task<result<void>> device_set_impl::verify_superblock(const uuid& id) {
    const place found = locate(id);
    if (found.slot == nullptr || !found.slot->device) {
        co_return error(errc::device_missing, "device " + id.text() + " is not open");
    }
    co_return co_await found.slot->device->verify_superblock();
}

std::vector<file_device*> device_set_impl::root_targets(std::uint8_t id) {
    std::vector<file_device*> found;
    tier_runtime* owner = tier(static_cast<tier_id>(id));
    TC_ASSERT(owner != nullptr);
    for (member_slot& slot : owner->members) {
        if (slot.device && slot.record.state == member_state::active) {
            found.push_back(slot.device.get());
        }
    }
    return found;
}

std::string device_set_impl::membership_bytes(std::uint8_t id) const {
    const tier_runtime* owner = tier(static_cast<tier_id>(id));
    TC_ASSERT(owner != nullptr);
    device_format::membership now;
    now.tier = id;
    now.parity = owner->parity;
    now.members_created = owner->members_created;
    for (const member_slot& slot : owner->members)
        now.members.push_back(slot.record);
    return device_format::encode_membership(now);
}

std::uint64_t device_set_impl::membership_version(std::uint8_t id) const {
    const tier_runtime* owner = tier(static_cast<tier_id>(id));
    TC_ASSERT(owner != nullptr);
    return owner->version;
}

}  // namespace taicang
