// All devices of a hub: tiers, membership, fencing, the root of each tier, and the boot number (=
// shard_term). Threads: the shard's executor. Lifetime: from format()/open() to stop(); journal and
// stripe borrow it. Invariants: a root is durable on m+1 members of its tier before replace()
// answers; every active member gets every root; a device that is fenced in memory answers
// device_fenced at once, and settle() returns only when its fencing is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/device/extent_device.h"
#include "storage/io/environment.h"

namespace taicang {

enum class tier_id : std::uint8_t { nvme = 0, hdd = 1 };
inline constexpr std::size_t tier_count = 2;
std::string_view tier_name(tier_id tier) noexcept;

enum class device_state : std::uint8_t {
    active,
    missing,  ///< a member whose device was not found at start
    fenced,   ///< a write, flush, superblock or too many reads failed
    refused,  ///< found, but foreign, swapped, cloned or stale; `reason` is the sentence
};
std::string_view device_state_name(device_state state) noexcept;

struct device_info {
    uuid id;
    std::string path;
    tier_id tier{};
    device_state state{};
    std::string reason;  ///< why it is not active; a sentence with the next step
    membership_epoch epoch;
    std::uint64_t extent_bytes = 0;
    std::uint64_t bytes_used = 0;
    std::uint64_t bytes_kept = 0;  ///< of freed extents, not given back to the file system
    std::uint64_t bytes_capacity = 0;
    std::uint64_t filesystem_id = 0;  ///< equal: one failure domain
    std::uint64_t read_failures = 0;
};

/// Geometry of a new hub.
struct tier_layout {
    tier_id tier{};
    unsigned devices = 6;
    unsigned parity = 2;  ///< m, fixed for the tier's life
    std::uint64_t extent_bytes = 16ULL << 20;
    std::uint64_t capacity_bytes_per_device = 0;  ///< 0: a share of the file system's free space
};
struct hub_layout {
    std::string directory;  ///< files are DIR/nvme-0.dev ...
    std::vector<tier_layout> tiers;
};

/// Sections of a root: opaque to this room, owned by the rooms named.
enum class root_section : std::uint16_t { membership = 1, journal = 2, checkpoints = 3 };

struct open_options {
    std::string directory;
    bool accept_loss = false;
    bool read_only = false;  ///< inspect: claims no boot number, writes nothing
};

class device_set {
  public:
    device_set() = default;
    device_set(const device_set&) = delete;
    device_set& operator=(const device_set&) = delete;
    virtual ~device_set() = default;

    /// Makes the device files of a new hub. Crash order: a hub exists once every tier's first root
    /// is durable on all members; a format that was cut short is recognised and made anew (it can
    /// hold no data).
    static task<result<void>> format(environment& env, hub_layout layout);
    /// True when the directory holds at least one finished hub's device.
    static task<result<bool>> exists(environment& env, std::string directory);
    /// Opens by identity: reads superblocks and roots, chooses the highest, claims a boot number on
    /// m+1 of each tier, marks missing members, writes the root. errc::quorum_lost names what is
    /// needed.
    static task<result<std::unique_ptr<device_set>>> open(environment& env, open_options options);
    /// Waits for pending roots, closes the files.
    virtual task<void> stop() = 0;

    [[nodiscard]] virtual const uuid& hub() const = 0;
    /// Higher than of every start before; the shard's term on the embedded hub.
    [[nodiscard]] virtual shard_term term() const = 0;
    [[nodiscard]] virtual unsigned parity(tier_id tier) const = 0;
    [[nodiscard]] virtual bool has_tier(tier_id tier) const = 0;
    /// All members and refused files, in a stable order.
    [[nodiscard]] virtual std::vector<device_info> devices() const = 0;
    /// Active devices of a tier, most free extents first.
    [[nodiscard]] virtual std::vector<extent_device*> active(tier_id tier) = 0;
    /// Members of a tier that belong to it by the root, active or not.
    [[nodiscard]] virtual std::size_t member_count(tier_id tier) const = 0;
    /// The active device with this id, or null when it is missing, fenced, unknown.
    [[nodiscard]] virtual extent_device* find(const uuid& id) = 0;
    /// A name never used before on this hub.
    [[nodiscard]] virtual extent_name next_extent_name() = 0;

    /// Fences: in memory at once, observers called, root written behind. Idempotent.
    virtual void fence(const uuid& id, std::string reason) = 0;
    /// Called by readers that found a chunk wrong or unreadable; past a named limit the device is
    /// fenced.
    virtual void report_read_failure(const uuid& id) = 0;
    /// While false, failed reads are counted and fence nobody: for who reads everything to tell
    /// what is wrong, and must leave the hub able to decode what it could decode before. True at
    /// first.
    virtual void fence_on_reads(bool fences) = 0;
    /// Reads an open device's superblock back and fences the device when no copy verifies (upkeep
    /// calls it now and then).
    virtual task<result<void>> verify_superblock(const uuid& id) = 0;
    /// Called synchronously, on the executor, when a device was fenced.
    virtual void on_fence(std::function<void(const uuid&)> observer) = 0;
    /// Waits until every fencing so far is durable in its tier's root; errc::quorum_lost when fewer
    /// than m+1 are left.
    virtual task<result<void>> settle() = 0;

    /// A section as last made durable; empty when never written.
    [[nodiscard]] virtual std::string root_bytes(tier_id tier, root_section section) const = 0;
    /// Replaces a section and waits until the root is durable on m+1. Calls while a write is in
    /// progress share the next one. errc::quorum_lost, errc::term_lost, errc::invalid_argument
    /// beyond limits::root_bytes_max.
    virtual task<result<void>> replace_root(tier_id tier, root_section section,
                                            std::string bytes) = 0;
};

}  // namespace taicang
