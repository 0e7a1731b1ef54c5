#include "storage/stripe/shard_stripe_store.h"

#include <utility>

#include "storage/base/limits.h"
#include "storage/stripe/placement.h"

namespace taicang {

/// Holds the gate for one call, so that stop() waits for it.
class shard_stripe_store::operation {
  public:
    explicit operation(gate& holder) noexcept : holder_(holder), entered_(holder.try_enter()) {}
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    ~operation() {
        if (entered_) holder_.leave();
    }
    [[nodiscard]] result<void> started() const {
        if (entered_) return ok();
        return error(errc::stopped, "the stripe store has stopped");
    }

  private:
    gate& holder_;
    bool entered_;
};

std::unique_ptr<stripe_store> stripe_store::make(environment& env, device_set& devices) {
    return std::make_unique<shard_stripe_store>(env, devices);
}

shard_stripe_store::shard_stripe_store(environment& env, device_set& devices)
    : devices_(devices),
      counters_(env.metrics),
      groups_(std::make_shared<group_table>(env, devices)),
      loader_(env, devices, counters_),
      reader_(env, loader_, counters_),
      writer_(env, devices, *groups_, reader_, counters_) {
    // The device set may outlive this store and has no way to forget an observer.
    devices.on_fence([table = std::weak_ptr<group_table>(groups_)](const uuid& id) {
        if (const auto alive = table.lock()) alive->device_fenced(id);
    });
}

task<void> shard_stripe_store::stop() {
    co_await groups_->close();
}

std::uint32_t shard_stripe_store::run_bytes_max(tier_id tier) const {
    if (!devices_.has_tier(tier)) return 0;
    const auto active = devices_.active(tier);
    const unsigned m = devices_.parity(tier);
    const std::size_t members = devices_.member_count(tier);
    const unsigned present = present_k(members, active.size(), m);
    const unsigned k = present == 0 ? target_k(members, m) : present;
    std::uint32_t blocks = limits::run_data_blocks_max;
    for (const extent_device* device : active)
        blocks = std::min(blocks, run_blocks_max(device->extent_bytes()));
    return run_data_bytes_max(tier, k, blocks);
}

result<std::shared_ptr<stripe_group>> shard_stripe_store::resolve(group_id id) const {
    auto group = groups_->resolve(id);
    if (group) return group;
    return error(errc::not_found,
                 "group " + std::to_string(id.value) +
                     " is not known: it was freed, or the row that names it is wrong");
}

task<result<shard_stripe_store::written>> shard_stripe_store::write_run(run_request request) {
    const operation running(groups_->work());
    TC_CO_TRY(running.started());
    auto done = co_await writer_.write(request);
    co_return done;
}

task<result<void>> shard_stripe_store::make_durable(std::vector<written>& pieces) {
    const operation running(groups_->work());
    TC_CO_TRY(running.started());
    auto done = co_await writer_.make_durable(pieces);
    co_return done;
}

task<result<void>> shard_stripe_store::read(piece where, std::uint32_t offset, bytes_span into) {
    const operation running(groups_->work());
    TC_CO_TRY(running.started());
    TC_CO_TRY_ASSIGN(group, resolve(where.group));
    const group_pin held = groups_->pin(group);
    auto done = co_await reader_.read(std::move(group), where, offset, into);
    co_return done;
}

task<result<void>> shard_stripe_store::read_unchecked_piece(piece where, std::uint32_t offset,
                                                            bytes_span into) {
    const operation running(groups_->work());
    TC_CO_TRY(running.started());
    TC_CO_TRY_ASSIGN(group, resolve(where.group));
    const group_pin held = groups_->pin(group);
    auto done = co_await reader_.read_unchecked(std::move(group), where, offset, into);
    co_return done;
}

std::optional<group_pin> shard_stripe_store::pin(group_id id) {
    const auto group = groups_->find(id);
    if (!group) return std::nullopt;
    return groups_->pin(group);
}

task<result<std::vector<run_description>>> shard_stripe_store::walk(group_id id) {
    const operation running(groups_->work());
    TC_CO_TRY(running.started());
    auto group = groups_->find(id);
    if (!group) {
        co_return error(errc::not_found, "group " + std::to_string(id.value) + " is not known");
    }
    const group_pin held = groups_->pin(group);
    std::vector<run_description> runs;
    const std::uint32_t room = loader_.room_blocks(*group);
    for (std::uint32_t at = 0; at < room;) {
        auto header = co_await reader_.find_header(group, at);
        if (header.is(errc::not_found)) {
            TC_CO_TRY_ASSIGN(next, co_await reader_.find_next(group, at + 1, room));
            at = next;
            continue;
        }
        if (!header) co_return std::move(header).error();
        const run_format::run_header& found = header.value();
        runs.push_back({.run_block = at,
                        .blocks_per_chunk = found.data_blocks() + 1,
                        .unit_blocks = found.unit_blocks,
                        .data_length = found.data_length,
                        .owner = {found.owner_blob, found.owner_offset},
                        .packed = found.packed});
        at += found.data_blocks() + 1;
    }
    if (room == 0) {
        co_return error(errc::stripe_unreadable,
                        "group " + std::to_string(id.value) + ": none of its devices is active");
    }
    co_return runs;
}

task<result<void>> shard_stripe_store::seal_open(tier_id tier) {
    const operation running(groups_->work());
    TC_CO_TRY(running.started());
    auto done = co_await groups_->seal_open(tier);
    co_return done;
}

bool shard_stripe_store::is_open(group_id id) const {
    const auto group = groups_->find(id);
    return group && group->state == group_state::open;
}

std::uint64_t shard_stripe_store::data_capacity(group_id id) const {
    const auto group = groups_->find(id);
    if (!group) return 0;
    const std::uint32_t room = loader_.room_blocks(*group);
    if (room == 0) return 0;
    const std::uint32_t most = run_data_bytes_max(group->row.tier, group->row.k,
                                                  run_blocks_max(room * limits::block_bytes));
    const std::uint64_t blocks_per_run = most / group->row.k / limits::block_bytes + 1;
    return room / blocks_per_run * most;
}

bool shard_stripe_store::is_pinned(group_id id) const {
    const auto group = groups_->resolve(id);
    return group && !group->pins.expired();
}

std::optional<group_row> shard_stripe_store::find(group_id id) const {
    const auto group = groups_->find(id);
    if (!group) return std::nullopt;
    return group->row;
}

tier_space shard_stripe_store::space(tier_id tier) const {
    tier_space seen;
    if (!devices_.has_tier(tier)) return seen;
    const auto active = devices_.active(tier);
    const std::size_t members = devices_.member_count(tier);
    seen.m = devices_.parity(tier);
    seen.k_target = target_k(members, seen.m);
    seen.k_now = present_k(members, active.size(), seen.m);
    std::vector<std::uint64_t> free;
    std::vector<std::uint64_t> total;
    for (const extent_device* device : active) {
        free.push_back(device->free_extents());
        total.push_back(device->total_extents());
        seen.bytes_free += free.back() * device->extent_bytes();
        seen.bytes_total += total.back() * device->extent_bytes();
    }
    if (seen.k_now == 0) {
        seen.below_reserve = true;
        return seen;
    }
    const unsigned width = seen.k_now + seen.m;
    seen.groups_possible = taicang::groups_possible(free, width);
    seen.below_reserve =
        seen.groups_possible <= reserve_groups(taicang::groups_possible(total, width));
    return seen;
}

stripe_figures shard_stripe_store::figures() const {
    return {.groups = groups_->count(),
            .groups_open = groups_->open_count(),
            .reads = counters_.reads,
            .degraded_reads = counters_.degraded_reads,
            .checksum_failures = counters_.checksum_failures,
            .rewritten_pieces = counters_.rewritten_pieces};
}

}  // namespace taicang
