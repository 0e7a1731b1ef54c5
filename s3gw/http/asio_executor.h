// The executor of an http worker: one thread that runs Asio's event loop.
// Threads: post, the clocks and stop from any thread; the rest as executor says. Lifetime: run()
// must have returned before destruction; work that is still queued then is dropped.
#pragma once

#include <cstdint>
#include <memory>

#include "storage/base/executor.h"

namespace boost::asio {
class io_context;
}

namespace taicang {

class asio_executor final : public executor {
  public:
    asio_executor();
    ~asio_executor() override;

    void post(work w) override;
    void post(std::coroutine_handle<> handle) override;
    timer_id post_after(nanoseconds delay, work w) override;
    bool cancel_timer(timer_id id) override;
    [[nodiscard]] nanoseconds monotonic_now() const override;
    [[nodiscard]] std::int64_t wall_now() const override;

    /// Runs work on the calling thread until stop().
    void run();
    void stop();
    [[nodiscard]] boost::asio::io_context& context() noexcept;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace taicang
