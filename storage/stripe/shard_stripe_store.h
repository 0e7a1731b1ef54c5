// The stripe store of a shard: wires table, loader, reader and writer together behind stripe_store.
// Threads: the shard's executor. Lifetime: stop() before the devices; destroyed after it.
#pragma once

#include <memory>
#include <vector>

#include "storage/stripe/chunk_loader.h"
#include "storage/stripe/group_table.h"
#include "storage/stripe/run_reader.h"
#include "storage/stripe/run_writer.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

class shard_stripe_store final : public stripe_store {
  public:
    shard_stripe_store(environment& env, device_set& devices);

    void set_group_log(group_log* log) override { groups_->set_group_log(log); }
    void set_group_ids(std::function<group_id()> source) override {
        groups_->set_group_ids(std::move(source));
    }
    void adopt(group_row row) override { groups_->adopt(std::move(row)); }
    task<void> stop() override;

    [[nodiscard]] std::uint32_t run_bytes_max(tier_id tier) const override;
    task<result<written>> write_run(run_request request) override;
    task<result<void>> make_durable(std::vector<written>& pieces) override;
    task<result<void>> read(piece where, std::uint32_t offset, bytes_span into) override;
    task<result<void>> read_unchecked_piece(piece where, std::uint32_t offset,
                                            bytes_span into) override;
    std::optional<group_pin> pin(group_id group) override;
    task<result<std::vector<run_description>>> walk(group_id group) override;
    task<result<void>> seal_open(tier_id tier) override;
    [[nodiscard]] bool is_open(group_id group) const override;
    [[nodiscard]] std::uint64_t data_capacity(group_id group) const override;
    [[nodiscard]] bool is_pinned(group_id group) const override;
    void release(group_id group) override { groups_->release(group); }
    [[nodiscard]] std::optional<group_row> find(group_id group) const override;
    [[nodiscard]] std::vector<group_row> groups() const override { return groups_->rows(); }
    [[nodiscard]] tier_space space(tier_id tier) const override;
    [[nodiscard]] stripe_figures figures() const override;
    void on_damage(std::function<void(group_id, unsigned)> observer) override {
        loader_.on_damage(std::move(observer));
    }

  private:
    class operation;
    /// The group for a reader, released but pinned ones too.
    result<std::shared_ptr<stripe_group>> resolve(group_id id) const;

    device_set& devices_;
    stripe_counters counters_;
    std::shared_ptr<group_table> groups_;
    chunk_loader loader_;
    run_reader reader_;
    run_writer writer_;
};

}  // namespace taicang
