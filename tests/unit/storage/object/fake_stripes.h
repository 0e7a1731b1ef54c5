// Extent groups in memory: a group is a string that runs are appended to. Threads: the
// simulation's. Lifetime: the test's.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/digest.h"
#include "storage/stripe/stripe_store.h"

namespace taicang::test {

class fake_stripes final : public stripe_store {
  public:
    std::uint32_t run_bytes = 256 * 1024;
    std::uint64_t group_bytes = 1024 * 1024;
    nanoseconds write_delay = 200 * one_microsecond;
    nanoseconds read_delay = 50 * one_microsecond;
    std::optional<error> fail_writes;
    std::size_t writes = 0, reads = 0, flushes = 0, writing = 0, writing_max = 0;
    group_log* log = nullptr;

    void set_group_log(group_log* to) override { log = to; }
    void set_group_ids(std::function<group_id()>) override {}
    void adopt(group_row) override {}
    task<void> stop() override { co_return; }
    std::uint32_t run_bytes_max(tier_id) const override { return run_bytes; }

    task<result<written>> write_run(run_request request) override {
        ++writes;
        ++writing;
        writing_max = std::max(writing_max, writing);
        co_await sleep_for(write_delay);
        --writing;
        if (fail_writes) co_return *fail_writes;
        TC_ASSERT(!request.data.empty() && request.data.size() <= run_bytes);
        auto& open = open_[request.tier];
        if (!open || open->bytes.size() + request.data.size() > group_bytes) {
            auto made = std::make_shared<group>();
            made->id = group_id{++last_group_};
            made->tier = request.tier;
            open = made;
            groups_[made->id] = made;
            if (log != nullptr) {
                group_row row;
                row.id = made->id;
                row.tier = request.tier;
                auto logged = co_await log->group_opened(std::move(row));
                if (!logged) co_return std::move(logged).error();
            }
        }
        auto into = open;
        written out;
        out.where.group = into->id;
        out.where.skip = static_cast<std::uint32_t>(into->bytes.size());
        out.where.length = static_cast<std::uint32_t>(request.data.size());
        out.where.crc = crc32c(request.data);
        out.where.unit_blocks = 1;
        into->bytes.append(as_text(request.data));
        out.pin = group_pin(into);
        not_durable_.insert(into->id);
        co_return std::move(out);
    }
    task<result<void>> make_durable(std::vector<written>& pieces) override {
        ++flushes;
        co_await sleep_for(write_delay);
        for (const auto& one : pieces)
            not_durable_.erase(one.where.group);
        co_return ok();
    }
    task<result<void>> read(piece where, std::uint32_t offset, bytes_span into) override {
        ++reads;
        co_await sleep_for(read_delay);
        const auto found = groups_.find(where.group);
        std::shared_ptr<group> from = found == groups_.end() ? nullptr : found->second;
        if (!from) {
            const auto released = released_.find(where.group);
            if (released != released_.end()) from = released->second.lock();
        }
        if (!from) co_return error(errc::not_found, "the group is gone");
        TC_ASSERT(offset + into.size() <= where.length);
        const char* at = from->bytes.data() + where.skip + offset;
        std::memcpy(into.data(), at, into.size());
        co_return ok();
    }
    task<result<void>> read_unchecked_piece(piece where, std::uint32_t offset,
                                            bytes_span into) override {
        return read(where, offset, into);
    }
    std::optional<group_pin> pin(group_id id) override {
        const auto found = groups_.find(id);
        if (found == groups_.end()) return std::nullopt;
        return group_pin(found->second);
    }
    task<result<std::vector<run_description>>> walk(group_id) override {
        co_return error(errc::unsupported);
    }
    task<result<void>> seal_open(tier_id tier) override {
        open_.erase(tier);
        co_return ok();
    }
    bool is_open(group_id id) const override {
        for (const auto& [tier, open] : open_)
            if (open && open->id == id) return true;
        return false;
    }
    std::uint64_t data_capacity(group_id) const override { return group_bytes; }
    bool is_pinned(group_id id) const override {
        const auto found = groups_.find(id);
        return found != groups_.end() && found->second.use_count() > (is_open(id) ? 2 : 1);
    }
    void release(group_id id) override {
        const auto found = groups_.find(id);
        if (found == groups_.end()) return;
        released_[id] = found->second;
        groups_.erase(found);
    }
    std::optional<group_row> find(group_id) const override { return std::nullopt; }
    std::vector<group_row> groups() const override {
        std::vector<group_row> all;
        for (const auto& [id, one] : groups_) {
            group_row row;
            row.id = id;
            row.tier = one->tier;
            all.push_back(row);
        }
        return all;
    }
    tier_space space(tier_id) const override { return {}; }
    stripe_figures figures() const override { return {}; }
    void on_damage(std::function<void(group_id, unsigned)>) override {}

    // The test's hands.
    /// True when the group was flushed since its last run.
    bool is_durable(group_id id) const { return !not_durable_.contains(id); }
    tier_id tier_of(group_id id) const { return groups_.at(id)->tier; }

  private:
    struct group {
        group_id id;
        tier_id tier{};
        std::string bytes;
    };
    std::map<group_id, std::shared_ptr<group>> groups_;
    std::map<group_id, std::weak_ptr<group>> released_;
    std::map<tier_id, std::shared_ptr<group>> open_;
    std::set<group_id> not_durable_;
    std::uint64_t last_group_ = 0;
};

}  // namespace taicang::test
