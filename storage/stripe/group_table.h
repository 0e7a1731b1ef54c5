// All extent groups of a shard: opens, places, fills by bumping, seals, pins and frees them.
// Threads: the shard's executor. Lifetime: shared with background tasks and pins; close() before
// devices die. Crash order (open): extents created -> group_opened() has its LSN -> runs are
// written. Cut short in between: extents that no row names, which the start removes. (free): the
// caller's group_drop is durable and applied -> release() -> last pin gone -> extents removed. Cut
// short: extents that no row names, likewise.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "storage/base/async.h"
#include "storage/io/environment.h"
#include "storage/stripe/placement.h"
#include "storage/stripe/stripe_group.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

class group_table : public std::enable_shared_from_this<group_table> {
  public:
    group_table(environment& env, device_set& devices) : env_(env), devices_(devices) {}

    void set_group_log(group_log* log) noexcept { log_ = log; }
    void set_group_ids(std::function<group_id()> source) { ids_ = std::move(source); }
    void adopt(group_row row);
    /// Refuses new work and waits for what runs. Extents whose removal has not begun are left to
    /// the next start.
    task<void> close();
    [[nodiscard]] gate& work() noexcept { return work_; }

    struct slot_request {
        tier_id tier{};
        extent_purpose purpose{};
        std::uint32_t length = 0;
        std::uint32_t packed_unit = 0;
    };
    /// Room for a run in an open group; opens one when none fits.
    task<result<write_slot>> take_slot(slot_request wanted);
    /// The writer is done with its slot. `failed`: a chunk was not written, the group takes no more
    /// runs.
    void finish_slot(const write_slot& slot, bool failed);

    /// Also a released group that is still pinned.
    [[nodiscard]] std::shared_ptr<stripe_group> resolve(group_id id) const;
    /// Null when unknown or released.
    [[nodiscard]] std::shared_ptr<stripe_group> find(group_id id) const;
    [[nodiscard]] group_pin pin(const std::shared_ptr<stripe_group>& group);
    [[nodiscard]] std::vector<group_row> rows() const;
    [[nodiscard]] std::size_t open_count() const noexcept;
    [[nodiscard]] std::size_t count() const noexcept;

    task<result<void>> seal_open(tier_id tier);
    void release(group_id id);
    void device_fenced(const uuid& id);
    /// True when every chunk of the group is on an active device and every write to it succeeded.
    [[nodiscard]] bool is_whole(const stripe_group& group) const;

  private:
    struct open_set {
        std::vector<std::shared_ptr<stripe_group>> groups;
        async_mutex opening;
    };
    struct pin_token;

    open_set& set_of(tier_id tier, extent_purpose purpose) noexcept;
    std::optional<write_slot> try_take(open_set& from, const slot_request& wanted);
    void make_room(open_set& in, tier_id tier);
    task<result<void>> open_group(tier_id tier, extent_purpose purpose);
    task<result<std::vector<chunk_place>>> create_extents(group_placement placement,
                                                          extent_purpose purpose);
    task<result<void>> announce(std::shared_ptr<stripe_group> group);
    void seal(const std::shared_ptr<stripe_group>& group);
    void seal_extents_when_quiet(const std::shared_ptr<stripe_group>& group);
    void try_remove(const std::shared_ptr<stripe_group>& group);
    static task<void> seal_extents(std::shared_ptr<group_table> self,
                                   std::shared_ptr<stripe_group> group);
    static task<void> remove_extents(std::shared_ptr<group_table> self,
                                     std::vector<chunk_place> chunks);

    environment& env_;
    device_set& devices_;
    group_log* log_ = nullptr;
    std::function<group_id()> ids_;
    std::unordered_map<group_id, std::shared_ptr<stripe_group>, id_hash<group_id>> groups_;
    std::array<std::array<open_set, 2>, tier_count> open_;
    gate work_;
};

}  // namespace taicang
