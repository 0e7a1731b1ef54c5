#include "storage/stripe/group_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"

namespace taicang {

/// What pins share; the last one to go lets a released group's extents be removed.
struct group_table::pin_token {
    std::weak_ptr<group_table> table;
    std::shared_ptr<stripe_group> group;
    pin_token(std::weak_ptr<group_table> owner, std::shared_ptr<stripe_group> of)
        : table(std::move(owner)), group(std::move(of)) {}
    pin_token(const pin_token&) = delete;
    pin_token& operator=(const pin_token&) = delete;
    ~pin_token() {
        if (!group->released) return;
        if (const auto alive = table.lock()) alive->try_remove(group);
    }
};

namespace {

std::shared_ptr<stripe_group> make_group(group_row row) {
    TC_ASSERT_WHY(row.k >= 1 && row.chunks.size() == std::size_t{row.k} + row.m,
                  "a group row with a wrong number of chunks");
    const auto code = erasure::reed_solomon::create(row.k, row.m);
    TC_ASSERT(code.ok());
    auto group = std::make_shared<stripe_group>();
    group->row = std::move(row);
    group->code = code.value();
    return group;
}

}  // namespace

void group_table::adopt(group_row row) {
    const auto known = groups_.find(row.id);
    if (known == groups_.end()) {
        const group_id id = row.id;
        groups_.emplace(id, make_group(std::move(row)));
        return;
    }
    if (known->second->row == row) return;
    // A rebuild put chunks elsewhere; only groups that take no more runs are rebuilt.
    TC_ASSERT_WHY(known->second->state == group_state::sealed, "another row for an open group");
    known->second->row = std::move(row);
}

task<void> group_table::close() {
    co_await work_.close();
}

group_table::open_set& group_table::set_of(tier_id tier, extent_purpose purpose) noexcept {
    TC_ASSERT(purpose == extent_purpose::stripe || purpose == extent_purpose::checkpoint);
    return open_[static_cast<std::size_t>(tier)][purpose == extent_purpose::checkpoint ? 1 : 0];
}

std::optional<write_slot> group_table::try_take(open_set& from, const slot_request& wanted) {
    std::shared_ptr<stripe_group> best;
    run_layout best_layout;
    for (const auto& group : from.groups) {
        const run_layout layout =
            plan_run(wanted.tier, group->row.k, wanted.length, wanted.packed_unit);
        if (layout.blocks_per_chunk() > group->chunk_blocks - group->next_block) continue;
        if (best && best->writes_in_flight <= group->writes_in_flight) continue;
        best = group;
        best_layout = layout;
    }
    if (!best) return std::nullopt;
    write_slot slot{
        .group = best, .run_block = best->next_block, .layout = best_layout, .pin = pin(best)};
    best->next_block += best_layout.blocks_per_chunk();
    ++best->writes_in_flight;
    return slot;
}

void group_table::make_room(open_set& in, tier_id tier) {
    const std::size_t active = devices_.active(tier).size();
    const unsigned m = devices_.parity(tier);
    const unsigned k = present_k(devices_.member_count(tier), active, m);
    // More open groups than disjoint sets of devices gain nothing and cost space on small hubs.
    const std::size_t most =
        k == 0 ? 1 : std::clamp<std::size_t>(active / (k + m), 1, limits::open_groups_max);
    while (in.groups.size() >= most) {
        const auto fullest = std::max_element(
            in.groups.begin(), in.groups.end(),
            [](const auto& a, const auto& b) { return a->next_block < b->next_block; });
        seal(*fullest);
    }
}

task<result<write_slot>> group_table::take_slot(slot_request wanted) {
    open_set& from = set_of(wanted.tier, wanted.purpose);
    for (std::size_t attempt = 0; attempt < limits::run_attempts_max; ++attempt) {
        auto at_once = try_take(from, wanted);
        if (at_once) co_return std::move(*at_once);
        const auto turn = co_await from.opening.lock();
        auto opened_meanwhile = try_take(from, wanted);
        if (opened_meanwhile) co_return std::move(*opened_meanwhile);
        make_room(from, wanted.tier);
        auto opened = co_await open_group(wanted.tier, wanted.purpose);
        if (!opened) co_return std::move(opened).error();
        auto fresh = try_take(from, wanted);
        if (fresh) co_return std::move(*fresh);
        // Its device was fenced before it could be used; the next one is narrower.
    }
    co_return error(errc::busy, "tier " + std::string(tier_name(wanted.tier)) +
                                    ": devices fail faster than groups can be opened; see "
                                    "`taicang device ls`");
}

void group_table::finish_slot(const write_slot& slot, bool failed) {
    const auto& group = slot.group;
    TC_ASSERT(group->writes_in_flight > 0);
    --group->writes_in_flight;
    if (failed) {
        group->damaged = true;
        seal(group);
    }
    seal_extents_when_quiet(group);
}

task<result<void>> group_table::open_group(tier_id tier, extent_purpose purpose) {
    if (!ids_ || (purpose == extent_purpose::stripe && log_ == nullptr)) {
        co_return error(errc::invalid_argument,
                        "opening an extent group: the journal is not connected yet; set_group_log "
                        "and set_group_ids come before the first write");
    }
    for (std::size_t attempt = 0; attempt < limits::run_attempts_max; ++attempt) {
        TC_CO_TRY_ASSIGN(placement, place_group(devices_, tier));
        const unsigned k = placement.k;
        const unsigned m = placement.m;
        const std::uint64_t chunk_bytes = placement.chunk_bytes;
        auto chunks = co_await create_extents(std::move(placement), purpose);
        if (chunks.is(errc::device_fenced)) continue;
        if (!chunks) co_return std::move(chunks).error();
        if (k < target_k(devices_.member_count(tier), m)) TC_MARK("stripe.narrowed");
        group_row row{.id = ids_(),
                      .tier = tier,
                      .purpose = purpose,
                      .k = static_cast<std::uint8_t>(k),
                      .m = static_cast<std::uint8_t>(m),
                      .chunks = std::move(chunks).value()};
        auto group = make_group(std::move(row));
        group->chunk_blocks = static_cast<std::uint32_t>(chunk_bytes / limits::block_bytes);
        group->state = group_state::open;
        // Known before it is announced: a fence or the apply of its own record may come in between.
        TC_ASSERT(groups_.emplace(group->row.id, group).second);
        auto announced = co_await announce(group);
        if (!announced) co_return std::move(announced).error();
        if (group->state == group_state::open) set_of(tier, purpose).groups.push_back(group);
        co_return ok();
    }
    co_return error(errc::device_fenced,
                    "tier " + std::string(tier_name(tier)) +
                        ": devices fail while groups are opened; see `taicang device ls`");
}

task<result<std::vector<chunk_place>>> group_table::create_extents(group_placement placement,
                                                                   extent_purpose purpose) {
    std::vector<chunk_place> made;
    std::vector<task<result<extent_info>>> creations;
    for (extent_device* device : placement.devices) {
        const extent_name name = devices_.next_extent_name();
        made.push_back({.device = device->id(), .extent = name, .life = {}});
        creations.push_back(device->create(name, purpose));
    }
    auto results = co_await when_all(std::move(creations));
    std::optional<error> failure;
    std::vector<chunk_place> leftover;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i]) {
            made[i].life = results[i].value().life;
            leftover.push_back(made[i]);
        } else if (!failure || failure->code == errc::device_fenced) {
            // A full disk outweighs a fenced device: narrowing does not help against it.
            failure = results[i].error();
        }
        if (!failure && devices_.find(made[i].device) == nullptr) {
            failure = error(errc::device_fenced, "a device was fenced while a group was opened");
        }
    }
    if (!failure) co_return made;
    auto cleaned = remove_extents(shared_from_this(), std::move(leftover));
    co_await std::move(cleaned);
    co_return failure->with_context("opening an extent group");
}

task<result<void>> group_table::announce(std::shared_ptr<stripe_group> group) {
    if (group->row.purpose != extent_purpose::stripe) co_return ok();
    auto row = group->row;
    auto logged = co_await log_->group_opened(std::move(row));
    if (logged) co_return ok();
    // Whatever became of the record: it names a group without data, and names of extents are never
    // used again.
    groups_.erase(group->row.id);
    group->state = group_state::sealed;
    auto cleaned = remove_extents(shared_from_this(), group->row.chunks);
    co_await std::move(cleaned);
    co_return std::move(logged).error().with_context("recording a new extent group");
}

std::shared_ptr<stripe_group> group_table::resolve(group_id id) const {
    const auto known = groups_.find(id);
    return known == groups_.end() ? nullptr : known->second;
}

std::shared_ptr<stripe_group> group_table::find(group_id id) const {
    auto group = resolve(id);
    return group && group->released ? nullptr : group;
}

group_pin group_table::pin(const std::shared_ptr<stripe_group>& group) {
    std::shared_ptr<void> token = group->pins.lock();
    if (!token) {
        token = std::make_shared<pin_token>(weak_from_this(), group);
        group->pins = token;
    }
    return group_pin(std::move(token));
}

std::vector<group_row> group_table::rows() const {
    std::vector<group_row> all;
    for (const auto& [id, group] : groups_) {
        if (!group->released) all.push_back(group->row);
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return all;
}

std::size_t group_table::count() const noexcept {
    return groups_.size();
}

std::size_t group_table::open_count() const noexcept {
    std::size_t sum = 0;
    for (const auto& tier : open_) {
        for (const open_set& set : tier)
            sum += set.groups.size();
    }
    return sum;
}

void group_table::seal(const std::shared_ptr<stripe_group>& group) {
    if (group->state == group_state::sealed) return;
    // `group` may refer into the list that it leaves.
    const std::shared_ptr<stripe_group> held = group;
    held->state = group_state::sealed;
    std::erase(set_of(held->row.tier, held->row.purpose).groups, held);
    seal_extents_when_quiet(held);
}

void group_table::seal_extents_when_quiet(const std::shared_ptr<stripe_group>& group) {
    if (group->state == group_state::open || group->writes_in_flight != 0 || group->sealing) return;
    group->sealing = true;
    // Posted: this may run inside a device's own fencing.
    env_.home.post([self = shared_from_this(), group] {
        if (group->released || !spawn(self->work_, seal_extents(self, group))) {
            group->extents_sealed.set();
        }
    });
}

task<void> group_table::seal_extents(std::shared_ptr<group_table> self,
                                     std::shared_ptr<stripe_group> group) {
    const std::uint64_t length = std::uint64_t{group->next_block} * limits::block_bytes;
    std::vector<task<result<void>>> seals;
    for (const chunk_place& place : group->row.chunks) {
        extent_device* device = self->devices_.find(place.device);
        if (device != nullptr) seals.push_back(device->seal(place.extent, length));
    }
    const auto results = co_await when_all(std::move(seals));
    for (const auto& one : results) {
        if (one) continue;
        // The seal on the device only tells offline readers where data end; nothing rests on it.
        log_event(log_level::warn, "extent_seal_failed")
            .with("group", group->row.id.value)
            .with("reason", one.error().message);
    }
    group->extents_sealed.set();
}

task<result<void>> group_table::seal_open(tier_id tier) {
    std::vector<std::shared_ptr<stripe_group>> sealing;
    for (const open_set& set : open_[static_cast<std::size_t>(tier)])
        sealing.insert(sealing.end(), set.groups.begin(), set.groups.end());
    for (const auto& group : sealing)
        seal(group);
    for (const auto& group : sealing)
        co_await group->extents_sealed.wait();
    co_return ok();
}

void group_table::release(group_id id) {
    const auto group = find(id);
    if (!group) return;
    group->released = true;
    seal(group);
    if (!group->pins.expired()) TC_MARK("stripe.release_waited_for_pin");
    try_remove(group);
}

void group_table::try_remove(const std::shared_ptr<stripe_group>& group) {
    if (group->removing || !group->pins.expired()) return;
    TC_ASSERT(group->released && group->writes_in_flight == 0);
    group->removing = true;
    groups_.erase(group->row.id);
    env_.home.post([self = shared_from_this(), chunks = group->row.chunks] {
        // A closed gate leaves the extents to the next start, which removes what no row names.
        if (!spawn(self->work_, remove_extents(self, chunks))) {
            log_event(log_level::debug, "extent_removal_left_to_next_start");
        }
    });
}

task<void> group_table::remove_extents(std::shared_ptr<group_table> self,
                                       std::vector<chunk_place> chunks) {
    std::vector<task<result<void>>> removals;
    for (const chunk_place& place : chunks) {
        extent_device* device = self->devices_.find(place.device);
        if (device != nullptr) removals.push_back(device->remove(place.extent));
    }
    const auto results = co_await when_all(std::move(removals));
    for (const auto& one : results) {
        if (one || one.is(errc::not_found)) continue;
        log_event(log_level::warn, "extent_remove_failed").with("reason", one.error().message);
    }
}

void group_table::device_fenced(const uuid& id) {
    std::vector<std::shared_ptr<stripe_group>> hurt;
    for (const auto& [_, group] : groups_) {
        const auto& chunks = group->row.chunks;
        const bool on_it = std::any_of(chunks.begin(), chunks.end(),
                                       [&](const chunk_place& at) { return at.device == id; });
        if (on_it) hurt.push_back(group);
    }
    for (const auto& group : hurt) {
        group->damaged = true;
        if (group->state != group_state::open) continue;
        TC_MARK("stripe.group_sealed_by_fence");
        seal(group);
    }
}

bool group_table::is_whole(const stripe_group& group) const {
    if (group.damaged) return false;
    const auto& chunks = group.row.chunks;
    return std::all_of(chunks.begin(), chunks.end(), [this](const chunk_place& at) {
        return devices_.find(at.device) != nullptr;
    });
}

}  // namespace taicang
