// The storage seam (DESIGN 10): extents by name on one device. Nothing above knows of block
// addresses, files or pools. Threads: the shard's executor. Lifetime: owned by device_set;
// operations in flight keep their own buffers alive. Rules: explicit offsets, page-aligned; each
// offset gets one content in an extent's life (a timed-out write may be repeated with the same
// bytes); a write is durable after a flush issued after it; a failed write or flush fences the
// device before the call returns (errc::device_fenced), ENOSPC never does (errc::no_space, only
// from create).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/base/task.h"

namespace taicang {

/// Unique for ever on a hub: an owner that lost its term can only leave orphans.
struct extent_name {
    shard_id shard;
    shard_term term;
    std::uint64_t sequence = 0;
    auto operator<=>(const extent_name&) const = default;
    /// "shard.term.sequence", hex without leading zeros.
    [[nodiscard]] std::string text() const;
};

enum class extent_purpose : std::uint8_t {
    journal = 1,     ///< overwritten in place batch by batch: comes written (nearly) whole, with
                     ///< zeros or what stood there before, so that a flush touches no metadata
    stripe = 2,      ///< a chunk of an extent group
    checkpoint = 3,  ///< a chunk of a group that holds index checkpoints
};

struct extent_info {
    extent_name name;
    extent_purpose purpose{};
    generation life;  ///< counts the lives of the place it stands on; seeds block checksums
    bool sealed = false;
    std::uint64_t sealed_length = 0;
};

class extent_device {
  public:
    extent_device() = default;
    extent_device(const extent_device&) = delete;
    extent_device& operator=(const extent_device&) = delete;
    virtual ~extent_device() = default;

    [[nodiscard]] virtual const uuid& id() const = 0;
    /// Bytes of every extent of this device.
    [[nodiscard]] virtual std::uint64_t extent_bytes() const = 0;
    /// Creates exclusively, space allocated. errc::already_exists, no_space, device_fenced. Durable
    /// with the next flush.
    virtual task<result<extent_info>> create(extent_name name, extent_purpose purpose) = 0;
    virtual task<result<void>> write(extent_name name, std::uint64_t offset, bytes_view from) = 0;
    virtual task<result<void>> read(extent_name name, std::uint64_t offset, bytes_span into) = 0;
    /// Makes every write that completed before this call durable. Callers share flushes: a call
    /// joins the next flush that has not been issued yet, never one in progress.
    virtual task<result<void>> flush() = 0;
    /// No writes from now on; `length` is what was written. Durable with the next flush.
    virtual task<result<void>> seal(extent_name name, std::uint64_t length) = 0;
    /// Frees the space. The freeing must be durable in the journal (or the name unused by any
    /// durable record) before.
    virtual task<result<void>> remove(extent_name name) = 0;
    [[nodiscard]] virtual std::vector<extent_info> list() const = 0;
    /// Extents that can still be created (allocation may still fail with no_space on a shared file
    /// system).
    [[nodiscard]] virtual std::uint64_t free_extents() const = 0;
    [[nodiscard]] virtual std::uint64_t total_extents() const = 0;
};

}  // namespace taicang
