// The disk on io_uring: transfers, flushes and allocation go through the ring; names and opening,
// which are rare and block, through one helper thread. Sparse registered files; the arena of
// the buffer pool is registered where it is given (docs/decisions/registered-buffers.md).
#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/falloc.h>

#include "storage/base/async.h"
#include "storage/base/buffer.h"
#include "storage/base/limits.h"
#include "storage/io/io_checks.h"
#include "storage/io/io_engine.h"
#include "storage/io/posix_files.h"
#include "storage/io/uring_ring.h"

namespace taicang {

namespace {

/// What one submission carries at most; the kernel's own cap is just below 2 GiB.
constexpr std::uint64_t submission_bytes_max = std::uint64_t{1} << 30;
/// Zeros written a piece at a time where the filesystem has no fallocate.
constexpr std::size_t zero_fill_bytes = limits::mib;

class uring_file;

class uring_engine final : public io_engine, public disk {
  public:
    uring_engine(executor& home, std::unique_ptr<uring_ring> ring, const std::string& name)
        : home_(home), ring_(std::move(ring)), helper_(make_worker_pool(name + "-files", 1)) {}
    ~uring_engine() override {
        TC_ASSERT_WHY(open_files_ == 0, "files must be closed before their reactor stops");
    }

    disk& files() override { return *this; }
    void turn() override { ring_->turn(); }
    void wait(nanoseconds timeout) override { ring_->wait(timeout); }
    bool busy() const override { return running_ != 0; }

    task<result<std::unique_ptr<disk_file>>> open(std::string path, open_mode mode) override;
    task<result<std::vector<std::string>>> list(std::string directory) override {
        auto job = [d = std::move(directory)] { return posix_files::list(d); };
        return in_helper(std::move(job));
    }
    task<result<void>> make_directory(std::string directory) override {
        auto job = [d = std::move(directory)] { return posix_files::make_directory(d); };
        return in_helper(std::move(job));
    }
    task<result<void>> remove(std::string path) override {
        auto job = [p = std::move(path)] { return posix_files::remove(p); };
        return in_helper(std::move(job));
    }
    task<result<void>> sync_directory(std::string directory) override {
        auto job = [d = std::move(directory)] { return posix_files::sync_directory(d); };
        return in_helper(std::move(job));
    }
    task<result<disk_space>> space(std::string directory) override {
        auto job = [d = std::move(directory)] { return posix_files::space(d); };
        return in_helper(std::move(job));
    }
    std::string_view backend() const override { return "io_uring"; }

  private:
    friend class uring_file;
    template <class F>
    task<std::invoke_result_t<F&>> in_helper(F job) {
        const running_mark mark(running_);
        auto answer = co_await offload(*helper_, std::move(job));
        co_return answer;
    }

    executor& home_;
    std::unique_ptr<uring_ring> ring_;
    std::unique_ptr<worker_pool> helper_;
    unsigned running_ = 0;
    unsigned open_files_ = 0;
};

class uring_file final : public disk_file {
  public:
    uring_file(uring_engine& owner, std::string path, posix_files::opened_file opened,
               bool read_only)
        : owner_(owner),
          path_(std::move(path)),
          opened_(std::move(opened)),
          read_only_(read_only),
          size_(opened_.size),
          index_(owner.ring_->register_file(opened_.fd.get())) {
        ++owner_.open_files_;
    }
    ~uring_file() override {
        TC_ASSERT_WHY(running_ == 0, "a file is closed while operations on it are in flight");
        TC_ASSERT_WHY(executor::current_or_null() == &owner_.home_,
                      "a file is closed outside of its reactor; close it in reactor::run");
        if (index_ >= 0) owner_.ring_->unregister_file(index_);
        --owner_.open_files_;
    }

    task<result<void>> read(std::uint64_t offset, bytes_span into) override;
    task<result<void>> write(std::uint64_t offset, bytes_view from) override;
    task<result<void>> flush() override;
    task<result<void>> allocate(std::uint64_t offset, std::uint64_t length) override;
    task<result<void>> discard(std::uint64_t offset, std::uint64_t length) override;
    std::uint64_t size() const override { return size_; }
    const std::string& path() const override { return path_; }

  private:
    uring_request request(uring_request::kind what, std::uint64_t offset,
                          std::uint64_t length) const {
        uring_request made;
        made.what = what;
        made.registered_file = index_ >= 0;
        made.fd = index_ >= 0 ? index_ : opened_.fd.get();
        made.offset = offset;
        made.length = length;
        return made;
    }
    error failed(int number, std::string_view what, std::uint64_t offset,
                 std::uint64_t length) const {
        return posix_files::posix_error(number, describe_transfer(what, path_, offset, length));
    }
    /// One operation, repeated while it is merely interrupted. The kernel's answer.
    task<int> answer_of(uring_request next);
    task<result<void>> transfer(uring_request::kind what, std::uint64_t offset, std::byte* memory,
                                std::uint64_t length);
    task<result<void>> fill_with_zeros(std::uint64_t from, std::uint64_t to);

    uring_engine& owner_;
    std::string path_;
    posix_files::opened_file opened_;
    bool read_only_;
    std::uint64_t size_;
    int index_;
    unsigned running_ = 0;
};

task<result<std::unique_ptr<disk_file>>> uring_engine::open(std::string path, open_mode mode) {
    auto job = [path, mode] { return posix_files::open(path, mode); };
    auto opened = co_await in_helper(std::move(job));
    if (!opened.ok()) co_return std::move(opened).error();
    std::unique_ptr<disk_file> file = std::make_unique<uring_file>(
        *this, std::move(path), std::move(opened).value(), mode == open_mode::existing_read);
    co_return std::move(file);
}

task<int> uring_file::answer_of(uring_request next) {
    int answer = -EINTR;
    for (unsigned n = 0; n < limits::io_interrupted_retries_max; ++n) {
        uring_ring::operation op(*owner_.ring_, next);
        answer = co_await op;
        if (answer != -EINTR && answer != -EAGAIN) break;
    }
    co_return answer;
}

/// Repeats until everything is moved: the kernel may split or shorten a transfer.
task<result<void>> uring_file::transfer(uring_request::kind what, std::uint64_t offset,
                                        std::byte* memory, std::uint64_t length) {
    const bool reading = what == uring_request::kind::read;
    const std::string_view doing = reading ? "reading" : "writing";
    const running_mark mine(running_);
    const running_mark engines(owner_.running_);
    std::uint64_t done = 0;
    while (done < length) {
        uring_request next =
            request(what, offset + done, std::min(length - done, submission_bytes_max));
        next.memory = memory + done;
        const int answer = co_await answer_of(next);
        if (answer < 0) co_return failed(-answer, doing, offset, length);
        // A part of a page is where the file ends (or the disk is full): direct I/O cannot go on
        // from there.
        const std::uint64_t whole = round_down(static_cast<std::uint64_t>(answer), page_size);
        if (whole == 0) {
            co_return error(reading ? errc::io_short : errc::io_failed,
                            describe_transfer(doing, path_, offset, length) + ": only " +
                                std::to_string(done) + " bytes could be moved");
        }
        done += whole;
    }
    co_return ok();
}

task<result<void>> uring_file::read(std::uint64_t offset, bytes_span into) {
    TC_CO_TRY(check_transfer("reading", path_, offset, into.size(), into.data()));
    co_return co_await transfer(uring_request::kind::read, offset, into.data(), into.size());
}

task<result<void>> uring_file::write(std::uint64_t offset, bytes_view from) {
    TC_CO_TRY(check_transfer("writing", path_, offset, from.size(), from.data()));
    TC_CO_TRY(check_writable("writing", path_, read_only_));
    // The ring has one type for both directions; a write only reads the memory.
    auto* memory = const_cast<std::byte*>(from.data());
    TC_CO_TRY(co_await transfer(uring_request::kind::write, offset, memory, from.size()));
    size_ = std::max(size_, offset + from.size());
    co_return ok();
}

task<result<void>> uring_file::flush() {
    TC_CO_TRY(check_writable("flushing", path_, read_only_));
    const running_mark mine(running_);
    const running_mark engines(owner_.running_);
    uring_ring::operation op(*owner_.ring_, request(uring_request::kind::sync_data, 0, 0));
    const int answer = co_await op;
    // Never repeated, whatever the reason: after a failed fsync the kernel may have dropped what it
    // could not write.
    if (answer < 0) {
        co_return error(errc::io_failed,
                        posix_files::posix_error(-answer, "flushing " + path_).message);
    }
    co_return ok();
}

task<result<void>> uring_file::fill_with_zeros(std::uint64_t from, std::uint64_t to) {
    buffer_pool pool(0);
    const buffer zeros = pool.allocate_zeroed(zero_fill_bytes);
    for (std::uint64_t at = from; at < to; at += zero_fill_bytes) {
        const auto length =
            static_cast<std::size_t>(std::min<std::uint64_t>(zero_fill_bytes, to - at));
        TC_CO_TRY(co_await write(at, zeros.view().first(length)));
    }
    co_return ok();
}

task<result<void>> uring_file::allocate(std::uint64_t offset, std::uint64_t length) {
    TC_CO_TRY(check_range("allocating", path_, offset, length));
    TC_CO_TRY(check_writable("allocating", path_, read_only_));
    if (length == 0) co_return ok();
    const running_mark mine(running_);
    const running_mark engines(owner_.running_);
    const std::uint64_t end = offset + length;
    if (opened_.block_device) {
        if (end <= size_) co_return ok();
        co_return failed(ENOSPC, "allocating", offset, length);
    }
    const uring_request claim = request(uring_request::kind::fallocate, offset, length);
    const int answer = co_await answer_of(claim);
    if (answer == -EOPNOTSUPP) {
        // What the file has already was written by us, zeros included: only its growth needs space.
        const std::uint64_t from = round_up(size_, page_size);
        if (end > from) TC_CO_TRY(co_await fill_with_zeros(from, end));
        co_return ok();
    }
    if (answer < 0) co_return failed(-answer, "allocating", offset, length);
    size_ = std::max(size_, end);
    co_return ok();
}

task<result<void>> uring_file::discard(std::uint64_t offset, std::uint64_t length) {
    TC_CO_TRY(check_range("discarding", path_, offset, length));
    TC_CO_TRY(check_writable("discarding", path_, read_only_));
    if (length == 0) co_return ok();
    const running_mark mine(running_);
    const running_mark engines(owner_.running_);
    uring_request punch = request(uring_request::kind::fallocate, offset, length);
    punch.mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const int answer = co_await answer_of(punch);
    // A hint: what cannot punch holes keeps its space.
    if (answer < 0 && answer != -EOPNOTSUPP)
        co_return failed(-answer, "discarding", offset, length);
    co_return ok();
}

}  // namespace

result<std::unique_ptr<io_engine>> make_uring_engine(executor& home, const reactor_options& options,
                                                     int wake_descriptor, std::string& reason) {
    TC_TRY_ASSIGN(ring, uring_ring::make(options.queue_depth, wake_descriptor));
    reason = "io_uring: probed";
    if (!options.registered_memory.empty()) {
        const std::string size =
            std::to_string(options.registered_memory.size() / limits::mib) + " MiB";
        auto registered = ring->register_memory(options.registered_memory);
        if (registered) {
            reason += ", " + size + " of buffers registered";
        } else {
            // Slower by the pinning of each transfer's pages, otherwise the same.
            reason += ", " + size + " of buffers not registered (" + registered.error().message +
                      "; raise the limit of locked memory, ulimit -l)";
        }
    }
    return std::unique_ptr<io_engine>(
        std::make_unique<uring_engine>(home, std::move(ring), options.name));
}

}  // namespace taicang
