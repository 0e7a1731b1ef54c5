// Devices in memory with a power switch, for the journal's tests: writes that were not flushed
// stay, go or tear at a crash, devices die, lie, rot. Far faster than the real device room over the
// simulated disk, and with faults aimed at single copies; the same tests also run over the real one
// (real_hub.h). Threads: the simulation's. Lifetime: fake_hub outlives the sets it opens; crash()
// cuts those off.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/base/random.h"
#include "storage/device/device_set.h"
#include "tests/unit/storage/journal/hub_under_test.h"

namespace taicang::test {

struct fake_extent {
    extent_info info;
    std::vector<std::byte> visible;  ///< what a reader sees while power is on
    std::vector<std::byte> durable;  ///< what a power cut leaves for certain
    struct range {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        std::uint64_t done_at = 0;  ///< count of completed operations of the device; 0: in flight
    };
    std::vector<range> unflushed;
};

/// What survives a crash of one device.
struct fake_disk {
    uuid id;
    std::uint64_t operations = 0;
    std::map<extent_name, fake_extent> extents;
    std::map<extent_name, bool> created_unflushed;
    bool dead = false;    ///< every operation fails
    bool absent = false;  ///< not found at the next open
    bool fenced_durably = false;
    bool fail_next_write = false;
    bool fail_next_flush = false;
    unsigned lost_write_one_in = 0;  ///< 0: never; else a write is acknowledged and dropped
    unsigned rot_on_read_one_in = 0;
    std::uint64_t flushes = 0;
    std::uint64_t writes = 0;
};

struct fake_options {
    unsigned devices = 6;
    unsigned parity = 2;
    std::uint64_t extent_bytes = 64 * 1024;
    std::uint64_t extents_per_device = 64;
    nanoseconds latency_max = 200 * one_microsecond;
};

class fake_device_set;

class fake_hub final : public hub_under_test {
  public:
    fake_hub(random_source& chance, fake_options options);
    ~fake_hub() override;

    task<result<std::unique_ptr<device_set>>> open(environment& env) override;
    void crash() override;
    [[nodiscard]] std::size_t device_count() const override { return disks_.size(); }
    void kill(std::size_t device) override { disks_[device]->dead = true; }
    void worsen(std::size_t device, random_source& chance) override;
    [[nodiscard]] tier_id tier() const override { return tier_id::nvme; }

    [[nodiscard]] fake_disk& disk(std::size_t index) { return *disks_[index]; }
    [[nodiscard]] fake_disk& disk(const uuid& id);
    [[nodiscard]] const fake_options& options() const { return options_; }
    [[nodiscard]] std::string root() const { return root_durable_; }
    /// Journal extents on all devices.
    [[nodiscard]] std::size_t extent_count() const;
    /// Flips a byte of what is stored, durably.
    void damage(const uuid& device, const extent_name& extent, std::uint64_t offset);
    std::uint64_t root_writes = 0;

  private:
    friend class fake_device_set;
    friend class fake_device;
    void settle_unflushed(fake_disk& disk);

    random_source& chance_;
    fake_options options_;
    uuid id_;
    std::vector<std::unique_ptr<fake_disk>> disks_;
    std::string root_durable_;
    std::optional<std::string> root_in_flight_;
    std::set<uuid> fences_in_flight_;
    std::uint64_t term_ = 0;
    std::uint64_t power_ = 1;  ///< counts lives: operations of an earlier one fail
};

}  // namespace taicang::test
