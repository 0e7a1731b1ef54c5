// The loop of a reactor: run what is queued, fire timers, hand operations to the disk in one batch,
// collect completions (which go on at once); sleep in the disk's own wait when nothing can run.
// Work from other threads lies in a list of its own, and has a queue of its own: what comes back
// from a pool does not wait behind all that this thread has queued for itself. The poster wakes the
// reactor (one eventfd write) only when it sleeps.
#include "storage/io/reactor.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "storage/base/limits.h"
#include "storage/io/io_engine.h"
#include "storage/io/posix_files.h"
#include "storage/io/timer_queue.h"

namespace taicang {

namespace {

std::int64_t read_clock(clockid_t which) noexcept {
    timespec now{};
    clock_gettime(which, &now);
    return std::int64_t{now.tv_sec} * one_second + now.tv_nsec;
}

class reactor_thread final : public reactor {
  public:
    explicit reactor_thread(reactor_options options) : options_(std::move(options)) {}
    ~reactor_thread() override { stop(); }

    result<void> launch();

    void post(work w) override { enqueue({std::move(w), nullptr}); }
    void post(std::coroutine_handle<> handle) override { enqueue({work(), handle}); }
    timer_id post_after(nanoseconds delay, work w) override {
        assert_home();
        return timers_.add(monotonic_now() + std::max<nanoseconds>(delay, 0), std::move(w));
    }
    bool cancel_timer(timer_id id) override {
        assert_home();
        return timers_.cancel(id);
    }
    nanoseconds monotonic_now() const override { return read_clock(CLOCK_MONOTONIC); }
    std::int64_t wall_now() const override { return read_clock(CLOCK_REALTIME); }

    disk& files() override { return engine_->files(); }
    std::string_view backend_reason() const override { return reason_; }
    void stop() override;

  private:
    struct item {
        work what;
        std::coroutine_handle<> handle;
    };

    void assert_home() const {
        TC_ASSERT_WHY(current_or_null() == this, "a timer is used from outside of its executor");
    }
    /// First in, first out; vectors keep their memory.
    class item_queue {
      public:
        [[nodiscard]] bool empty() const noexcept {
            return next_ == running_.size() && queued_.empty();
        }
        void push(item one) { queued_.push_back(std::move(one)); }
        /// Takes all of `more`, which is left empty.
        void append(std::vector<item>& more);
        void run_some();

      private:
        std::vector<item> running_;
        std::size_t next_ = 0;
        std::vector<item> queued_;
    };

    void enqueue(item next);
    void wake() noexcept;
    result<void> set_up();
    void loop();
    void take_arrived();
    void fire_timers();
    bool something_arrived();
    nanoseconds until_next_timer();

    reactor_options options_;
    std::string reason_;
    posix_files::descriptor wake_descriptor_;
    std::unique_ptr<io_engine> engine_;
    std::thread thread_;
    std::mutex stop_guard_;

    // The reactor's own.
    item_queue own_;
    item_queue foreign_;
    std::vector<item> taken_;
    timer_queue timers_;
    bool stopping_ = false;

    // Shared with posters; on lines of their own, since other cores write here.
    alignas(64) std::mutex arrived_guard_;
    std::vector<item> arrived_;
    std::atomic<bool> has_arrived_{false};
    std::atomic<bool> sleeping_{false};
};

void reactor_thread::enqueue(item next) {
    if (current_or_null() == this) {
        own_.push(std::move(next));
        return;
    }
    {
        const std::lock_guard lock(arrived_guard_);
        arrived_.push_back(std::move(next));
        has_arrived_.store(true, std::memory_order_relaxed);
    }
    // The reactor announces its sleep and then looks under the lock once more: either it sees this
    // item, or this thread, which took the lock later, sees the announcement.
    if (sleeping_.load(std::memory_order_relaxed) && sleeping_.exchange(false)) wake();
}

void reactor_thread::wake() noexcept {
    const std::uint64_t one = 1;
    while (write(wake_descriptor_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

result<void> reactor_thread::set_up() {
    if (options_.backend != disk_backend::threads) {
        auto ring = make_uring_engine(*this, options_, wake_descriptor_.get(), reason_);
        if (ring) {
            engine_ = std::move(ring).value();
            return ok();
        }
        if (options_.backend == disk_backend::io_uring) return std::move(ring).error();
        reason_ = "threads: " + ring.error().message;
    } else {
        reason_ = "threads: asked for";
    }
    engine_ = make_pool_engine(*this, options_, wake_descriptor_.get());
    return ok();
}

result<void> reactor_thread::launch() {
    // Blocking, so that the ring's read of it waits instead of answering EAGAIN.
    wake_descriptor_ = posix_files::descriptor(eventfd(0, EFD_CLOEXEC));
    if (!wake_descriptor_.valid()) return posix_files::posix_error(errno, "making an eventfd");
    std::promise<result<void>> ready;
    auto answer = ready.get_future();
    thread_ = std::thread([this, ready = std::move(ready)]() mutable {
        pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
        const running_scope scope(this);
        // A single-issuer ring belongs to the thread that makes it.
        auto made = set_up();
        const bool fine = made.ok();
        ready.set_value(std::move(made));
        if (fine) loop();
        engine_.reset();
    });
    return answer.get();
}

void reactor_thread::take_arrived() {
    if (!has_arrived_.load(std::memory_order_relaxed)) return;
    {
        const std::lock_guard lock(arrived_guard_);
        taken_.swap(arrived_);
        has_arrived_.store(false, std::memory_order_relaxed);
    }
    foreign_.append(taken_);
}

void reactor_thread::item_queue::append(std::vector<item>& more) {
    if (queued_.empty()) {
        queued_.swap(more);
        return;
    }
    for (item& next : more)
        queued_.push_back(std::move(next));
    more.clear();
}

void reactor_thread::item_queue::run_some() {
    for (std::size_t n = 0; n < limits::reactor_turn_items_max; ++n) {
        if (next_ == running_.size()) {
            running_.clear();
            next_ = 0;
            if (queued_.empty()) return;
            running_.swap(queued_);
        }
        item next = std::move(running_[next_++]);
        if (next.handle) {
            next.handle.resume();
        } else {
            next.what();
        }
    }
}

void reactor_thread::fire_timers() {
    if (timers_.empty()) return;
    const nanoseconds now = monotonic_now();
    for (std::size_t n = 0; n < limits::reactor_turn_items_max; ++n) {
        const auto due = timers_.next();
        if (!due || *due > now) return;
        work what = timers_.pop();
        what();
    }
}

bool reactor_thread::something_arrived() {
    const std::lock_guard lock(arrived_guard_);
    return !arrived_.empty();
}

nanoseconds reactor_thread::until_next_timer() {
    const auto due = timers_.next();
    if (!due) return -1;
    return std::max<nanoseconds>(*due - monotonic_now(), 0);
}

void reactor_thread::loop() {
    for (;;) {
        take_arrived();
        foreign_.run_some();
        own_.run_some();
        fire_timers();
        if (!own_.empty() || !foreign_.empty()) {
            engine_->turn();
            continue;
        }
        sleeping_.store(true);
        if (something_arrived()) {
            sleeping_.store(false);
            engine_->turn();
            continue;
        }
        if (stopping_ && !engine_->busy()) return;
        engine_->wait(until_next_timer());
        sleeping_.store(false);
    }
}

void reactor_thread::stop() {
    TC_ASSERT_WHY(current_or_null() != this, "a reactor cannot stop itself");
    const std::lock_guard lock(stop_guard_);
    if (!thread_.joinable()) return;
    post([this] { stopping_ = true; });
    thread_.join();
}

}  // namespace

result<std::unique_ptr<reactor>> reactor::start(reactor_options options) {
    auto made = std::make_unique<reactor_thread>(std::move(options));
    auto launched = made->launch();
    if (!launched) return std::move(launched).error();
    return std::unique_ptr<reactor>(std::move(made));
}

}  // namespace taicang
