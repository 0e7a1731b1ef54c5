// What a reactor's loop needs of a disk backend: hand over operations, collect completions, sleep.
// Made on the reactor's thread and used there only. Lifetime: inside the reactor's thread; all
// files closed before it ends.
#pragma once

#include <memory>
#include <string>

#include "storage/io/disk.h"
#include "storage/io/reactor.h"

namespace taicang {

class io_engine {
  public:
    io_engine() = default;
    io_engine(const io_engine&) = delete;
    io_engine& operator=(const io_engine&) = delete;
    virtual ~io_engine() = default;

    [[nodiscard]] virtual disk& files() = 0;
    /// Hands what is prepared to the kernel and lets what has completed go on; never
    /// blocks.
    virtual void turn() = 0;
    /// The same, but sleeps until something completes, the wake descriptor is written or `timeout`
    /// passed (negative: no limit).
    virtual void wait(nanoseconds timeout) = 0;
    /// True while operations are in flight.
    [[nodiscard]] virtual bool busy() const = 0;
};

/// Sets up a ring and reads a file through it; errc::unsupported with the kernel's reason when that
/// is refused. `reason`: what to tell people of it.
result<std::unique_ptr<io_engine>> make_uring_engine(executor& home, const reactor_options& options,
                                                     int wake_descriptor, std::string& reason);
std::unique_ptr<io_engine> make_pool_engine(executor& home, const reactor_options& options,
                                            int wake_descriptor);

/// Counts an operation of a file or an engine while it is in flight.
class running_mark {
  public:
    explicit running_mark(unsigned& count) noexcept : count_(count) { ++count_; }
    running_mark(const running_mark&) = delete;
    running_mark& operator=(const running_mark&) = delete;
    ~running_mark() { --count_; }

  private:
    unsigned& count_;
};

}  // namespace taicang
