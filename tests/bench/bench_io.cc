// Figures of the disk seam and of crossing executors, each beside its limit: the same reads by a
// bare ring. Usage: bench_io [directory] [seconds a figure]. Uses a file of 1 GiB there and removes
// it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <liburing.h>
#include <sys/resource.h>
#include <unistd.h>

#include "storage/base/async.h"
#include "storage/base/buffer.h"
#include "storage/base/random.h"
#include "storage/base/when_all.h"
#include "storage/io/posix_files.h"
#include "storage/io/reactor.h"

namespace taicang {
namespace {

constexpr std::uint64_t file_bytes = std::uint64_t{1} << 30;
constexpr unsigned readers = 32;

struct figure {
    std::uint64_t count = 0;
    nanoseconds span = 1;
    double cpu_us = 0;  ///< of this whole process
    std::vector<nanoseconds> latencies;
};

double process_cpu_us() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
    };
    return us(used.ru_utime) + us(used.ru_stime);
}

void print(const char* what, figure& f, double scale = 1) {
    std::sort(f.latencies.begin(), f.latencies.end());
    const auto at = [&f](double part) {
        if (f.latencies.empty()) return 0.0;
        const auto index =
            static_cast<std::size_t>(part * static_cast<double>(f.latencies.size() - 1));
        return static_cast<double>(f.latencies[index]) / 1e3;
    };
    const double per_second =
        scale * static_cast<double>(f.count) * 1e9 / static_cast<double>(f.span);
    std::printf("%-58s %9.0f /s  cpu %6.2f us each  p50 %7.1f us  p99 %7.1f us\n", what, per_second,
                f.cpu_us / (scale * static_cast<double>(f.count)), at(0.5), at(0.99));
}

// --- the limit: a bare ring ---

/// One thread, `readers` reads in flight, submitted in batches as completions come.
figure bare_reads(const std::string& path, bool registered_buffers, nanoseconds span) {
    figure f;
    auto opened = posix_files::open(path, open_mode::existing_read);
    if (!opened.ok()) return f;
    io_uring ring{};
    const unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    if (io_uring_queue_init(256, &ring, flags) < 0) {
        std::puts("a bare ring: this kernel refuses it");
        return f;
    }
    int fd = opened->fd.get();
    buffer_pool pool(0);
    buffer arena = pool.allocate(readers * page_size);
    const iovec region{arena.data(), arena.size()};
    bool fine = io_uring_register_files(&ring, &fd, 1) == 0;
    if (registered_buffers) fine = fine && io_uring_register_buffers(&ring, &region, 1) == 0;
    if (!fine) {
        std::puts("a bare ring: registering was refused");
        io_uring_queue_exit(&ring);
        return f;
    }
    const auto random = seeded_random(1);
    const auto clock = [] {
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        return std::int64_t{now.tv_sec} * one_second + now.tv_nsec;
    };
    std::vector<nanoseconds> began(readers);
    const auto issue = [&](std::uint64_t slot) {
        io_uring_sqe* entry = io_uring_get_sqe(&ring);
        std::byte* memory = arena.data() + slot * page_size;
        const std::uint64_t offset = random->below(file_bytes / page_size) * page_size;
        if (registered_buffers) {
            io_uring_prep_read_fixed(entry, 0, memory, page_size, offset, 0);
        } else {
            io_uring_prep_read(entry, 0, memory, page_size, offset);
        }
        entry->flags = static_cast<std::uint8_t>(entry->flags | IOSQE_FIXED_FILE);
        entry->user_data = slot;
        began[slot] = clock();
    };
    const double cpu = process_cpu_us();
    const nanoseconds start = clock();
    for (unsigned i = 0; i < readers; ++i)
        issue(i);
    unsigned running = readers;
    while (running != 0) {
        io_uring_submit_and_wait(&ring, 1);
        unsigned head = 0;
        unsigned count = 0;
        io_uring_cqe* done = nullptr;
        const nanoseconds now = clock();
        io_uring_for_each_cqe(&ring, head, done) {
            ++count;
            f.latencies.push_back(now - began[done->user_data]);
            if (now - start < span) {
                issue(done->user_data);
            } else {
                --running;
            }
        }
        io_uring_cq_advance(&ring, count);
        f.count += count;
    }
    f.span = clock() - start;
    f.cpu_us = process_cpu_us() - cpu;
    io_uring_queue_exit(&ring);
    return f;
}

// --- the seam ---

task<bool> prepare(disk& files, buffer_pool& pool, std::string path) {
    auto opened = co_await files.open(path, open_mode::create_exclusive);
    if (!opened.ok()) {
        std::fprintf(stderr, "%s\n", opened.error().message.c_str());
        co_return false;
    }
    std::unique_ptr<disk_file> file = std::move(opened).value();
    const auto random = seeded_random(2);
    buffer bytes = pool.allocate(4 << 20);
    for (std::uint64_t at = 0; at < file_bytes; at += bytes.size()) {
        random->fill(bytes.span().first(page_size));
        auto written = co_await file->write(at, bytes.view());
        if (!written.ok()) co_return false;
    }
    auto flushed = co_await file->flush();
    co_return flushed.ok();
}

task<bool> reader(executor& home, disk_file& file, buffer_pool& pool, std::uint64_t seed,
                  nanoseconds until, figure* f) {
    const auto random = seeded_random(seed);
    buffer page = pool.allocate(page_size);
    for (;;) {
        const nanoseconds before = home.monotonic_now();
        if (before >= until) co_return true;
        const std::uint64_t offset = random->below(file_bytes / page_size) * page_size;
        auto read = co_await file.read(offset, page.span());
        if (!read.ok()) co_return false;
        ++f->count;
        f->latencies.push_back(home.monotonic_now() - before);
    }
}

task<figure> random_reads(executor& home, disk& files, buffer_pool& pool, std::string path,
                          nanoseconds span) {
    figure f;
    auto opened = co_await files.open(path, open_mode::existing_read);
    if (!opened.ok()) co_return f;
    std::unique_ptr<disk_file> file = std::move(opened).value();
    const double cpu = process_cpu_us();
    const nanoseconds start = home.monotonic_now();
    std::vector<task<bool>> all;
    for (unsigned i = 0; i < readers; ++i) {
        all.push_back(reader(home, *file, pool, i, start + span, &f));
    }
    co_await when_all(std::move(all));
    f.span = home.monotonic_now() - start;
    f.cpu_us = process_cpu_us() - cpu;
    co_return f;
}

/// 64 records of 4 KiB as one write and one flush, over and over, into space that was written
/// before.
task<figure> group_commits(executor& home, disk& files, buffer_pool& pool, std::string path,
                           nanoseconds span) {
    figure f;
    auto opened = co_await files.open(path, open_mode::existing);
    if (!opened.ok()) co_return f;
    std::unique_ptr<disk_file> file = std::move(opened).value();
    const buffer batch = pool.allocate_zeroed(64 * page_size);
    const double cpu = process_cpu_us();
    const nanoseconds start = home.monotonic_now();
    std::uint64_t at = 0;
    for (nanoseconds now = start; now - start < span;) {
        auto written = co_await file->write(at, batch.view());
        auto flushed = co_await file->flush();
        if (!written.ok() || !flushed.ok()) co_return f;
        const nanoseconds after = home.monotonic_now();
        f.latencies.push_back(after - now);
        now = after;
        ++f.count;
        at = (at + batch.size()) % file_bytes;
    }
    f.span = home.monotonic_now() - start;
    f.cpu_us = process_cpu_us() - cpu;
    co_return f;
}

task<int> nothing() {
    co_return 1;
}

task<bool> crosser(executor& home, executor& there, nanoseconds until, figure* f) {
    for (;;) {
        const nanoseconds before = home.monotonic_now();
        if (before >= until) co_return true;
        task<int> body = nothing();
        const int one = co_await run_on(there, std::move(body));
        f->count += static_cast<std::uint64_t>(one);
        f->latencies.push_back(home.monotonic_now() - before);
    }
}

task<figure> round_trips(executor& home, executor& there, unsigned at_once, nanoseconds span) {
    figure f;
    const double cpu = process_cpu_us();
    const nanoseconds start = home.monotonic_now();
    std::vector<task<bool>> all;
    for (unsigned i = 0; i < at_once; ++i)
        all.push_back(crosser(home, there, start + span, &f));
    co_await when_all(std::move(all));
    f.span = home.monotonic_now() - start;
    f.cpu_us = process_cpu_us() - cpu;
    co_return f;
}

std::unique_ptr<reactor> start(const char* name, disk_backend backend, bytes_span registered = {}) {
    reactor_options options;
    options.registered_memory = registered;
    options.name = name;
    options.backend = backend;
    auto started = reactor::start(options);
    if (started.ok()) return std::move(started).value();
    std::printf("%s\n", started.error().message.c_str());
    return nullptr;
}

int run(const std::string& directory, nanoseconds span) {
    const std::string path = directory + "/bench-io.data";
    // No more than an ordinary user may lock.
    buffer_pool pool(64 << 20, 4 << 20);
    const auto first = start("bench", disk_backend::automatic);
    const auto second = start("other", disk_backend::automatic);
    std::printf("backend: %s\n", std::string(first->backend_reason()).c_str());
    if (!first->run(prepare(first->files(), pool, path))) return 1;
    figure f = bare_reads(path, false, span);
    print("limit: bare ring, 4 KiB random reads, 32 at once", f);
    f = bare_reads(path, true, span);
    print("limit: the same with registered buffers", f);
    for (const disk_backend backend : {disk_backend::io_uring, disk_backend::threads}) {
        const auto home = start("bench", backend, pool.arena());
        if (home == nullptr) continue;
        std::printf("backend: %s\n", std::string(home->backend_reason()).c_str());
        const std::string name(home->files().backend());
        f = home->run(random_reads(*home, home->files(), pool, path, span));
        print((name + ": 4 KiB random reads, 32 at once").c_str(), f);
        f = home->run(group_commits(*home, home->files(), pool, path, span));
        print((name + ": commits of 64 x 4 KiB, write then flush").c_str(), f);
        print((name + ": the same, as records").c_str(), f, 64);
    }
    f = first->run(round_trips(*first, *second, 1, span));
    print("round trip to another reactor, 1 at once", f);
    f = first->run(round_trips(*first, *second, 64, span));
    print("round trip to another reactor, 64 at once", f);
    unlink(path.c_str());
    return 0;
}

}  // namespace
}  // namespace taicang

int main(int count, char** arguments) {
    const std::string directory = count > 1 ? arguments[1] : ".";
    const double seconds = count > 2 ? std::atof(arguments[2]) : 3;
    return taicang::run(directory, static_cast<taicang::nanoseconds>(seconds * 1e9));
}
