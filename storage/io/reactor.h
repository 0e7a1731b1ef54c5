// The production executor of a shard: one thread that runs posted work, timers and disk
// completions, and a disk on io_uring (single issuer, deferred task running, registered files and
// buffers) or on a thread pool, by a probe at start. Threads: post() and the clocks from any
// thread, everything else from the reactor's own. Lifetime: start() .. stop(); stop() must be
// called from another thread after the owner's gates are closed. A thread that posts may still be
// waking the reactor when what it posted has run: pools that post end before the reactor is
// destroyed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/base/buffer.h"
#include "storage/base/executor.h"
#include "storage/base/result.h"
#include "storage/io/disk.h"

namespace taicang {

enum class disk_backend : std::uint8_t { automatic, io_uring, threads };

struct reactor_options {
    std::string name = "engine";
    disk_backend backend = disk_backend::automatic;
    unsigned queue_depth = 256;  ///< io_uring entries; further operations wait in order
    unsigned pool_threads = 8;   ///< of the thread-pool backend
    /// Memory of most transfers (buffer_pool::arena()), registered with the ring where the kernel
    /// allows to lock that much; outlives the reactor. Other memory works as well, at some 0.7 us
    /// more for each transfer.
    bytes_span registered_memory{};
};

class reactor : public executor {
  public:
    /// Starts the thread. The chosen backend and, when io_uring was refused, the reason are in
    /// backend_reason().
    static result<std::unique_ptr<reactor>> start(reactor_options options);

    /// The disk of this reactor; use only on its executor.
    [[nodiscard]] virtual disk& files() = 0;
    /// Why this backend: "io_uring: probed" or "threads: io_uring_setup: Operation not permitted".
    [[nodiscard]] virtual std::string_view backend_reason() const = 0;
    /// Runs what is queued, then ends the thread. From another thread; idempotent.
    virtual void stop() = 0;
    /// Runs a task on this reactor and waits for it; from a thread that is no executor (CLI,
    /// tests).
    template <class T>
    T run(task<T> body);
};

/// A pool of `threads` named threads. submit() never blocks; queued work is bounded by its callers'
/// own limits.
std::unique_ptr<worker_pool> make_worker_pool(std::string name, unsigned threads);

}  // namespace taicang

#include "storage/io/reactor_run.h"
