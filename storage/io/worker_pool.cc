// Plain threads with one queue. Jobs that are queued when the pool dies still run, so nobody waits
// for ever.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

#include "storage/io/reactor.h"

namespace taicang {

namespace {

/// The kernel shows at most 15 characters.
constexpr std::size_t thread_name_max = 15;

class thread_pool final : public worker_pool {
  public:
    thread_pool(const std::string& name, unsigned threads) {
        TC_ASSERT(threads > 0);
        for (unsigned i = 0; i < threads; ++i) {
            threads_.emplace_back([this] { work_off(); });
            const std::string mine = (name + "-" + std::to_string(i)).substr(0, thread_name_max);
            pthread_setname_np(threads_.back().native_handle(), mine.c_str());
        }
    }
    ~thread_pool() override {
        {
            const std::lock_guard lock(guard_);
            stopping_ = true;
        }
        wake_.notify_all();
        for (std::thread& thread : threads_)
            thread.join();
    }

    void submit(work w) override {
        bool someone_sleeps = false;
        {
            const std::lock_guard lock(guard_);
            queue_.push_back(std::move(w));
            someone_sleeps = sleepers_ != 0;
        }
        if (someone_sleeps) wake_.notify_one();
    }

  private:
    void work_off() {
        std::unique_lock lock(guard_);
        for (;;) {
            if (!queue_.empty()) {
                work next = std::move(queue_.front());
                queue_.pop_front();
                lock.unlock();
                next();
                next = work();
                lock.lock();
                continue;
            }
            if (stopping_) return;
            ++sleepers_;
            wake_.wait(lock);
            --sleepers_;
        }
    }

    std::mutex guard_;
    std::condition_variable wake_;
    std::deque<work> queue_;
    std::size_t sleepers_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<worker_pool> make_worker_pool(std::string name, unsigned threads) {
    return std::make_unique<thread_pool>(name, threads);
}

}  // namespace taicang
