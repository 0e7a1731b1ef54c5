#include "storage/base/async.h"

namespace taicang {

void event::set() {
    set_ = true;
    pulse();
}

void event::pulse() {
    auto woken = std::move(waiters_);
    waiters_.clear();
    for (const waiter& w : woken)
        w.home->post(w.handle);
    for (const auto& timed : timed_waiters_)
        timed->set();
}

task<bool> event::wait_for(nanoseconds timeout) {
    if (set_) co_return true;
    executor& home = executor::current();
    timed_waiters_.emplace_back(std::make_unique<event>());
    event* wake = timed_waiters_.back().get();
    bool timed_out = false;
    const auto timer = home.post_after(timeout, [wake, &timed_out] {
        timed_out = true;
        wake->set();
    });
    co_await wake->wait();
    if (!timed_out) home.cancel_timer(timer);
    std::erase_if(timed_waiters_, [wake](const auto& held) { return held.get() == wake; });
    // Both may have happened before this ran: then it was set, and the caller need not give up.
    co_return set_ || !timed_out;
}

bool gate::try_enter() noexcept {
    if (closed_) return false;
    ++holders_;
    return true;
}

void gate::leave() {
    TC_ASSERT(holders_ > 0);
    --holders_;
    if (holders_ == 0 && closed_) empty_.set();
}

task<void> gate::close() {
    TC_ASSERT_WHY(!closed_, "a gate is closed once");
    closed_ = true;
    if (holders_ != 0) co_await empty_.wait();
}

void async_mutex::unlock() {
    TC_ASSERT(locked_);
    if (waiters_.empty()) {
        locked_ = false;
        return;
    }
    // The lock passes directly to the first waiter, so nobody can overtake it.
    const auto next = waiters_.front();
    waiters_.pop_front();
    executor::current().post(next);
}

}  // namespace taicang
