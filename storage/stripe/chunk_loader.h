// Reads a range of blocks of one chunk of a run and verifies it: header identity, then a checksum
// of every block. Threads: the shard's executor. Lifetime: borrows env, devices and counters;
// slices own their buffers. Invariant: a slice without fault holds exactly what was written there,
// unless two checksums were forged.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/base/buffer.h"
#include "storage/io/environment.h"
#include "storage/stripe/run_format.h"
#include "storage/stripe/run_layout.h"
#include "storage/stripe/stripe_counters.h"
#include "storage/stripe/stripe_group.h"

namespace taicang {

enum class chunk_fault : std::uint8_t {
    none,
    absent,      ///< its device is missing or fenced
    unreadable,  ///< the device answered with an error
    header,      ///< no header of this run there
    block,       ///< a block's checksum does not match
};

struct chunk_slice {
    unsigned chunk = 0;
    block_range range;
    chunk_fault fault = chunk_fault::none;
    std::string why;
    run_format::run_header header;
    buffer bytes;
    std::size_t data_at = 0;  ///< where the range begins in `bytes`

    [[nodiscard]] const std::byte* data() const noexcept { return bytes.data() + data_at; }
};

using damage_observer = std::function<void(group_id, unsigned)>;

class chunk_loader {
  public:
    chunk_loader(environment& env, device_set& devices, stripe_counters& counters)
        : env_(env), devices_(devices), counters_(counters) {}
    void on_damage(damage_observer observer) { observer_ = std::move(observer); }

    /// Blocks `range` of the run's part in `chunk`, verified by the run's header. Faults are
    /// counted and reported.
    task<chunk_slice> load(std::shared_ptr<stripe_group> group, std::uint32_t run_block,
                           unsigned chunk, block_range range);
    /// The same bytes without header and checksums, for whoever holds a checksum of their own.
    task<chunk_slice> load_bare(std::shared_ptr<stripe_group> group, std::uint32_t run_block,
                                unsigned chunk, block_range range);
    /// The header of a run from one chunk; a place that holds none is no fault
    /// (chunk_fault::header, not reported).
    task<chunk_slice> probe(std::shared_ptr<stripe_group> group, std::uint32_t run_block,
                            unsigned chunk);
    /// True when the chunk's device is missing or fenced, so that asking it is in vain.
    [[nodiscard]] bool is_away(const stripe_group& group, unsigned chunk) const {
        return devices_.find(group.row.chunks[chunk].device) == nullptr;
    }
    /// First block in [from, to) of a chunk, within limits::scan_blocks, that holds a header of
    /// this group; `to` when there is none. The chunk's errors are the caller's business.
    task<result<std::uint32_t>> scan(std::shared_ptr<stripe_group> group, unsigned chunk,
                                     std::uint32_t from, std::uint32_t to);
    /// Blocks that every chunk of the group has room for; 0 when none of its devices is active.
    [[nodiscard]] std::uint32_t room_blocks(stripe_group& group) const;
    /// Counts and reports a chunk found wrong by a checksum above the run's.
    void report(stripe_group& group, const chunk_slice& slice);

  private:
    task<result<void>> read(const stripe_group& group, unsigned chunk, std::uint32_t block,
                            bytes_span into);
    static void verify(const stripe_group& group, std::uint32_t run_block, bytes_view header,
                       chunk_slice& slice);
    static bool check_header(const stripe_group& group, std::uint32_t run_block, bytes_view block,
                             chunk_slice& slice);

    environment& env_;
    device_set& devices_;
    stripe_counters& counters_;
    damage_observer observer_;
};

}  // namespace taicang
