#include "s3gw/http/asio_executor.h"

#include <chrono>
#include <ctime>
#include <unordered_map>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "storage/base/assert.h"

namespace taicang {

namespace {

std::int64_t read_clock(clockid_t clock) noexcept {
    timespec now{};
    TC_ASSERT(::clock_gettime(clock, &now) == 0);
    return static_cast<std::int64_t>(now.tv_sec) * one_second + now.tv_nsec;
}

struct timer_entry {
    boost::asio::steady_timer timer;
    work w;
};

}  // namespace

struct asio_executor::state {
    // One thread runs the loop, so a post from it need not wake another.
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{
        context.get_executor()};
    std::unordered_map<timer_id, timer_entry> timers;
    timer_id last_timer = 0;
};

asio_executor::asio_executor() : state_(std::make_unique<state>()) {}

asio_executor::~asio_executor() = default;

void asio_executor::post(work w) {
    boost::asio::post(state_->context, [held = std::move(w)]() mutable { held(); });
}

void asio_executor::post(std::coroutine_handle<> handle) {
    boost::asio::post(state_->context, [handle] { handle.resume(); });
}

executor::timer_id asio_executor::post_after(nanoseconds delay, work w) {
    TC_ASSERT(current_or_null() == this);
    const timer_id id = ++state_->last_timer;
    auto [entry, fresh] = state_->timers.emplace(
        id, timer_entry{boost::asio::steady_timer(state_->context), std::move(w)});
    entry->second.timer.expires_after(std::chrono::nanoseconds(delay));
    // Whether a timer was cancelled is asked of the table: Asio may have queued its handler
    // already.
    entry->second.timer.async_wait([this, id](const boost::system::error_code&) {
        const auto found = state_->timers.find(id);
        if (found == state_->timers.end()) return;
        work due = std::move(found->second.w);
        state_->timers.erase(found);
        due();
    });
    return id;
}

bool asio_executor::cancel_timer(timer_id id) {
    TC_ASSERT(current_or_null() == this);
    return state_->timers.erase(id) != 0;
}

nanoseconds asio_executor::monotonic_now() const {
    return read_clock(CLOCK_MONOTONIC);
}

std::int64_t asio_executor::wall_now() const {
    return read_clock(CLOCK_REALTIME);
}

void asio_executor::run() {
    const running_scope scope(this);
    state_->context.run();
}

void asio_executor::stop() {
    state_->context.stop();
}

boost::asio::io_context& asio_executor::context() noexcept {
    return state_->context;
}

}  // namespace taicang
