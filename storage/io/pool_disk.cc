// The disk on a thread pool, for kernels and containers that refuse io_uring: the same system calls
// made by blocking threads, whose completions are posted to the reactor. The reactor sleeps in
// poll() on its wake descriptor.
#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <unistd.h>

#include "storage/base/async.h"
#include "storage/base/buffer.h"
#include "storage/base/limits.h"
#include "storage/io/io_checks.h"
#include "storage/io/io_engine.h"
#include "storage/io/posix_files.h"

namespace taicang {

namespace {

class pool_file;

class pool_engine final : public io_engine, public disk {
  public:
    pool_engine(executor& home, const reactor_options& options, int wake_descriptor)
        : home_(home),
          pool_(make_worker_pool(options.name + "-io", std::max(options.pool_threads, 1U))),
          wake_descriptor_(wake_descriptor) {}
    ~pool_engine() override {
        TC_ASSERT_WHY(open_files_ == 0, "files must be closed before their reactor stops");
    }

    disk& files() override { return *this; }
    void turn() override {}
    void wait(nanoseconds timeout) override;
    bool busy() const override { return running_ != 0; }

    task<result<std::unique_ptr<disk_file>>> open(std::string path, open_mode mode) override;
    task<result<std::vector<std::string>>> list(std::string directory) override {
        auto job = [d = std::move(directory)] { return posix_files::list(d); };
        return in_pool(std::move(job));
    }
    task<result<void>> make_directory(std::string directory) override {
        auto job = [d = std::move(directory)] { return posix_files::make_directory(d); };
        return in_pool(std::move(job));
    }
    task<result<void>> remove(std::string path) override {
        auto job = [p = std::move(path)] { return posix_files::remove(p); };
        return in_pool(std::move(job));
    }
    task<result<void>> sync_directory(std::string directory) override {
        auto job = [d = std::move(directory)] { return posix_files::sync_directory(d); };
        return in_pool(std::move(job));
    }
    task<result<disk_space>> space(std::string directory) override {
        auto job = [d = std::move(directory)] { return posix_files::space(d); };
        return in_pool(std::move(job));
    }
    std::string_view backend() const override { return "threads"; }

  private:
    friend class pool_file;
    template <class F>
    task<std::invoke_result_t<F&>> in_pool(F job) {
        const running_mark mark(running_);
        auto answer = co_await offload(*pool_, std::move(job));
        co_return answer;
    }

    executor& home_;
    std::unique_ptr<worker_pool> pool_;
    int wake_descriptor_;
    unsigned running_ = 0;
    unsigned open_files_ = 0;
};

void pool_engine::wait(nanoseconds timeout) {
    pollfd waiting{wake_descriptor_, POLLIN, 0};
    timespec limit{};
    limit.tv_sec = timeout / one_second;
    limit.tv_nsec = timeout % one_second;
    const int ready = ppoll(&waiting, 1, timeout < 0 ? nullptr : &limit, nullptr);
    if (ready <= 0) return;
    // Readable, so this does not block; it takes all wake-ups since the last one.
    std::uint64_t wakes = 0;
    const ssize_t got = ::read(wake_descriptor_, &wakes, sizeof(wakes));
    TC_ASSERT(got == sizeof(wakes) || errno == EINTR);
}

/// Moves everything with repeated pread or pwrite. Returns 0 or an errno; `done` says how far it
/// came.
template <class Call>
int move_all(Call call, std::uint64_t length, std::uint64_t& done) {
    unsigned interrupted = 0;
    while (done < length) {
        const ssize_t got = call(done);
        if (got < 0) {
            const bool passing = errno == EINTR || errno == EAGAIN;
            if (passing && ++interrupted < limits::io_interrupted_retries_max) continue;
            return errno;
        }
        const std::uint64_t whole = round_down(static_cast<std::uint64_t>(got), page_size);
        if (whole == 0) return 0;
        done += whole;
    }
    return 0;
}

/// fallocate, repeated while interrupted. Returns 0 or an errno.
int fallocate_all(int fd, int mode, std::uint64_t offset, std::uint64_t length) {
    for (unsigned n = 0; n < limits::io_interrupted_retries_max; ++n) {
        if (fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(length)) == 0)
            return 0;
        if (errno != EINTR && errno != EAGAIN) return errno;
    }
    return EINTR;
}

/// Grows a file by zeros where the filesystem has no fallocate. Returns 0 or an errno.
int fill_with_zeros(int fd, std::uint64_t from, std::uint64_t to) {
    buffer_pool pool(0);
    const buffer zeros = pool.allocate_zeroed(limits::mib);
    std::uint64_t done = 0;
    const std::uint64_t length = to > from ? to - from : 0;
    const auto call = [&](std::uint64_t at) {
        return pwrite(fd, zeros.data(), std::min<std::uint64_t>(zeros.size(), length - at),
                      static_cast<off_t>(from + at));
    };
    const int failure = move_all(call, length, done);
    return failure == 0 && done < length ? EIO : failure;
}

class pool_file final : public disk_file {
  public:
    pool_file(pool_engine& owner, std::string path, posix_files::opened_file opened, bool read_only)
        : owner_(owner),
          path_(std::move(path)),
          opened_(std::move(opened)),
          read_only_(read_only),
          size_(opened_.size) {
        ++owner_.open_files_;
    }
    ~pool_file() override {
        TC_ASSERT_WHY(running_ == 0, "a file is closed while operations on it are in flight");
        TC_ASSERT_WHY(executor::current_or_null() == &owner_.home_,
                      "a file is closed outside of its reactor; close it in reactor::run");
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
    template <class F>
    task<std::invoke_result_t<F&>> run(F job) {
        const running_mark mark(running_);
        auto answer = co_await owner_.in_pool(std::move(job));
        co_return answer;
    }

    pool_engine& owner_;
    std::string path_;
    posix_files::opened_file opened_;
    bool read_only_;
    std::uint64_t size_;
    unsigned running_ = 0;
};

task<result<std::unique_ptr<disk_file>>> pool_engine::open(std::string path, open_mode mode) {
    auto job = [path, mode] { return posix_files::open(path, mode); };
    auto opened = co_await in_pool(std::move(job));
    if (!opened.ok()) co_return std::move(opened).error();
    std::unique_ptr<disk_file> file = std::make_unique<pool_file>(
        *this, std::move(path), std::move(opened).value(), mode == open_mode::existing_read);
    co_return std::move(file);
}

struct transfer_answer {
    int failure = 0;
    std::uint64_t done = 0;
};

/// The result of a transfer as every backend words it.
result<void> judge(const transfer_answer& answer, errc when_short, std::string_view what,
                   const std::string& path, std::uint64_t offset, std::uint64_t length) {
    if (answer.failure != 0) {
        return posix_files::posix_error(answer.failure,
                                        describe_transfer(what, path, offset, length));
    }
    if (answer.done == length) return ok();
    return error(when_short, describe_transfer(what, path, offset, length) + ": only " +
                                 std::to_string(answer.done) + " bytes could be moved");
}

task<result<void>> pool_file::read(std::uint64_t offset, bytes_span into) {
    TC_CO_TRY(check_transfer("reading", path_, offset, into.size(), into.data()));
    auto job = [fd = opened_.fd.get(), offset, into] {
        transfer_answer answer;
        const auto call = [&](std::uint64_t at) {
            return pread(fd, into.data() + at, into.size() - at, static_cast<off_t>(offset + at));
        };
        answer.failure = move_all(call, into.size(), answer.done);
        return answer;
    };
    const transfer_answer answer = co_await run(std::move(job));
    co_return judge(answer, errc::io_short, "reading", path_, offset, into.size());
}

task<result<void>> pool_file::write(std::uint64_t offset, bytes_view from) {
    TC_CO_TRY(check_transfer("writing", path_, offset, from.size(), from.data()));
    TC_CO_TRY(check_writable("writing", path_, read_only_));
    auto job = [fd = opened_.fd.get(), offset, from] {
        transfer_answer answer;
        const auto call = [&](std::uint64_t at) {
            return pwrite(fd, from.data() + at, from.size() - at, static_cast<off_t>(offset + at));
        };
        answer.failure = move_all(call, from.size(), answer.done);
        return answer;
    };
    const transfer_answer answer = co_await run(std::move(job));
    TC_CO_TRY(judge(answer, errc::io_failed, "writing", path_, offset, from.size()));
    size_ = std::max(size_, offset + from.size());
    co_return ok();
}

task<result<void>> pool_file::flush() {
    TC_CO_TRY(check_writable("flushing", path_, read_only_));
    auto job = [fd = opened_.fd.get()] { return fdatasync(fd) == 0 ? 0 : errno; };
    const int failure = co_await run(std::move(job));
    // Never repeated, whatever the reason: after a failed fsync the kernel may have dropped what it
    // could not write.
    if (failure != 0) {
        co_return error(errc::io_failed,
                        posix_files::posix_error(failure, "flushing " + path_).message);
    }
    co_return ok();
}

task<result<void>> pool_file::allocate(std::uint64_t offset, std::uint64_t length) {
    TC_CO_TRY(check_range("allocating", path_, offset, length));
    TC_CO_TRY(check_writable("allocating", path_, read_only_));
    if (length == 0) co_return ok();
    const std::uint64_t end = offset + length;
    int failure = 0;
    if (opened_.block_device) {
        failure = end <= size_ ? 0 : ENOSPC;
    } else {
        auto job = [fd = opened_.fd.get(), offset, length, end, present = size_] {
            const int answer = fallocate_all(fd, 0, offset, length);
            // What the file has already was written by us, zeros included: only its growth needs
            // space.
            if (answer == EOPNOTSUPP) return fill_with_zeros(fd, round_up(present, page_size), end);
            return answer;
        };
        failure = co_await run(std::move(job));
    }
    if (failure != 0) {
        co_return posix_files::posix_error(failure,
                                           describe_transfer("allocating", path_, offset, length));
    }
    size_ = std::max(size_, end);
    co_return ok();
}

task<result<void>> pool_file::discard(std::uint64_t offset, std::uint64_t length) {
    TC_CO_TRY(check_range("discarding", path_, offset, length));
    TC_CO_TRY(check_writable("discarding", path_, read_only_));
    if (length == 0) co_return ok();
    auto job = [fd = opened_.fd.get(), offset, length] {
        return fallocate_all(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
    };
    const int failure = co_await run(std::move(job));
    // A hint: what cannot punch holes keeps its space.
    if (failure != 0 && failure != EOPNOTSUPP) {
        co_return posix_files::posix_error(failure,
                                           describe_transfer("discarding", path_, offset, length));
    }
    co_return ok();
}

}  // namespace

std::unique_ptr<io_engine> make_pool_engine(executor& home, const reactor_options& options,
                                            int wake_descriptor) {
    return std::make_unique<pool_engine>(home, options, wake_descriptor);
}

}  // namespace taicang
