// The running device set: tiers, members, fencing, roots. Built by open() (open.cc), which judges
// and claims. Threads: the shard's executor. Lifetime: stop() before destruction; env outlives it.
// Invariants: a fenced member's device answers device_fenced before any observer is called; records
// of members change only together with the tier's membership version.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/device/device_set.h"
#include "storage/device/file_device.h"
#include "storage/device/membership_format.h"
#include "storage/device/root_writer.h"

namespace taicang {

/// A member of a tier as the root has it, with its device when that is open.
struct member_slot {
    device_format::member record;
    std::unique_ptr<file_device> device;
    std::string path;
    std::uint64_t filesystem_id = 0;
    bool file_refused = false;  ///< a file with its uuid is among the refused ones
    std::uint64_t read_failures = 0;
    std::uint64_t window_failures = 0;
    nanoseconds window_start = 0;
};

struct tier_runtime {
    tier_id id{};
    std::uint8_t parity = 0;
    std::uint32_t members_created = 0;
    std::vector<member_slot> members;
    std::uint64_t version = 1;  ///< of the membership; 0 was never durable
    std::unique_ptr<device_metrics> metrics;
    std::unique_ptr<root_writer> root;
};

class device_set_impl final : public device_set, public device_guardian, public root_owner {
  public:
    device_set_impl(environment& env, std::string directory, uuid hub, bool read_only);
    ~device_set_impl() override;

    // For open(): tiers are added, then claimed, before anybody else sees the set.
    tier_runtime& add_tier(tier_id id, const device_format::membership& members,
                           device_format::root newest);
    void add_refused(device_info info) { refused_.push_back(std::move(info)); }
    [[nodiscard]] std::vector<device_info>& refused() { return refused_; }
    void set_term(shard_term term) { term_ = term; }
    [[nodiscard]] tier_runtime* tier(tier_id id);
    [[nodiscard]] const tier_runtime* tier(tier_id id) const;
    [[nodiscard]] std::vector<tier_runtime*> tiers();

    task<void> stop() override;
    [[nodiscard]] const uuid& hub() const override { return hub_; }
    [[nodiscard]] shard_term term() const override { return term_; }
    [[nodiscard]] unsigned parity(tier_id tier) const override;
    [[nodiscard]] bool has_tier(tier_id id) const override { return tier(id) != nullptr; }
    [[nodiscard]] std::vector<device_info> devices() const override;
    [[nodiscard]] std::vector<extent_device*> active(tier_id id) override;
    [[nodiscard]] std::size_t member_count(tier_id id) const override;
    [[nodiscard]] extent_device* find(const uuid& id) override;
    [[nodiscard]] extent_name next_extent_name() override;
    void fence(const uuid& id, std::string reason) override;
    void report_read_failure(const uuid& id) override;
    void fence_on_reads(bool fences) override { fence_on_reads_ = fences; }
    void on_fence(std::function<void(const uuid&)> observer) override;
    task<result<void>> settle() override;
    [[nodiscard]] std::string root_bytes(tier_id id, root_section section) const override;
    task<result<void>> replace_root(tier_id id, root_section section, std::string bytes) override;
    task<result<void>> verify_superblock(const uuid& id) override;

    void device_failed(const uuid& id, std::string reason) override {
        fence(id, std::move(reason));
    }
    std::vector<file_device*> root_targets(std::uint8_t tier) override;
    [[nodiscard]] std::string membership_bytes(std::uint8_t tier) const override;
    [[nodiscard]] std::uint64_t membership_version(std::uint8_t tier) const override;

  private:
    struct place {
        tier_runtime* tier = nullptr;
        member_slot* slot = nullptr;
    };
    [[nodiscard]] place locate(const uuid& id);
    [[nodiscard]] error no_tier(tier_id id) const;
    [[nodiscard]] error reading_only() const;

    environment& env_;
    std::string directory_;
    uuid hub_;
    bool fence_on_reads_ = true;
    bool read_only_;
    bool stopped_ = false;
    shard_term term_;
    std::uint64_t names_given_ = 0;
    std::array<std::unique_ptr<tier_runtime>, tier_count> tiers_;
    std::vector<device_info> refused_;
    std::vector<std::function<void(const uuid&)>> observers_;
};

}  // namespace taicang
