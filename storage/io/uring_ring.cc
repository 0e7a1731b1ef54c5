#include "storage/io/uring_ring.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/limits.h"
#include "storage/io/posix_files.h"

namespace taicang {

namespace {

/// The user data of the wake descriptor's read; operations have their own address.
constexpr std::uint64_t wake_data = 0;

error refused(std::string_view step, int number) {
    return error(errc::unsupported,
                 std::string(step) + ": " + std::system_category().message(number));
}

}  // namespace

result<std::unique_ptr<uring_ring>> uring_ring::make(unsigned depth, int wake_descriptor) {
    std::unique_ptr<uring_ring> made(new uring_ring(std::max(depth, 1U), wake_descriptor));
    TC_TRY(made->set_up());
    TC_TRY(made->probe());
    return made;
}

result<void> uring_ring::set_up() {
    // Completions are worked off when the loop asks (deferred), never by interrupting it; older
    // kernels know less.
    constexpr std::array<unsigned, 4> flag_sets{
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,  // 6.1
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,   // 6.0
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,  // 5.19
        0U};
    const unsigned entries = std::bit_ceil(depth_ + 1);
    int answer = -EINVAL;
    for (const unsigned flags : flag_sets) {
        io_uring_params parameters{};
        parameters.flags = flags;
        answer = io_uring_queue_init_params(entries, &ring_, &parameters);
        if (answer != -EINVAL) break;
    }
    if (answer < 0) return refused("io_uring_setup", -answer);
    made_ = true;
    if ((ring_.features & IORING_FEAT_EXT_ARG) == 0) {
        return error(errc::unsupported, "io_uring_setup: the kernel is older than 5.11");
    }
    const int registered = io_uring_register_files_sparse(&ring_, limits::open_files_max);
    if (registered < 0) return refused("io_uring_register_files_sparse", -registered);
    for (unsigned i = limits::open_files_max; i > 0; --i) {
        free_indexes_.push_back(static_cast<int>(i) - 1);
    }
    std::unique_ptr<io_uring_probe, decltype(&io_uring_free_probe)> known(
        io_uring_get_probe_ring(&ring_), &io_uring_free_probe);
    for (const int code : {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_FALLOCATE}) {
        if (known == nullptr || io_uring_opcode_supported(known.get(), code) == 0) {
            return error(errc::unsupported,
                         "io_uring: the kernel lacks operation " + std::to_string(code));
        }
    }
    return ok();
}

result<void> uring_ring::probe() {
    // A container may allow the set-up and refuse the work: only a read that brings bytes proves
    // the ring.
    static constexpr char text[] = "granary";
    const posix_files::descriptor memory(memfd_create("taicang-probe", MFD_CLOEXEC));
    if (!memory.valid()) return refused("memfd_create", errno);
    if (write(memory.get(), text, sizeof(text)) != static_cast<ssize_t>(sizeof(text))) {
        return refused("writing the probe file", errno);
    }
    const int index = register_file(memory.get());
    if (index < 0) return error(errc::unsupported, "io_uring: no file can be registered");
    char got[sizeof(text)] = {};
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    TC_ASSERT(entry != nullptr);
    io_uring_prep_read(entry, index, got, sizeof(got), 0);
    entry->flags = static_cast<std::uint8_t>(entry->flags | IOSQE_FIXED_FILE);
    const int submitted = io_uring_submit_and_wait(&ring_, 1);
    if (submitted < 0) return refused("io_uring_enter", -submitted);
    io_uring_cqe* completion = nullptr;
    const int waited = io_uring_wait_cqe(&ring_, &completion);
    if (waited < 0) return refused("io_uring_enter", -waited);
    const int count = completion->res;
    io_uring_cqe_seen(&ring_, completion);
    unregister_file(index);
    if (count < 0) return refused("io_uring read", -count);
    if (count != static_cast<int>(sizeof(text)) || std::memcmp(got, text, sizeof(text)) != 0) {
        return error(errc::unsupported, "io_uring: a read brought other bytes than were written");
    }
    return ok();
}

uring_ring::~uring_ring() {
    TC_ASSERT_WHY(in_flight_ == 0, "a ring dies with operations in flight");
    if (made_) io_uring_queue_exit(&ring_);
}

int uring_ring::register_file(int fd) {
    if (free_indexes_.empty()) return -1;
    const int index = free_indexes_.back();
    if (io_uring_register_files_update(&ring_, static_cast<unsigned>(index), &fd, 1) != 1)
        return -1;
    free_indexes_.pop_back();
    return index;
}

void uring_ring::unregister_file(int index) {
    const int none = -1;
    const int answer =
        io_uring_register_files_update(&ring_, static_cast<unsigned>(index), &none, 1);
    TC_ASSERT_WHY(answer == 1, "the kernel keeps a registered file");
    free_indexes_.push_back(index);
}

result<void> uring_ring::register_memory(bytes_span memory) {
    TC_ASSERT(registered_.empty());
    const iovec region{memory.data(), memory.size()};
    const int answer = io_uring_register_buffers(&ring_, &region, 1);
    if (answer < 0) return refused("io_uring_register_buffers", -answer);
    registered_ = memory;
    return ok();
}

bool uring_ring::is_registered(const void* memory, std::uint64_t length) const noexcept {
    const auto from = reinterpret_cast<std::uintptr_t>(memory);
    const auto begin = reinterpret_cast<std::uintptr_t>(registered_.data());
    return from >= begin && from + length <= begin + registered_.size() && length != 0;
}

void uring_ring::start(operation& op) {
    if (in_flight_ < depth_) {
        prepare(op);
        return;
    }
    op.next_ = nullptr;
    (last_waiting_ == nullptr ? first_waiting_ : last_waiting_->next_) = &op;
    last_waiting_ = &op;
}

void uring_ring::prepare(operation& op) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
        // Entries of the ring are freed by submitting; depth_ is less than their number.
        check_submit(io_uring_submit(&ring_));
        entry = io_uring_get_sqe(&ring_);
    }
    TC_ASSERT(entry != nullptr);
    const uring_request& request = op.request_;
    const auto length = static_cast<unsigned>(request.length);
    switch (request.what) {
        case uring_request::kind::read:
            if (is_registered(request.memory, request.length)) {
                io_uring_prep_read_fixed(entry, request.fd, request.memory, length, request.offset,
                                         0);
            } else {
                io_uring_prep_read(entry, request.fd, request.memory, length, request.offset);
            }
            break;
        case uring_request::kind::write:
            if (is_registered(request.memory, request.length)) {
                io_uring_prep_write_fixed(entry, request.fd, request.memory, length, request.offset,
                                          0);
            } else {
                io_uring_prep_write(entry, request.fd, request.memory, length, request.offset);
            }
            break;
        case uring_request::kind::sync_data:
            io_uring_prep_fsync(entry, request.fd, IORING_FSYNC_DATASYNC);
            break;
        case uring_request::kind::fallocate:
            io_uring_prep_fallocate(entry, request.fd, request.mode,
                                    static_cast<off_t>(request.offset),
                                    static_cast<off_t>(request.length));
            break;
    }
    if (request.registered_file) {
        entry->flags = static_cast<std::uint8_t>(entry->flags | IOSQE_FIXED_FILE);
    }
    io_uring_sqe_set_data(entry, &op);
    ++in_flight_;
}

void uring_ring::check_submit(int answer) const {
    // Interrupted, short of memory for the moment, or completions wait to be reaped: the next turn
    // tries again.
    const bool passing = answer >= 0 || answer == -EINTR || answer == -EAGAIN || answer == -EBUSY ||
                         answer == -ETIME;
    TC_ASSERT_WHY(passing, "io_uring_enter refuses a ring that worked at start");
}

void uring_ring::arm_wake() {
    if (wake_armed_) return;
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) return;  // the next sleep submits first, then arms
    io_uring_prep_read(entry, wake_descriptor_, &wake_count_, sizeof(wake_count_), 0);
    entry->user_data = wake_data;
    wake_armed_ = true;
}

void uring_ring::turn() {
    const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
    if (io_uring_sq_ready(&ring_) != 0) {
        check_submit(io_uring_submit_and_get_events(&ring_));
    } else if ((flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
        check_submit(io_uring_get_events(&ring_));
    }
    reap();
}

void uring_ring::wait(nanoseconds timeout) {
    arm_wake();
    if (!wake_armed_) {
        turn();
        return;
    }
    io_uring_cqe* first = nullptr;
    if (timeout == 0) {
        turn();
        return;
    }
    __kernel_timespec limit{};
    limit.tv_sec = timeout / one_second;
    limit.tv_nsec = timeout % one_second;
    check_submit(io_uring_submit_and_wait_timeout(&ring_, &first, 1, timeout < 0 ? nullptr : &limit,
                                                  nullptr));
    reap();
}

void uring_ring::reap() {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* completion = nullptr;
    io_uring_for_each_cqe(&ring_, head, completion) {
        ++count;
        if (completion->user_data == wake_data) {
            wake_armed_ = false;
            continue;
        }
        auto* op = static_cast<operation*>(io_uring_cqe_get_data(completion));
        op->result_ = completion->res;
        op->next_ = nullptr;
        (last_completed_ == nullptr ? first_completed_ : last_completed_->next_) = op;
        last_completed_ = op;
        --in_flight_;
    }
    // The entries are given back before anything runs: what is resumed prepares operations of its
    // own.
    io_uring_cq_advance(&ring_, count);
    start_waiting();
    resume_completed();
    if (io_uring_sq_ready(&ring_) != 0) check_submit(io_uring_submit(&ring_));
}

void uring_ring::resume_completed() {
    while (first_completed_ != nullptr) {
        operation* next = first_completed_;
        first_completed_ = next->next_;
        if (first_completed_ == nullptr) last_completed_ = nullptr;
        // The operation lies in the frame that goes on, and is gone afterwards.
        next->waiting_.resume();
    }
}

void uring_ring::start_waiting() {
    while (first_waiting_ != nullptr && in_flight_ < depth_) {
        operation* next = first_waiting_;
        first_waiting_ = next->next_;
        if (first_waiting_ == nullptr) last_waiting_ = nullptr;
        prepare(*next);
    }
}

}  // namespace taicang
