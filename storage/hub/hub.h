// The storage engine assembled: boot order, shutdown order, retention, status. One hub has one
// shard (DESIGN 10 allows more later). Threads: the shard's executor (callers elsewhere use
// run_on()). Lifetime: start() .. stop(), stop() before destruction.
//
// Boot order, nothing located through something later: superblock quorum -> root -> journal
// ensembles and checkpoint manifests (the root names them) -> index (opened, or restored from a
// checkpoint) -> journal replayed from applied+1
// -> group table -> extents that nothing names removed -> sequencer -> jobs. docs/protocols/boot.md
// has the crash points.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/device/device_set.h"
#include "storage/index/checkpoint.h"
#include "storage/index/index.h"
#include "storage/journal/journal.h"
#include "storage/object/object_service.h"
#include "storage/stripe/stripe_store.h"
#include "storage/upkeep/checkpoint_job.h"
#include "storage/upkeep/index_tidy.h"
#include "storage/upkeep/job_runner.h"
#include "storage/upkeep/reclaim.h"
#include "storage/upkeep/relocator.h"

namespace taicang {

struct hub_options {
    hub_layout layout;  ///< devices' directory, and the geometry of a new hub
    std::string index_directory;
    index_media* memory_index = nullptr;  ///< simulation: the index's in-memory file system
    std::size_t index_cache_bytes = 64U << 20;
    std::size_t index_memtable_bytes = 32U << 20;
    std::uint64_t index_tidy_rows_min = limits::index_tidy_rows_min;
    std::int64_t index_tidy_wait_ns = limits::index_tidy_idle_wait_ns;
    std::uint64_t journal_bytes_max = 0;  ///< 0: a share of the fastest tier, 256 MiB to 4 GiB
    std::string io_backend_reason;        ///< told in the status; empty: nothing was chosen
    bool accept_loss = false;
    bool create = true;  ///< make a new hub when the directory holds none
    bool jobs = true;    ///< false: the caller steps them (simulation)
};

enum class hub_health : std::uint8_t {
    ok,         ///< findings beside it are warnings
    degraded,   ///< serves, with less redundancy, room or upkeep than it should have
    read_only,  ///< a tier takes no new groups
    failed,     ///< nothing can be changed until the next start; reads go on
};
std::string_view hub_health_name(hub_health health) noexcept;

struct tier_status {
    tier_id tier{};
    tier_space space;
    std::size_t devices = 0, devices_active = 0;
    bool one_failure_domain = false;  ///< devices share a disk: losing it loses them together
};

struct hub_status {
    hub_health health{};
    std::vector<std::string> findings;  ///< sentences, each with the next command to type
    uuid hub;
    shard_term term;
    std::string io_backend;
    std::string io_backend_reason;  ///< hub_options::io_backend_reason
    std::vector<tier_status> tiers;
    std::vector<device_info> devices;
    journal_figures journal_now;
    std::string write_failure;  ///< sequencer::failure()
    double journal_fill = 0;
    index_figures index_now;
    stripe_figures stripes;
    std::vector<checkpoint_info> checkpoints;
    std::vector<job_status> jobs;
    bool index_restored = false;
    std::uint64_t records_replayed = 0;
    std::uint64_t orphans_removed = 0;  ///< extents that nothing named, given back at this start
};

class hub {
  public:
    hub() = default;
    hub(const hub&) = delete;
    hub& operator=(const hub&) = delete;
    virtual ~hub() = default;

    static task<result<std::unique_ptr<hub>>> start(environment& env, hub_options options);
    virtual task<void> stop() = 0;

    [[nodiscard]] virtual object_service& objects() = 0;
    [[nodiscard]] virtual hub_status status() const = 0;
    [[nodiscard]] virtual job_runner& jobs() = 0;

    // For tests, bench and the simulation, which step jobs themselves.
    [[nodiscard]] virtual device_set& devices() = 0;
    [[nodiscard]] virtual journal& log() = 0;
    [[nodiscard]] virtual index& rows() = 0;
    [[nodiscard]] virtual stripe_store& stripes() = 0;
    [[nodiscard]] virtual sequencer& decisions() = 0;
    [[nodiscard]] virtual packing_job& packing() = 0;
    [[nodiscard]] virtual reclaim_job& reclaim() = 0;
    [[nodiscard]] virtual index_tidy_job& tidying() = 0;
    [[nodiscard]] virtual checkpoint_job& checkpoints() = 0;
};

}  // namespace taicang
