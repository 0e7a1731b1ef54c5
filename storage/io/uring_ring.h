// One io_uring of a reactor thread: prepared operations go to the kernel in one batch a turn,
// completions resume their coroutines at once, and what those prepare is handed over in the same
// turn: a flush that follows a write waits for no queue. Knows descriptors and memory,
// not files and names (uring_disk.cc). Threads: the reactor's only (single issuer). Lifetime: no
// operation in flight when it dies.
//
// Invariants: at most `depth` operations are in the ring, so a free submission entry always exists
// and the completion ring cannot overflow; further ones wait in order. One more entry belongs to
// the read of the wake descriptor.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <vector>

#include <liburing.h>

#include "storage/base/bytes.h"
#include "storage/base/executor.h"
#include "storage/base/result.h"

namespace taicang {

/// One operation as the kernel wants it. `fd` is an index of the registered table when
/// `registered_file`.
struct uring_request {
    enum class kind : std::uint8_t { read, write, sync_data, fallocate };
    kind what = kind::read;
    bool registered_file = false;
    int fd = -1;
    int mode = 0;  ///< of fallocate
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  ///< of read and write at most 2^31
    void* memory = nullptr;
};

class uring_ring {
  public:
    /// Sets up, registers the file table and proves itself by reading; the error says which step
    /// the kernel refused.
    static result<std::unique_ptr<uring_ring>> make(unsigned depth, int wake_descriptor);
    /// Transfers within `memory` skip the pinning of pages from now on. Once. Fails where locking
    /// that much is refused.
    result<void> register_memory(bytes_span memory);
    ~uring_ring();
    uring_ring(const uring_ring&) = delete;
    uring_ring& operator=(const uring_ring&) = delete;

    /// Suspends until the kernel has answered; the value is its result (a count, or minus an
    /// errno).
    class operation {
      public:
        operation(uring_ring& ring, const uring_request& request) noexcept
            : ring_(ring), request_(request) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) {
            waiting_ = handle;
            ring_.start(*this);
        }
        int await_resume() const noexcept { return result_; }

      private:
        friend class uring_ring;
        uring_ring& ring_;
        uring_request request_;
        std::coroutine_handle<> waiting_{};
        operation* next_ = nullptr;
        int result_ = 0;
    };

    void turn();
    void wait(nanoseconds timeout);

    /// Puts a descriptor into the registered table; -1 when it is full (then use the plain
    /// descriptor).
    int register_file(int fd);
    void unregister_file(int index);

  private:
    uring_ring(unsigned depth, int wake_descriptor) noexcept
        : depth_(depth), wake_descriptor_(wake_descriptor) {}
    result<void> set_up();
    result<void> probe();
    void start(operation& op);
    void prepare(operation& op);
    [[nodiscard]] bool is_registered(const void* memory, std::uint64_t length) const noexcept;
    void arm_wake();
    void reap();
    void resume_completed();
    void start_waiting();
    void check_submit(int answer) const;

    unsigned depth_;
    int wake_descriptor_;
    bool made_ = false;
    io_uring ring_{};
    unsigned in_flight_ = 0;
    operation* first_waiting_ = nullptr;
    operation* last_waiting_ = nullptr;
    operation* first_completed_ = nullptr;
    operation* last_completed_ = nullptr;
    bool wake_armed_ = false;
    std::uint64_t wake_count_ = 0;
    std::vector<int> free_indexes_;
    bytes_span registered_;
};

}  // namespace taicang
