// An executor of one queue with virtual time: work runs when the test says so, timers fire when
// nothing else is left. So a test of timeouts takes no time, and every run is the same.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "storage/base/executor.h"
#include "storage/base/task.h"

namespace taicang::tests {

class manual_executor final : public executor {
  public:
    void post(work w) override { queue_.push_back(std::move(w)); }
    void post(std::coroutine_handle<> handle) override {
        queue_.emplace_back([handle] { handle.resume(); });
    }
    timer_id post_after(nanoseconds delay, work w) override {
        const timer_id id = ++last_timer_;
        timers_.emplace(std::pair(now_ + delay, id), std::move(w));
        return id;
    }
    bool cancel_timer(timer_id id) override {
        return std::erase_if(timers_, [id](const auto& t) { return t.first.second == id; }) != 0;
    }
    [[nodiscard]] nanoseconds monotonic_now() const override { return now_; }
    [[nodiscard]] std::int64_t wall_now() const override { return wall_start + now_; }

    /// Runs queued work until there is none; timers do not fire.
    void run_ready() {
        const running_scope scope(this);
        while (!queue_.empty()) {
            work next = std::move(queue_.front());
            queue_.pop_front();
            next();
        }
    }
    /// Runs everything due up to `span` from now, and moves the clock there.
    void run_for(nanoseconds span) {
        const nanoseconds end = now_ + span;
        run_ready();
        while (!timers_.empty() && timers_.begin()->first.first <= end) {
            fire_next();
            run_ready();
        }
        now_ = end;
    }
    /// Runs a task to its end, letting time pass; a task that can never end fails the test.
    template <class T>
    std::optional<T> run(task<T> body) {
        std::optional<T> value;
        post([this, &value, held = std::move(body)]() mutable { fill(value, std::move(held)); });
        run_ready();
        while (!value && !timers_.empty()) {
            fire_next();
            run_ready();
        }
        EXPECT_TRUE(value.has_value()) << "the task waits for ever";
        return value;
    }

    static constexpr std::int64_t wall_start = 1'369'353'600'000'000'000;  // 2013-05-24 00:00 UTC

  private:
    template <class T>
    static detail::detached fill(std::optional<T>& value, task<T> body) {
        auto got = co_await std::move(body);
        value.emplace(std::move(got));
    }
    void fire_next() {
        auto first = timers_.extract(timers_.begin());
        now_ = std::max(now_, first.key().first);
        const running_scope scope(this);
        first.mapped()();
    }
    std::deque<work> queue_;
    std::map<std::pair<nanoseconds, timer_id>, work> timers_;
    timer_id last_timer_ = 0;
    nanoseconds now_ = 0;
};

}  // namespace taicang::tests
