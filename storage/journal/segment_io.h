// Extents of segments: choosing devices, creating, writing and flushing copies, removing.
// Threads: the shard's executor. Lifetime: borrows env and devices.
// Invariant: every failed write or flush leaves its device fenced, so a retry never meets it again.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/device/device_set.h"
#include "storage/io/environment.h"
#include "storage/journal/segment.h"

namespace taicang {

/// How many journal extents a device holds, to spread ensembles.
struct device_load {
    uuid device;
    std::size_t extents = 0;
};

class segment_io {
  public:
    segment_io(environment& env, device_set& devices, tier_id tier, unsigned parity) noexcept;

    /// m+1.
    [[nodiscard]] std::size_t ensemble_size() const noexcept { return ensemble_size_; }
    [[nodiscard]] device_set& devices() const noexcept { return devices_; }
    [[nodiscard]] environment& env() const noexcept { return env_; }
    [[nodiscard]] tier_id tier() const noexcept { return tier_; }

    /// True when at least m+1 devices of the tier are active.
    [[nodiscard]] bool wide_enough() const;
    /// The sentence for errc::stripe_narrow.
    [[nodiscard]] error too_narrow() const;
    /// True when every member's device is active.
    [[nodiscard]] bool whole(const segment& held) const;

    /// Creates the extents of a segment, durable before it answers. errc::no_space, stripe_narrow.
    task<result<segment_ptr>> create(segment_id id, ensemble_epoch epoch,
                                     std::vector<device_load> loads);
    /// Creates one extent on an active device that is not in `taken`, durable. errc::no_space,
    /// stripe_narrow.
    task<result<segment_member>> create_member(std::vector<uuid> taken,
                                               std::vector<device_load> loads,
                                               std::uint64_t capacity);

    /// Writes to every member side by side, each followed by its own flush when `flush`. False when
    /// any failed; the devices that failed are fenced by then.
    task<bool> write_all(std::vector<segment_member> members, std::uint64_t offset,
                         bytes_view bytes, bool flush);
    task<bool> flush_all(std::vector<segment_member> members);
    task<result<void>> write_copy(segment_member member, std::uint64_t offset, bytes_view bytes,
                                  bool flush);
    task<result<void>> flush_copy(uuid device);

    /// Removes extents on devices that are active; failures are logged (orphans are swept at the
    /// next open).
    task<void> remove(std::vector<segment_member> members);
    /// Removes journal extents that `named` does not list.
    task<void> sweep_orphans(std::vector<segment_member> named);

  private:
    void fence_after(const uuid& device, const error& why, const char* what);
    [[nodiscard]] std::vector<extent_device*> candidates(const std::vector<uuid>& taken,
                                                         const std::vector<device_load>& loads);

    environment& env_;
    device_set& devices_;
    tier_id tier_;
    std::size_t ensemble_size_;
};

}  // namespace taicang
