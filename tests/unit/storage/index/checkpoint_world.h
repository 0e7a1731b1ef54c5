// A hub's devices, stripes, index and checkpoints, the real ones, on the simulated disk; with a
// stripe store in between that counts what is written and can lose pieces. Threads: the test's.
// Lifetime: stop() or crash() before it dies.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/async.h"
#include "storage/base/log.h"
#include "storage/index/checkpoint.h"
#include "storage/index/keys.h"
#include "tests/unit/storage/index/index_world.h"

namespace taicang::test {

/// A run's place: group and first block.
using run_place = std::pair<group_id, std::uint32_t>;

class watched_stripes final : public stripe_store {
  public:
    explicit watched_stripes(std::unique_ptr<stripe_store> below) : below_(std::move(below)) {}

    std::uint64_t bytes_written = 0;
    std::set<run_place> runs;       ///< written since this was last cleared
    std::set<run_place> lost_runs;  ///< their reads fail as if more than m chunks were gone
    std::function<void(group_id)> on_release;
    int fail_write_after = -1;  ///< the n-th write from now answers no_space

    task<result<written>> write_run(run_request request) override {
        if (fail_write_after == 0) {
            co_return error(errc::no_space, "no room, as planned");
        }
        if (fail_write_after > 0) --fail_write_after;
        bytes_written += request.data.size();
        auto done = co_await below_->write_run(request);
        if (done) runs.insert({done->where.group, done->where.run_block});
        co_return done;
    }
    task<result<void>> read(piece where, std::uint32_t offset, bytes_span into) override {
        if (lost_runs.contains({where.group, where.run_block})) {
            co_return error(errc::stripe_unreadable, "too many chunks are gone, as planned");
        }
        auto done = co_await below_->read(where, offset, into);
        co_return done;
    }
    void set_group_log(group_log* log) override { below_->set_group_log(log); }
    void set_group_ids(std::function<group_id()> source) override {
        below_->set_group_ids(std::move(source));
    }
    void adopt(group_row row) override { below_->adopt(std::move(row)); }
    task<void> stop() override { return below_->stop(); }
    [[nodiscard]] std::uint32_t run_bytes_max(tier_id tier) const override {
        return below_->run_bytes_max(tier);
    }
    task<result<void>> make_durable(std::vector<written>& pieces) override {
        return below_->make_durable(pieces);
    }
    task<result<void>> read_unchecked_piece(piece where, std::uint32_t offset,
                                            bytes_span into) override {
        return below_->read_unchecked_piece(where, offset, into);
    }
    std::optional<group_pin> pin(group_id group) override { return below_->pin(group); }
    task<result<std::vector<run_description>>> walk(group_id group) override {
        return below_->walk(group);
    }
    task<result<void>> seal_open(tier_id tier) override { return below_->seal_open(tier); }
    [[nodiscard]] bool is_open(group_id group) const override { return below_->is_open(group); }
    [[nodiscard]] std::uint64_t data_capacity(group_id group) const override {
        return below_->data_capacity(group);
    }
    [[nodiscard]] bool is_pinned(group_id group) const override { return below_->is_pinned(group); }
    void release(group_id group) override {
        if (on_release) on_release(group);
        below_->release(group);
    }
    [[nodiscard]] std::optional<group_row> find(group_id group) const override {
        return below_->find(group);
    }
    [[nodiscard]] std::vector<group_row> groups() const override { return below_->groups(); }
    [[nodiscard]] tier_space space(tier_id tier) const override { return below_->space(tier); }
    [[nodiscard]] stripe_figures figures() const override { return below_->figures(); }
    void on_damage(std::function<void(group_id, unsigned)> observer) override {
        below_->on_damage(std::move(observer));
    }

  private:
    std::unique_ptr<stripe_store> below_;
};

/// Works over either world of index_world.h.
class checkpoint_hub {
  public:
    checkpoint_hub(index_world& world, std::string directory)
        : world_(world), directory_(std::move(directory)) {
        set_log_level(log_level::error);
        tier_layout tier;
        tier.tier = tier_id::nvme;
        tier.devices = 6;
        tier.parity = 2;
        tier.extent_bytes = 256 * limits::kib;
        tier.capacity_bytes_per_device = 200 * tier.extent_bytes;
        auto formatted =
            world_.run(device_set::format(world_.env(), hub_layout{directory_, {tier}}));
        TC_ASSERT_WHY(formatted.ok(), formatted.error().message.c_str());
    }
    ~checkpoint_hub() { stop(); }
    checkpoint_hub(const checkpoint_hub&) = delete;
    checkpoint_hub& operator=(const checkpoint_hub&) = delete;

    /// Devices, stripes, checkpoints; not the index.
    void start() {
        open_options opening;
        opening.directory = directory_;
        auto opened = world_.run(device_set::open(world_.env(), opening));
        TC_ASSERT_WHY(opened.ok(), opened.error().message.c_str());
        devices = std::move(*opened);
        stripes = std::make_unique<watched_stripes>(stripe_store::make(world_.env(), *devices));
        stripes->lost_runs = lost_runs;
        const std::uint64_t term = devices->term().value;
        stripes->set_group_ids([term, next = std::uint64_t{0}]() mutable {
            return group_id{term << id_counter_bits | ++next};
        });
        auto kept = world_.run(checkpoint_store::open(world_.env(), *devices, *stripes));
        TC_ASSERT_WHY(kept.ok(), kept.error().message.c_str());
        checkpoints = std::move(*kept);
    }
    /// Opens the index that is there; when it is lost, restores it first or makes a new one.
    void open_index() {
        auto opened = world_.run(index::open(world_.env(), world_.options()));
        if (opened.is(errc::index_lost)) {
            if (checkpoints->kept().empty()) {
                opened = world_.run(index::create(world_.env(), world_.options()));
            } else {
                auto restored = world_.run(checkpoints->restore(world_.options()));
                TC_ASSERT_WHY(restored.ok(), restored.error().message.c_str());
                opened = world_.run(index::open(world_.env(), world_.options()));
            }
        }
        TC_ASSERT_WHY(opened.ok(), opened.error().message.c_str());
        rows = std::move(*opened);
    }
    void stop() {
        if (rows) world_.run(rows->stop());
        if (stripes) {
            lost_runs = stripes->lost_runs;
            world_.run(stripes->stop());
        }
        if (devices) world_.run(devices->stop());
        rows.reset();
        checkpoints.reset();
        stripes.reset();
        devices.reset();
    }
    void restart() {
        stop();
        start();
    }

    result<checkpoint_info> take() { return world_.run(checkpoints->take(*rows)); }
    std::uint64_t groups_in_use() const { return stripes->groups().size(); }

    std::unique_ptr<device_set> devices;
    std::unique_ptr<watched_stripes> stripes;
    std::unique_ptr<checkpoint_store> checkpoints;
    std::unique_ptr<index> rows;
    std::set<run_place> lost_runs;  ///< kept over restarts

  private:
    index_world& world_;
    std::string directory_;
};

using row_map = std::map<std::string, std::string>;

/// What was applied, by LSN; stands for the journal.
class applied_log {
  public:
    explicit applied_log(std::uint64_t seed) : random_(seeded_random(seed)) {}

    /// Applies a batch of `count` random rows of `value_bytes` each.
    void apply(index_world& world, index& rows, std::size_t count, std::size_t value_bytes = 2000) {
        std::vector<row_op> ops;
        for (std::size_t i = 0; i < count; ++i) {
            std::string value(value_bytes, '\0');
            random_->fill(std::as_writable_bytes(std::span(value)));
            ops.push_back(put(index_key::blob(blob_id{random_->below(400)}), std::move(value)));
        }
        const lsn position{rows.applied().value + 1};
        batches_[position] = ops;
        auto applied = world.run(rows.apply(std::move(ops), position));
        TC_ASSERT(applied.ok());
    }
    [[nodiscard]] row_map at(lsn position) const {
        row_map out;
        for (const auto& [up_to, ops] : batches_) {
            if (up_to > position) break;
            for (const row_op& op : ops)
                out[op.key] = *op.value;
        }
        return out;
    }
    /// A restored index goes on from its LSN; what came after is another history.
    void forget_after(lsn position) {
        batches_.erase(batches_.upper_bound(position), batches_.end());
    }
    random_source& random() { return *random_; }

  private:
    std::unique_ptr<random_source> random_;
    std::map<lsn, std::vector<row_op>> batches_;
};

inline row_map rows_in(index_world& world, index& rows) {
    row_map out;
    for (index_entry& entry : all_rows(world, rows))
        out[entry.key] = std::move(entry.value);
    return out;
}

}  // namespace taicang::test
