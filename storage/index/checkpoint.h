// Checkpoints: the index's SST files, new ones only, erasure-coded into checkpoint groups; the
// manifest (files, pieces, group rows) is written there too and the tier's root names the
// manifest's pieces and their groups. Two are kept. Threads: the shard's executor. Lifetime:
// borrows all it is given. Crash order (take): SSTs and manifest durable in groups -> root names
// the new manifest and the previous one -> groups named by neither are released. Crash order
// (restore): manifest read and verified -> files written to a new directory and synced -> renamed
// into place -> index opened -> journal replayed from applied+1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/index/index.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

struct checkpoint_info {
    std::uint64_t number = 0;
    lsn applied;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    timestamp_ns taken = 0;
};

class checkpoint_store {
  public:
    checkpoint_store() = default;
    checkpoint_store(const checkpoint_store&) = delete;
    checkpoint_store& operator=(const checkpoint_store&) = delete;
    virtual ~checkpoint_store() = default;

    /// Reads the root's section and adopts the checkpoint groups into the stripe store. Needs no
    /// index.
    static task<result<std::unique_ptr<checkpoint_store>>> open(environment& env,
                                                                device_set& devices,
                                                                stripe_store& stripes);
    /// True when a checkpoint can be restored.
    [[nodiscard]] virtual std::vector<checkpoint_info> kept() const = 0;
    /// Makes the index directory from the newest checkpoint that verifies; the older one otherwise.
    virtual task<result<checkpoint_info>> restore(index_options options) = 0;
    /// Takes a checkpoint of the open index.
    virtual task<result<checkpoint_info>> take(index& source) = 0;
    /// LSN up to which both kept checkpoints cover the journal (0 while fewer than two).
    [[nodiscard]] virtual lsn covered() const = 0;
};

}  // namespace taicang
