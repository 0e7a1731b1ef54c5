// A device set in memory whose every fault a test can place: lost, torn, stale and rotten blocks,
// failing writes and flushes, power cuts, recycled places. What the real one does beyond that
// (superblocks, roots) the stripe room never sees. Threads: the simulation's. Lifetime: platters
// outlive a power cut, devices and set do not.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/random.h"
#include "storage/device/device_set.h"

namespace taicang::fake {

struct platter_place {
    std::vector<std::byte> bytes;
    std::map<std::uint64_t, std::vector<std::byte>>
        unflushed;  ///< block offset -> what a flush made durable before
    std::uint64_t life = 0;
    std::optional<extent_info> extent;
    bool creation_flushed = true;
};

/// What stays of a device when the power goes.
struct platter {
    uuid id;
    tier_id tier{};
    std::uint64_t extent_bytes = 0;
    std::vector<platter_place> places;
};

class device_set_fake;

class device_fake final : public extent_device {
  public:
    device_fake(device_set_fake& owner, platter& stored) : owner_(owner), stored_(stored) {}

    [[nodiscard]] const uuid& id() const override { return stored_.id; }
    [[nodiscard]] std::uint64_t extent_bytes() const override { return stored_.extent_bytes; }
    task<result<extent_info>> create(extent_name name, extent_purpose purpose) override;
    task<result<void>> write(extent_name name, std::uint64_t offset, bytes_view from) override;
    task<result<void>> read(extent_name name, std::uint64_t offset, bytes_span into) override;
    task<result<void>> flush() override;
    task<result<void>> seal(extent_name name, std::uint64_t length) override;
    task<result<void>> remove(extent_name name) override;
    [[nodiscard]] std::vector<extent_info> list() const override;
    [[nodiscard]] std::uint64_t free_extents() const override;
    [[nodiscard]] std::uint64_t total_extents() const override { return stored_.places.size(); }

    // Faults. Counters count operations of this device from now on.
    int fail_write_after = -1;  ///< the n-th write from now fails (0: the next one) and fences
    int fail_flush_after = -1;
    int lose_write_after = -1;  ///< answers success and stores nothing
    bool full = false;          ///< create answers no_space although extents are free
    bool reads_fail = false;
    nanoseconds write_delay_min = 0;

    int writes = 0;
    int flushes = 0;
    int reads = 0;
    [[nodiscard]] platter_place* place_of(const extent_name& name);
    [[nodiscard]] platter& stored() { return stored_; }

  private:
    friend class device_set_fake;
    [[nodiscard]] bool gone() const { return fenced_ || powerless_; }
    result<void> usable() const;
    task<void> pause(nanoseconds least);

    device_set_fake& owner_;
    platter& stored_;
    bool fenced_ = false;
    bool powerless_ = false;
};

class device_set_fake final : public device_set {
  public:
    device_set_fake(std::vector<std::unique_ptr<platter>>& platters, random_source& chance,
                    std::uint64_t term);

    task<void> stop() override { co_return; }
    [[nodiscard]] const uuid& hub() const override { return hub_; }
    [[nodiscard]] shard_term term() const override { return shard_term(term_); }
    [[nodiscard]] unsigned parity(tier_id) const override { return parity_; }
    [[nodiscard]] bool has_tier(tier_id tier) const override { return member_count(tier) != 0; }
    [[nodiscard]] std::vector<device_info> devices() const override { return {}; }
    [[nodiscard]] std::vector<extent_device*> active(tier_id tier) override;
    [[nodiscard]] std::size_t member_count(tier_id tier) const override;
    [[nodiscard]] extent_device* find(const uuid& id) override;
    [[nodiscard]] extent_name next_extent_name() override {
        return {shard_id(0), shard_term(term_), ++names_};
    }
    void fence(const uuid& id, std::string reason) override;
    void report_read_failure(const uuid& id) override;
    void fence_on_reads(bool) override {}
    task<result<void>> verify_superblock(const uuid&) override { co_return ok(); }
    void on_fence(std::function<void(const uuid&)> observer) override {
        observers_.push_back(std::move(observer));
    }
    task<result<void>> settle() override { co_return ok(); }
    [[nodiscard]] std::string root_bytes(tier_id, root_section) const override { return {}; }
    task<result<void>> replace_root(tier_id, root_section, std::string) override { co_return ok(); }

    [[nodiscard]] device_fake& at(std::size_t index) { return *devices_[index]; }
    [[nodiscard]] device_fake& of(const uuid& id);
    [[nodiscard]] std::size_t size() const { return devices_.size(); }
    /// Power cut: what was not flushed stays, goes or tears, block by block. Later calls fail.
    void power_cut();
    void set_parity(unsigned parity) { parity_ = parity; }
    random_source& chance() { return chance_; }
    std::map<uuid, int> read_failures;

  private:
    std::vector<std::unique_ptr<device_fake>> devices_;
    random_source& chance_;
    uuid hub_;
    std::uint64_t term_;
    std::uint64_t names_ = 0;
    unsigned parity_ = 2;
    std::vector<std::function<void(const uuid&)>> observers_;
};

}  // namespace taicang::fake
