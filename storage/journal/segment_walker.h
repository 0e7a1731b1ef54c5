// Walks the batches of a segment in order, each taken from a copy that verifies: place, checksums,
// and the hash chain from one batch to the next. Readers stop at the first good copy; recovery
// compares all of them. Threads: the shard's executor. Lifetime: borrows env and devices; the batch
// given out is valid until the next step.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/device/device_set.h"
#include "storage/io/environment.h"
#include "storage/journal/batch_decoder.h"
#include "storage/journal/segment.h"

namespace taicang {

/// Where a walk stands. With `known` false the first batch is taken as it says and the walk goes on
/// from it.
struct walk_position {
    std::uint64_t offset = 0;
    std::uint64_t sequence = 0;
    lsn next{1};
    sha256_digest chain{};
    bool known = true;
};

/// Which extents to walk: a snapshot, so that a segment may change its members meanwhile.
struct walk_source {
    segment_id id;
    ensemble_epoch epoch;
    std::uint64_t capacity = 0;
    std::vector<segment_member> members;
};
[[nodiscard]] walk_source source_of(const segment& from);

struct walk_options {
    std::size_t window_bytes = 0;  ///< read ahead per copy
    bool compare_copies = false;   ///< read every copy and name those that differ
    batch_checks checks;
    std::size_t preferred = 0;  ///< copy to begin with
};

struct walked_batch {
    batch_header header;
    bytes_view bytes;  ///< padded
    std::vector<record_view> records;
    std::vector<std::size_t>
        wrong;  ///< members (indices) that were asked and lack this batch or disagree
    std::size_t chosen = 0;
};

class segment_walker {
  public:
    segment_walker(environment& env, device_set& devices, walk_source source, walk_position from,
                   walk_options options);

    /// The next batch, ending at or before `end`; null when no reachable copy has one there.
    /// errc::version_unsupported when a whole header of a newer version is found.
    task<result<walked_batch*>> next(std::uint64_t end);
    [[nodiscard]] const walk_position& position() const noexcept { return at_; }
    /// Indices of members whose device is active now.
    [[nodiscard]] std::vector<std::size_t> reachable() const;
    /// What was found, copy by copy, where the walk ended: "device: reason".
    [[nodiscard]] const std::string& end_reason() const noexcept { return end_reason_; }
    /// True when a copy holds the beginning of the wanted batch where the walk ended: torn, not
    /// absent.
    [[nodiscard]] bool end_is_torn() const noexcept { return end_is_torn_; }

    /// What whole headers behind the walk's end say; the evidence that something acknowledged is
    /// missing.
    struct evidence {
        lsn last_acknowledged;
        lsn last_seen;
    };
    task<evidence> look_behind(std::uint64_t from);

  private:
    struct window {
        buffer bytes;
        std::uint64_t start = 0;
        std::uint64_t length = 0;
    };
    /// Bytes [offset, offset+length) of a copy; empty when they cannot be read.
    task<bytes_view> fetch(std::size_t copy, std::uint64_t offset, std::uint64_t length);
    task<bool> fill(std::size_t copy, std::uint64_t offset, std::uint64_t length);
    task<batch_fault> try_copy(std::size_t copy, std::uint64_t end);
    /// Decodes into found_.records; big batches on a compute thread.
    task<batch_fault> verify(bytes_view bytes, batch_header header);
    [[nodiscard]] batch_fault continues(const batch_header& header, std::uint64_t end) const;
    task<void> compare_with_others();
    void note(std::size_t copy, batch_fault fault);

    environment& env_;
    device_set& devices_;
    walk_source source_;
    walk_position at_;
    walk_options options_;
    std::vector<window> windows_;
    walked_batch found_;
    std::string end_reason_;
    bool end_is_torn_ = false;
};

}  // namespace taicang
