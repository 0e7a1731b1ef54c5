// The sequencer's state, for its own .cc files only: deciding (sequencer.cc) and applying
// (applier.cc). Threads: the shard's executor.
#pragma once

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "storage/object/overlay.h"
#include "storage/object/sequencer.h"

namespace taicang {

class shard_sequencer final : public sequencer {
  public:
    shard_sequencer(environment& env, journal& log, index& rows, stripe_store& stripes,
                    shard_term term, hub_id hub);

    task<result<void>> load() override;
    task<name_lock> lock(std::vector<std::string> names) override;
    task<result<seen_row>> row(std::string key) override;
    task<result<std::vector<std::optional<std::string>>>> rows(
        std::vector<std::string> keys) override;
    task<result<seen_version>> current_version(bucket_id bucket, std::string key) override;
    [[nodiscard]] seen_bucket bucket(std::string_view name) const override;
    [[nodiscard]] std::vector<bucket_row> buckets() const override;
    [[nodiscard]] std::size_t bucket_count() const override { return buckets_.size(); }
    [[nodiscard]] seen_bucket_id find_bucket(std::string_view name) const override;
    [[nodiscard]] lsn buckets_changed() const override { return buckets_changed_; }
    task<void> close_bucket(bucket_id bucket) override;
    void end_bucket(bucket_id bucket) override;
    void reopen_bucket(bucket_id bucket) override;
    task<result<bool>> bucket_is_empty(bucket_id bucket) override;
    task<result<lsn>> commit(decision change) override;
    task<result<lsn>> commit(decision change, name_lock held) override;
    task<result<void>> settled(lsn position) override;
    [[nodiscard]] blob_id next_blob_id() override;
    [[nodiscard]] bucket_id next_bucket_id() override;
    [[nodiscard]] hybrid_clock now() override;
    void pin_view(lsn view) override;
    void unpin_view(lsn view) override;
    [[nodiscard]] lsn min_pinned() const override;
    [[nodiscard]] bool keeps_superseded() const override {
        return !pinned_views_.empty() || retired_rows_ != 0;
    }
    [[nodiscard]] std::int64_t live_bytes(group_id group) const override;
    [[nodiscard]] lsn applied() const override { return applied_; }
    [[nodiscard]] std::string failure() const override {
        return failed_ ? failed_->message : std::string();
    }
    task<void> stop() override;
    task<result<void>> group_opened(group_row row) override;

  private:
    /// A record between append and apply.
    struct pending_record {
        lsn position;
        std::vector<row_op> rows;
        overlay::marks marks;
    };
    struct waiter {
        lsn position;
        std::coroutine_handle<> handle;
        executor* home;
    };
    struct applied_awaiter;
    struct durable_awaiter;

    // sequencer.cc
    task<result<lsn>> append(decision change);
    task<result<void>> bucket_open(const std::optional<bucket_id>& bucket);
    task<result<void>> admitted(std::uint64_t bytes, record_kind kind);
    void note_decided(const std::vector<any_effect>& effects, lsn position);
    [[nodiscard]] std::uint64_t next_counter();
    [[nodiscard]] std::optional<error> refusal() const;

    // applier.cc
    task<result<void>> wait_applied(lsn position);
    task<void> apply_loop();
    task<bool> apply_next();
    void became_durable(lsn last);
    void journal_failed(const error& why);
    void wake_applied();
    void wake_applier();
    void fail(error why);

    environment& env_;
    journal& log_;
    index& rows_;
    stripe_store& stripes_;
    const shard_term term_;
    const hub_id hub_;

    key_locks locks_;
    overlay overlay_;
    std::deque<pending_record> pending_;
    std::deque<waiter> waiters_;  // in LSN order
    lsn applied_;
    lsn durable_;
    std::coroutine_handle<> applier_;  // while it waits for records to become durable
    event room_;                       // pulsed when pending records shrink or buckets reopen
    std::optional<error> failed_;
    bool stopping_ = false;
    bool stopped_ = false;
    gate gate_;

    struct known_bucket {
        bucket_row row;
        lsn made_at;
        lsn changed;  // position of the newest decision on it
    };
    /// Finds by a view without making a string of it.
    struct name_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const noexcept {
            return std::hash<std::string_view>{}(name);
        }
    };
    template <class T>
    using by_name = std::unordered_map<std::string, T, name_hash, std::equal_to<>>;
    by_name<known_bucket> buckets_;
    by_name<lsn> dropped_buckets_;  // pending drops, for what refusals wait for
    lsn buckets_changed_;
    std::unordered_set<bucket_id, id_hash<bucket_id>> alive_buckets_;
    /// Closed buckets; true once one is about to go.
    std::unordered_map<bucket_id, bool, id_hash<bucket_id>> closed_buckets_;
    std::unordered_map<group_id, std::int64_t, id_hash<group_id>> live_bytes_;
    std::multiset<lsn> pinned_views_;
    std::uint64_t retired_rows_ = 0;  // of all decisions so far
    std::uint64_t counter_ = 0;
    std::uint64_t last_clock_ = 0;

    metric_counter& commits_;
    metric_histogram& commit_latency_;
};

}  // namespace taicang
