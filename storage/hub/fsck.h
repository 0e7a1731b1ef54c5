// fsck: journal, index, groups and devices held against each other. Changes nothing itself; it
// looks at a hub whose jobs are not running, so the CLI starts one as `serve` would (journal
// recovered, orphans of a crash removed) without listeners, and the simulation calls it after every
// recovery. Threads: the shard's executor. Lifetime: within the hub's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/hub/hub.h"

namespace taicang {

struct fsck_options {
    bool read_data = false;  ///< also reads and verifies every live piece and journal payload
};

struct fsck_report {
    std::uint64_t buckets = 0, versions = 0, uploads = 0, parts = 0, blobs = 0, groups = 0;
    std::uint64_t journal_records = 0;
    std::uint64_t extents = 0, extents_leaked = 0;
    std::uint64_t orphans_removed = 0;  ///< by the start that came before: a leak, given back
    std::uint64_t chunks_damaged = 0;   ///< met while reading data
    std::uint64_t bytes_read = 0;
    std::uint64_t problem_count = 0;
    std::vector<std::string> problems;  ///< the first limits::fsck_problems_max, as sentences
    [[nodiscard]] bool clean() const { return problem_count == 0; }
};

task<result<fsck_report>> check_hub(hub& storage, fsck_options options);

}  // namespace taicang
