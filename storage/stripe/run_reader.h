// Reads spans of runs: straight from the chunks that hold them, or decoded from any k others
// (degraded read). Threads: the shard's executor; decoding runs on it. Lifetime: borrows env,
// loader, counters; holds groups by shared_ptr. Invariant: bytes are handed out only if the block
// checksums of every chunk used, and the piece's own checksum where the whole piece was read,
// agree.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "erasure/plan_cache.h"
#include "storage/base/buffer.h"
#include "storage/base/task.h"
#include "storage/stripe/chunk_loader.h"

namespace taicang {

class run_reader {
  public:
    run_reader(environment& env, chunk_loader& loader, stripe_counters& counters)
        : env_(env), loader_(loader), counters_(counters) {}

    /// Bytes [offset, offset + into.size()) of a piece of this group. errc::stripe_unreadable,
    /// errc::invalid_argument.
    task<result<void>> read(std::shared_ptr<stripe_group> group, piece where, std::uint32_t offset,
                            bytes_span into);
    /// The same without the piece's checksum.
    task<result<void>> read_unchecked(std::shared_ptr<stripe_group> group, piece where,
                                      std::uint32_t offset, bytes_span into);

    struct whole_run {
        run_format::run_header header;
        buffer data;
    };
    /// All data of the run at this block.
    task<result<whole_run>> read_run(std::shared_ptr<stripe_group> group, std::uint32_t run_block);
    /// Its header from any chunk. errc::not_found when no run that could be read stands there.
    task<result<run_format::run_header>> find_header(std::shared_ptr<stripe_group> group,
                                                     std::uint32_t run_block);
    /// First block at or after `from` (below `room`) where a header of this group stands on any of
    /// m+1 chunks; `room` when there is none. For the places that a crash left without a run
    /// between others.
    task<result<std::uint32_t>> find_next(std::shared_ptr<stripe_group> group, std::uint32_t from,
                                          std::uint32_t room);

  private:
    using slices = std::vector<std::optional<chunk_slice>>;
    /// Bytes [first, last) of a run's data, with their checksum if known.
    struct target {
        std::shared_ptr<stripe_group> group;
        std::uint32_t run_block = 0;
        std::uint32_t unit_bytes = 0;
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        std::optional<std::uint32_t> crc;

        [[nodiscard]] run_span span() const { return {group->row.k, unit_bytes, first, last}; }
    };

    result<void> admit(stripe_group& group, const piece& where, std::uint32_t offset,
                       std::size_t length);
    task<result<void>> read_in_one_unit(target whole, std::uint32_t offset, bytes_span into);
    task<result<void>> read_span(target wanted, bytes_span into, erasure::chunk_mask bad);
    [[nodiscard]] bool any_column_away(const target& wanted) const;
    /// `have`: slices of the span's common block range that are loaded already, and those found
    /// bad.
    task<result<void>> reconstruct(target wanted, bytes_span into, erasure::chunk_mask bad,
                                   slices have);
    task<result<void>> gather(target wanted, block_range range, erasure::chunk_mask& bad,
                              slices& have);
    bool decode(const target& wanted, block_range range, erasure::chunk_mask excluded,
                const slices& have, bytes_span into);
    static bool matches(const target& wanted, bytes_view bytes);
    static error unreadable(const target& wanted, erasure::chunk_mask bad, const slices& have);

    environment& env_;
    chunk_loader& loader_;
    stripe_counters& counters_;
    erasure::plan_cache plans_;
};

}  // namespace taicang
