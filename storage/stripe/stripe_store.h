// Extent groups: writes runs of erasure-coded data and reads them back around missing and wrong
// chunks. Threads: the shard's executor (coding of large runs may be offloaded inside). Lifetime:
// borrows env and devices. Crash order (write): group's extents created -> group recorded through
// group_log (queued in the journal before any record that names it) -> chunk writes complete ->
// make_durable(): flush issued after the last write, on every device touched -> the caller's
// record. (free): the caller journals group_drop -> durable and applied -> release() -> once no
// reader or writer holds the group, extents removed. Groups open at a crash are never resumed: at
// start all are sealed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "storage/base/buffer.h"
#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/device/device_set.h"
#include "storage/io/environment.h"
#include "storage/stripe/piece.h"

namespace taicang {

/// How the stripe room has a new group written into the journal; implemented above (sequencer).
class group_log {
  public:
    group_log() = default;
    group_log(const group_log&) = delete;
    group_log& operator=(const group_log&) = delete;
    virtual ~group_log() = default;
    /// Queues a record that makes the group known. Returns once it has its LSN; durability comes
    /// with any later record.
    virtual task<result<void>> group_opened(group_row row) = 0;
};

/// Who a run belongs to, kept in its header so that a group can be walked without an index.
struct run_owner {
    blob_id blob;          ///< 0: packed, the run's data begins with a directory of its blobs
    std::uint64_t offset;  ///< of the run's first byte in the blob
};

struct run_request {
    tier_id tier = tier_id::nvme;
    /// stripe, or checkpoint: groups of checkpoints are not recorded in the journal; the caller
    /// keeps their rows (find()) and pieces in its manifest.
    extent_purpose purpose = extent_purpose::stripe;
    run_owner owner{};
    bytes_view data;  ///< 1 .. run_bytes_max() bytes, any address
    bool packed =
        false;  ///< keep the tier's full unit, so that the caller's layout inside units holds
    std::uint32_t packed_unit = 0;  ///< bytes; with packed
};

/// What is in a run, read from its header.
struct run_description {
    std::uint32_t run_block = 0;
    std::uint32_t blocks_per_chunk = 0;  ///< with the header block
    std::uint16_t unit_blocks = 0;
    std::uint32_t data_length = 0;
    run_owner owner{};
    bool packed = false;
};

struct stripe_figures {
    std::uint64_t groups = 0, groups_open = 0;
    std::uint64_t reads = 0, degraded_reads = 0, checksum_failures = 0, rewritten_pieces = 0;
};

struct tier_space {
    unsigned k_target = 0, k_now = 0,
             m = 0;  ///< k_now < k_target: writes are narrowed; 0: no writes
    std::uint64_t bytes_total = 0, bytes_free = 0;  ///< raw, all active devices
    std::uint64_t groups_possible = 0;              ///< new groups that can still be placed
    bool below_reserve = false;  ///< only deletes, packing, checkpoints may write
};

/// Keeps a group's extents from being removed while something reads or still has to name it.
class group_pin {
  public:
    group_pin() = default;
    group_pin(std::shared_ptr<void> hold) : hold_(std::move(hold)) {}

  private:
    std::shared_ptr<void> hold_;
};

class stripe_store {
  public:
    stripe_store() = default;
    stripe_store(const stripe_store&) = delete;
    stripe_store& operator=(const stripe_store&) = delete;
    virtual ~stripe_store() = default;

    static std::unique_ptr<stripe_store> make(environment& env, device_set& devices);
    /// The log for groups opened from now on; before it is set no stripe group can be opened
    /// (checkpoint groups can).
    virtual void set_group_log(group_log* log) = 0;
    /// Ids of new groups, from the shard's id source.
    virtual void set_group_ids(std::function<group_id()> source) = 0;
    /// Makes a group known at start (sealed) or after a journal replay. Idempotent for an equal
    /// row.
    virtual void adopt(group_row row) = 0;
    virtual task<void> stop() = 0;

    /// Most data bytes a run takes on this tier now (k units x rows; multiple of a row).
    [[nodiscard]] virtual std::uint32_t run_bytes_max(tier_id tier) const = 0;
    /// Writes one run on k+m devices; the piece covers all of it. Not yet durable. The group is
    /// pinned by the returned pin until the piece's record is applied. errc::stripe_narrow,
    /// errc::no_space; a device that fails on the way is fenced and the run written again to a
    /// fresh group.
    struct written {
        piece where;
        group_pin pin;
    };
    virtual task<result<written>> write_run(run_request request) = 0;
    /// Makes written runs durable: flushes every device their groups touch. Pieces whose group lost
    /// a device since are read back (decoding) and rewritten to a fresh, narrower group first. The
    /// pieces may change; order is kept. Pieces that share a run (packed) move together and keep
    /// skip and length.
    virtual task<result<void>> make_durable(std::vector<written>& pieces) = 0;

    /// Reads bytes [offset, offset+into.size()) of a piece, verified: whole pieces inside one unit
    /// by the piece's crc (one disk read), others by the run's block checksums. Decodes around what
    /// is missing or wrong, reports it. errc::stripe_unreadable when fewer than k chunks are good.
    /// `into` needs no alignment.
    virtual task<result<void>> read(piece where, std::uint32_t offset, bytes_span into) = 0;
    /// The same for a piece made up from a run's description, whose crc nobody kept: block
    /// checksums only.
    virtual task<result<void>> read_unchecked_piece(piece where, std::uint32_t offset,
                                                    bytes_span into) = 0;
    /// Pins a group for a reader that resolved it; empty when the group is unknown.
    virtual std::optional<group_pin> pin(group_id group) = 0;

    /// Walks a group's runs by their headers, in order. Places without a run (a crash while runs
    /// were written side by side) are passed over.
    virtual task<result<std::vector<run_description>>> walk(group_id group) = 0;
    /// Seals open groups of a tier now (before a move or in tests).
    virtual task<result<void>> seal_open(tier_id tier) = 0;
    /// True while writes may still go to this group.
    [[nodiscard]] virtual bool is_open(group_id group) const = 0;
    /// Data bytes (without parity) that a full group of this shape holds; 0 when unknown.
    [[nodiscard]] virtual std::uint64_t data_capacity(group_id group) const = 0;
    /// True while a reader or a writer holds the group. A sealed group that no writer holds can
    /// gain no new pieces.
    [[nodiscard]] virtual bool is_pinned(group_id group) const = 0;
    /// Forgets a group and removes its extents once nobody pins it.
    virtual void release(group_id group) = 0;
    [[nodiscard]] virtual std::optional<group_row> find(group_id group) const = 0;
    [[nodiscard]] virtual std::vector<group_row> groups() const = 0;
    [[nodiscard]] virtual tier_space space(tier_id tier) const = 0;
    [[nodiscard]] virtual stripe_figures figures() const = 0;
    /// Called when a read met a missing or wrong chunk (for repair, later): group, chunk index.
    virtual void on_damage(std::function<void(group_id, unsigned)> observer) = 0;
};

}  // namespace taicang
