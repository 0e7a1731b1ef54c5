#include "storage/hub/hub.h"

#include <algorithm>
#include <set>

#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/hub/boot.h"
#include "storage/hub/findings.h"
#include "storage/object/sequencer.h"
#include "storage/upkeep/device_check.h"
#include "storage/upkeep/packing.h"

namespace taicang {

std::string_view hub_health_name(hub_health health) noexcept {
    switch (health) {
        case hub_health::ok:
            return "ok";
        case hub_health::degraded:
            return "degraded";
        case hub_health::read_only:
            return "read_only";
        case hub_health::failed:
            return "failed";
    }
    return "unknown";
}

namespace {

class embedded_hub final : public hub {
  public:
    embedded_hub(environment& env, hub_options options, booted parts)
        : env_(env), options_(std::move(options)), parts_(std::move(parts)) {}

    task<result<void>> begin() {
        decisions_ = sequencer::make(env_, *parts_.log, *parts_.rows, *parts_.stripes,
                                     parts_.devices->term(), hub_id{1});
        TC_CO_TRY(co_await decisions_->load());
        parts_.stripes->set_group_log(decisions_.get());
        mover_ = std::make_unique<relocator>(env_, *decisions_, *parts_.stripes);
        packing_ =
            std::make_unique<packing_job>(*parts_.log, *decisions_, *parts_.stripes, *mover_);
        reclaim_ = std::make_unique<reclaim_job>(env_, *parts_.rows, *decisions_, *parts_.stripes,
                                                 *mover_);
        tidying_ = std::make_unique<index_tidy_job>(*parts_.rows, options_.index_tidy_rows_min);
        checkpointing_ = std::make_unique<checkpoint_job>(env_, *parts_.log, *parts_.rows,
                                                          *parts_.checkpoints, *packing_);
        object_service_options serving;
        if (!parts_.devices->has_tier(tier_id::hdd)) serving.standard_ia.reset();
        objects_ = make_object_service(env_, *decisions_, *parts_.rows, *parts_.log,
                                       *parts_.stripes, serving);
        device_check_ = std::make_unique<device_check_job>(*parts_.devices);
        runner_.add(*device_check_, limits::device_check_wait_ns);
        runner_.add(*packing_, limits::packing_idle_wait_ns);
        runner_.add(*reclaim_, limits::reclaim_idle_wait_ns);
        runner_.add(*tidying_, options_.index_tidy_wait_ns);
        runner_.add(*checkpointing_, limits::checkpoint_idle_wait_ns);
        if (options_.jobs) runner_.start();
        co_return ok();
    }

    task<void> stop() override {
        // Top down: nothing new, then what is in flight, then what it stands on.
        co_await objects_->stop();
        co_await runner_.stop();
        co_await decisions_->stop();
        co_await stop_parts(parts_);
    }

    /// begin() failed: only the parts run.
    task<void> abandon() { co_await stop_parts(parts_); }

    object_service& objects() override { return *objects_; }
    job_runner& jobs() override { return runner_; }
    device_set& devices() override { return *parts_.devices; }
    journal& log() override { return *parts_.log; }
    index& rows() override { return *parts_.rows; }
    stripe_store& stripes() override { return *parts_.stripes; }
    sequencer& decisions() override { return *decisions_; }
    packing_job& packing() override { return *packing_; }
    reclaim_job& reclaim() override { return *reclaim_; }
    index_tidy_job& tidying() override { return *tidying_; }
    checkpoint_job& checkpoints() override { return *checkpointing_; }

    hub_status status() const override {
        hub_status shown;
        shown.hub = parts_.devices->hub();
        shown.term = parts_.devices->term();
        shown.io_backend = env_.files.backend();
        shown.io_backend_reason = options_.io_backend_reason;
        shown.devices = parts_.devices->devices();
        for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
            if (!parts_.devices->has_tier(tier)) continue;
            shown.tiers.push_back(status_of(tier, shown.devices));
        }
        shown.journal_now = parts_.log->figures();
        shown.write_failure = decisions_->failure();
        shown.journal_fill = parts_.log->fill();
        shown.index_now = parts_.rows->figures();
        shown.stripes = parts_.stripes->figures();
        shown.checkpoints = parts_.checkpoints->kept();
        shown.jobs = runner_.status();
        shown.index_restored = parts_.index_restored;
        shown.records_replayed = parts_.records_replayed;
        shown.orphans_removed = parts_.orphans_removed;
        judge(shown);
        return shown;
    }

  private:
    tier_status status_of(tier_id tier, const std::vector<device_info>& devices) const {
        tier_status shown;
        shown.tier = tier;
        shown.space = parts_.stripes->space(tier);
        std::set<std::uint64_t> disks;
        for (const device_info& device : devices) {
            if (device.tier != tier || device.state == device_state::refused) continue;
            ++shown.devices;
            if (device.state != device_state::active) continue;
            ++shown.devices_active;
            disks.insert(device.filesystem_id);
        }
        shown.one_failure_domain = shown.devices_active > 1 && disks.size() < shown.devices_active;
        return shown;
    }

    environment& env_;
    hub_options options_;
    booted parts_;
    std::unique_ptr<sequencer> decisions_;
    std::unique_ptr<relocator> mover_;
    std::unique_ptr<packing_job> packing_;
    std::unique_ptr<reclaim_job> reclaim_;
    std::unique_ptr<index_tidy_job> tidying_;
    std::unique_ptr<checkpoint_job> checkpointing_;
    std::unique_ptr<device_check_job> device_check_;
    std::unique_ptr<object_service> objects_;
    job_runner runner_;
};

}  // namespace

task<result<std::unique_ptr<hub>>> hub::start(environment& env, hub_options options) {
    auto parts = co_await boot(env, options);
    if (!parts) co_return std::move(parts).error();
    auto made = std::make_unique<embedded_hub>(env, std::move(options), std::move(*parts));
    auto begun = co_await made->begin();
    if (!begun) {
        co_await made->abandon();
        co_return std::move(begun).error();
    }
    co_return std::unique_ptr<hub>(std::move(made));
}

}  // namespace taicang
