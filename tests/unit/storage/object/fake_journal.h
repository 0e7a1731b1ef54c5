// A journal in memory: records become durable after a delay, all appended ones at once, as in a
// group commit. Threads: the simulation's. Lifetime: the test's; what was appended stays, so that a
// second life can replay it.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/async.h"
#include "storage/journal/journal.h"

namespace taicang::test {

class fake_journal final : public journal {
  public:
    nanoseconds commit_delay = 100 * one_microsecond;
    bool full = false;  ///< admits jobs only
    bool held = false;  ///< nothing becomes durable until release_held()
    bool check_digests = true;
    std::size_t reads = 0;  ///< of payloads
    std::uint64_t commits = 0;

    task<void> stop() override { co_return; }
    task<result<void>> admit(std::uint64_t, record_kind kind) override {
        if (failed_) co_return *failed_;
        if (full && kind != record_kind::job) co_return error(errc::journal_full);
        co_return ok();
    }
    lsn append(record_draft draft) override {
        const lsn position{last_.value + 1};
        last_ = position;
        record kept;
        kept.body = std::move(draft.body);
        kept.payload = std::string(as_text(draft.payload));
        kept.kind = draft.kind;
        if (check_digests && !draft.payload.empty())
            TC_ASSERT(draft.payload_digest == sha256(draft.payload));
        records_[position] = std::move(kept);
        if (!commit_planned_ && !held) plan_commit();
        return position;
    }
    void on_durable(std::function<void(lsn)> consumer) override { durable_ = std::move(consumer); }
    void on_failure(std::function<void(const error&)> consumer) override {
        failure_ = std::move(consumer);
    }
    task<result<std::vector<journal_record>>> read_from(lsn, std::size_t, bool) override {
        co_return error(errc::unsupported);
    }
    task<result<void>> read_payload(lsn position, std::uint64_t offset, bytes_span into) override {
        ++reads;
        co_await sleep_for(20 * one_microsecond);
        const auto found = records_.find(position);
        if (position < first_ || found == records_.end() || position > durable_to_)
            co_return error(errc::not_found);
        TC_ASSERT(offset + into.size() <= found->second.payload.size());
        std::memcpy(into.data(), found->second.payload.data() + offset, into.size());
        co_return ok();
    }
    void release_below(lsn bound) override { first_ = std::max(first_, bound); }
    lsn last_appended() const override { return last_; }
    lsn last_durable() const override { return durable_to_; }
    lsn first_retained() const override { return first_; }
    double fill() const override { return 0; }
    journal_figures figures() const override { return {}; }
    std::vector<std::pair<uuid, extent_name>> extents() const override { return {}; }

    // The test's hands.
    struct record {
        std::string body, payload;
        record_kind kind{};
    };
    const std::map<lsn, record>& records() const { return records_; }
    std::vector<any_effect> effects_of(lsn position) const {
        auto effects = decode_effects(as_bytes(records_.at(position).body));
        TC_ASSERT(effects);
        return std::move(*effects);
    }
    /// Drops records, payloads included.
    void forget() { records_.clear(); }
    void release_held() {
        held = false;
        if (!commit_planned_ && durable_to_ < last_) plan_commit();
    }
    void fail() {
        failed_ = error(errc::quorum_lost, "the journal lost its devices");
        if (failure_) failure_(*failed_);
    }
    /// After fail() and the end of the sequencer: what was appended became durable, or is lost.
    void revive(bool kept) {
        failed_.reset();
        durable_ = nullptr;
        failure_ = nullptr;
        commit_planned_ = false;
        ++life_;
        if (kept) {
            durable_to_ = last_;
        } else {
            last_ = durable_to_;
            records_.erase(records_.upper_bound(last_), records_.end());
        }
    }

  private:
    void plan_commit() {
        commit_planned_ = true;
        const lsn upto = last_;
        executor::current().post_after(commit_delay, [this, upto, life = life_] {
            if (life != life_) return;
            commit_planned_ = false;
            if (failed_) return;
            ++commits;
            durable_to_ = upto;
            if (durable_) durable_(upto);
            if (durable_to_ < last_ && !held) plan_commit();
        });
    }

    std::map<lsn, record> records_;
    lsn last_, durable_to_, first_{1};
    bool commit_planned_ = false;
    int life_ = 0;
    std::optional<error> failed_;
    std::function<void(lsn)> durable_;
    std::function<void(const error&)> failure_;
};

}  // namespace taicang::test
