#include "storage/base/memory_budget.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <string>

namespace taicang {

namespace {

enum class outcome : std::uint8_t { waiting, granted, expired };

/// Lives in the waiting coroutine's frame; the list points at it until it is granted or expired.
struct waiter {
    std::size_t bytes = 0;
    nanoseconds patience = 0;
    outcome answer = outcome::waiting;
    std::coroutine_handle<> handle{};
    executor* home = nullptr;
    executor::timer_id timer{};
    std::list<waiter*>::iterator place{};
};

}  // namespace

struct memory_budget::state {
    mutable std::mutex guard;
    std::size_t limit = 0;
    std::size_t waiters_max = 0;
    std::size_t reserved = 0;
    std::size_t reserved_max = 0;
    std::uint64_t refused = 0;
    std::list<waiter*> waiting;

    bool fits(std::size_t bytes) const noexcept { return bytes <= limit - reserved; }
    void reserve(std::size_t bytes) noexcept {
        reserved += bytes;
        reserved_max = std::max(reserved_max, reserved);
    }
    /// Grants from the front while it fits: a big request at the front holds smaller ones back, so
    /// it cannot starve. Under the lock; a granted coroutine may run on its own thread as soon as
    /// it is posted.
    void grant_in_order() {
        while (!waiting.empty() && fits(waiting.front()->bytes)) {
            waiter* next = waiting.front();
            waiting.pop_front();
            reserve(next->bytes);
            next->answer = outcome::granted;
            next->home->post(next->handle);
        }
    }
    /// The timer of a waiter, on its own executor.
    void expire(waiter* late) {
        const std::lock_guard lock(guard);
        if (late->answer != outcome::waiting) return;
        waiting.erase(late->place);
        late->answer = outcome::expired;
        ++refused;
        late->home->post(late->handle);
        grant_in_order();
    }
    std::string sentence(std::size_t bytes, std::string_view why) const {
        return "memory budget: " + std::to_string(bytes) + " bytes are not free (" +
               std::to_string(reserved) + " of " + std::to_string(limit) + " reserved, " +
               std::to_string(waiting.size()) + " waiting): " + std::string(why);
    }
};

namespace {

/// Joins the queue and sleeps until granted or expired.
template <class State>
struct queue_awaiter {
    State& budget;
    waiter& self;
    std::unique_lock<std::mutex> lock;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        self.handle = handle;
        self.home = &executor::current();
        self.place = budget.waiting.insert(budget.waiting.end(), &self);
        State* owner = &budget;
        waiter* late = &self;
        // Set before the lock goes: the frame may be resumed elsewhere's grant only on this thread,
        // after we return.
        self.timer = self.home->post_after(self.patience, [owner, late] { owner->expire(late); });
        std::unique_lock<std::mutex> held = std::move(lock);
        held.unlock();
    }
    void await_resume() const noexcept {}
};

}  // namespace

memory_budget::memory_budget(std::size_t limit_bytes, std::size_t waiters_max)
    : state_(std::make_unique<state>()) {
    state_->limit = limit_bytes;
    state_->waiters_max = waiters_max;
}

memory_budget::~memory_budget() {
    TC_ASSERT_WHY(state_->waiting.empty(), "a request waits for a budget that dies");
    TC_ASSERT_WHY(state_->reserved == 0, "a memory lease outlives its budget");
}

task<result<memory_lease>> memory_budget::acquire(std::size_t bytes, nanoseconds patience) {
    std::unique_lock<std::mutex> lock(state_->guard);
    if (bytes > state_->limit) {
        ++state_->refused;
        co_return error(
            errc::invalid_argument,
            state_->sentence(bytes, "more than the whole limit; raise the memory limit"));
    }
    if (state_->waiting.empty() && state_->fits(bytes)) {
        state_->reserve(bytes);
        co_return memory_lease(this, bytes);
    }
    if (patience <= 0 || state_->waiting.size() >= state_->waiters_max) {
        ++state_->refused;
        co_return error(errc::busy, state_->sentence(bytes, "too much at once; try again later"));
    }
    waiter self;
    self.bytes = bytes;
    self.patience = patience;
    queue_awaiter<state> queue{*state_, self, std::move(lock)};
    co_await queue;
    if (self.answer == outcome::granted) {
        self.home->cancel_timer(self.timer);
        co_return memory_lease(this, bytes);
    }
    const std::lock_guard again(state_->guard);
    co_return error(errc::busy,
                    state_->sentence(bytes, "waited " + std::to_string(patience / one_millisecond) +
                                                " ms; try again later"));
}

memory_lease memory_budget::try_acquire(std::size_t bytes) noexcept {
    const std::lock_guard lock(state_->guard);
    if (!state_->waiting.empty() || bytes > state_->limit || !state_->fits(bytes)) {
        return {};
    }
    state_->reserve(bytes);
    return memory_lease(this, bytes);
}

memory_budget_figures memory_budget::figures() const {
    const std::lock_guard lock(state_->guard);
    return {state_->limit, state_->reserved, state_->reserved_max, state_->waiting.size(),
            state_->refused};
}

void memory_budget::release(std::size_t bytes) noexcept {
    const std::lock_guard lock(state_->guard);
    TC_ASSERT(bytes <= state_->reserved);
    state_->reserved -= bytes;
    state_->grant_in_order();
}

void memory_lease::release() noexcept {
    memory_budget* budget = std::exchange(budget_, nullptr);
    const std::size_t bytes = std::exchange(bytes_, 0);
    if (budget != nullptr) budget->release(bytes);
}

}  // namespace taicang
