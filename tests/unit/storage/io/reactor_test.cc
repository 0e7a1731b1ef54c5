// Real reactors: crossing between threads, timers, stopping, the choice of the backend, locks
// against other processes.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/async.h"
#include "storage/base/log.h"
#include "storage/base/memory_budget.h"
#include "storage/base/when_all.h"
#include "tests/unit/storage/io/real_world.h"

namespace taicang {
namespace {

using test::equal;
using test::patterned;
using test::real_world;

std::unique_ptr<reactor> start(const char* name, disk_backend backend = disk_backend::automatic) {
    reactor_options options;
    options.name = name;
    options.backend = backend;
    auto started = reactor::start(options);
    EXPECT_TRUE(started.ok());
    return std::move(started).value();
}

task<std::uint64_t> add_on(executor& home, std::uint64_t* counter, std::uint64_t by) {
    EXPECT_EQ(&executor::current(), &home);
    co_await yield_now();
    // Unsynchronised on purpose: only `home` touches it (tsan would tell).
    *counter += by;
    EXPECT_EQ(&executor::current(), &home);
    co_return *counter;
}

task<bool> cross_many(executor& from, executor& to, std::uint64_t* counter, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        task<std::uint64_t> there = add_on(to, counter, 1);
        const std::uint64_t value = co_await run_on(to, std::move(there));
        EXPECT_GT(value, 0U);
        EXPECT_EQ(&executor::current(), &from);
    }
    co_return true;
}

TEST(reactor, run_on_crosses_and_comes_back_from_many_threads_at_once) {
    const auto target = start("target");
    std::uint64_t counter = 0;
    std::vector<std::unique_ptr<reactor>> sources;
    for (int i = 0; i < 4; ++i)
        sources.push_back(start("source"));
    std::vector<std::thread> callers;
    for (const auto& source : sources) {
        callers.emplace_back([&target, &counter, from = source.get()] {
            EXPECT_TRUE(from->run(cross_many(*from, *target, &counter, 2000)));
        });
    }
    for (std::thread& caller : callers)
        caller.join();
    const std::uint64_t total = target->run(add_on(*target, &counter, 0));
    EXPECT_EQ(total, 8000U);
}

task<bool> both_ways(reactor& a, reactor& b, std::uint64_t* on_a) {
    for (int i = 0; i < 500; ++i) {
        task<bool> back = cross_many(b, a, on_a, 2);
        const bool fine = co_await run_on(b, std::move(back));
        EXPECT_TRUE(fine);
    }
    co_return true;
}

TEST(reactor, nested_crossings_return_to_where_they_came_from) {
    const auto a = start("a");
    const auto b = start("b");
    std::uint64_t on_a = 0;
    EXPECT_TRUE(a->run(both_ways(*a, *b, &on_a)));
    EXPECT_EQ(a->run(add_on(*a, &on_a, 0)), 1000U);
}

/// Says on which thread it died.
struct death_witness {
    std::atomic<const executor*>* where = nullptr;
    death_witness() = default;
    explicit death_witness(std::atomic<const executor*>* w) : where(w) {}
    death_witness(death_witness&& other) noexcept : where(std::exchange(other.where, nullptr)) {}
    death_witness& operator=(death_witness&&) = delete;
    ~death_witness() {
        if (where != nullptr) where->store(executor::current_or_null());
    }
};

task<bool> hold(death_witness witness) {
    co_await yield_now();
    co_return witness.where != nullptr;
}

task<bool> see_parameters_die_first(executor& to, std::atomic<const executor*>* where) {
    death_witness witness(where);
    task<bool> there = hold(std::move(witness));
    const bool held = co_await run_on(to, std::move(there));
    // Not "soon": what the body owned is gone when the caller goes on.
    co_return held && where->load() == &to;
}

TEST(reactor, what_a_crossing_body_owns_is_gone_when_the_caller_goes_on) {
    const auto a = start("a");
    const auto b = start("b");
    for (int i = 0; i < 200; ++i) {
        std::atomic<const executor*> where{nullptr};
        EXPECT_TRUE(a->run(see_parameters_die_first(*b, &where)));
    }
}

task<bool> sleep_a_little(executor& home) {
    const nanoseconds before = home.monotonic_now();
    co_await sleep_for(5 * one_millisecond);
    co_return home.monotonic_now() - before >= 5 * one_millisecond;
}

task<bool> timed_waits(executor& home) {
    event never_set;
    const nanoseconds before = home.monotonic_now();
    const bool in_time = co_await never_set.wait_for(3 * one_millisecond);
    const bool waited = home.monotonic_now() - before >= 3 * one_millisecond;
    event set_soon;
    home.post_after(one_millisecond, [&set_soon] { set_soon.set(); });
    const bool set_in_time = co_await set_soon.wait_for(60 * one_second);
    const auto id = home.post_after(0, [] { ADD_FAILURE() << "a cancelled timer fired"; });
    const bool cancelled = home.cancel_timer(id);
    co_await sleep_for(one_millisecond);
    co_return !in_time && waited && set_in_time && cancelled;
}

TEST(reactor, timers_on_both_backends) {
    for (const disk_backend backend : {disk_backend::automatic, disk_backend::threads}) {
        const auto home = start("timers", backend);
        EXPECT_TRUE(home->run(sleep_a_little(*home)));
        EXPECT_TRUE(home->run(timed_waits(*home)));
    }
}

TEST(reactor, work_posted_from_one_thread_keeps_its_order) {
    for (const disk_backend backend : {disk_backend::automatic, disk_backend::threads}) {
        const auto home = start("order", backend);
        std::vector<int> seen;
        for (int i = 0; i < 10'000; ++i)
            home->post([i, &seen] { seen.push_back(i); });
        home->stop();  // runs what is queued
        ASSERT_EQ(seen.size(), 10'000U);
        for (int i = 0; i < 10'000; ++i)
            ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
        home->stop();  // again: nothing happens
    }
}

TEST(reactor, work_of_other_threads_does_not_wait_behind_all_that_is_queued_here) {
    for (const disk_backend backend : {disk_backend::automatic, disk_backend::threads}) {
        const auto home = start("turns", backend);
        int own_ran = 0;
        int own_ran_before = -1;
        home->post([&] {
            for (int i = 0; i < 10'000; ++i)
                executor::current().post([&own_ran] { ++own_ran; });
            std::thread([&] { home->post([&] { own_ran_before = own_ran; }); }).join();
        });
        home->stop();  // runs what is queued
        EXPECT_EQ(own_ran, 10'000);
        EXPECT_GE(own_ran_before, 0);
        EXPECT_LE(own_ran_before, 1000);
    }
}

TEST(reactor, posts_from_many_threads_all_run_and_wake_a_sleeping_reactor) {
    for (const disk_backend backend : {disk_backend::automatic, disk_backend::threads}) {
        const auto home = start("wake", backend);
        std::atomic<int> ran{0};
        std::vector<std::thread> posters;
        for (int t = 0; t < 4; ++t) {
            posters.emplace_back([&] {
                std::atomic<int> mine{0};
                for (int i = 1; i <= 5000; ++i) {
                    home->post([&ran, &mine] {
                        ran.fetch_add(1);
                        mine.fetch_add(1);
                    });
                    // Let it run dry now and then, so that it falls asleep and must be woken.
                    if (i % 250 == 0) {
                        while (mine.load() != i)
                            std::this_thread::yield();
                    }
                }
            });
        }
        for (std::thread& poster : posters)
            poster.join();
        home->stop();
        EXPECT_EQ(ran.load(), 20'000);
    }
}

TEST(reactor, a_backend_that_is_asked_for_is_used_and_its_reason_told) {
    const auto threads = start("threads", disk_backend::threads);
    EXPECT_EQ(threads->backend_reason(), "threads: asked for");
    EXPECT_EQ(threads->files().backend(), "threads");
    const auto automatic = start("automatic");
    const std::string reason(automatic->backend_reason());
    const std::string backend(automatic->files().backend());
    EXPECT_EQ(reason.substr(0, backend.size()), backend) << reason;
}

task<bool> plain_use(disk& files, buffer_pool& pool, std::string path) {
    auto opened = co_await files.open(path, open_mode::create_exclusive);
    if (!opened.ok()) co_return false;
    std::unique_ptr<disk_file> file = std::move(opened).value();
    const buffer page = patterned(pool, 65536, 4);
    auto written = co_await file->write(0, page.view());
    auto flushed = co_await file->flush();
    buffer got = pool.allocate(65536);
    auto read = co_await file->read(0, got.span());
    co_return written.ok() && flushed.ok() && read.ok() && equal(page.view(), got.view());
}

/// From now on io_uring_setup answers `number` in this process, as a container's filter makes it.
bool forbid_io_uring(std::uint32_t number) {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{4, rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// In a process of its own: 0 when a reactor works on threads, says why, and refuses to be forced
/// onto a ring.
int fall_back(std::uint32_t number, const char* reason) {
    if (!forbid_io_uring(number)) return 2;
    const auto home = start("fallback");
    if (home->files().backend() != "threads") return 3;
    if (home->backend_reason() != std::string("threads: io_uring_setup: ") + reason) return 4;
    reactor_options forced;
    forced.backend = disk_backend::io_uring;
    const auto refused = reactor::start(forced);
    if (!refused.is(errc::unsupported)) return 5;
    real_world world(disk_backend::automatic);
    task<bool> body = plain_use(world.files(), world.pool(), world.root() + "/f");
    return world.run(std::move(body)) ? 0 : 6;
}

TEST(reactor_death, where_io_uring_is_forbidden_threads_do_the_work_and_the_reason_is_kept) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(_exit(fall_back(EPERM, "Operation not permitted")), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(_exit(fall_back(ENOSYS, "Function not implemented")), testing::ExitedWithCode(0),
                "");
}

task<bool> open_busy(disk& files, std::string path, std::string* sentence) {
    auto opened = co_await files.open(path, open_mode::existing);
    if (opened.ok()) co_return false;
    *sentence = opened.error().message;
    co_return opened.is(errc::busy);
}

TEST(reactor, a_file_locked_by_another_process_names_that_process) {
    real_world world(disk_backend::automatic);
    ASSERT_TRUE(world.usable());
    const std::string path = world.root() + "/device";
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t other = fork();
    ASSERT_GE(other, 0);
    if (other == 0) {
        const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        const bool locked = flock(fd, LOCK_EX) == 0;
        const char word = locked ? 'y' : 'n';
        if (write(ready[1], &word, 1) != 1) _exit(1);
        pause();
        _exit(0);
    }
    char word = 0;
    ASSERT_EQ(read(ready[0], &word, 1), 1);
    ASSERT_EQ(word, 'y');
    std::string sentence;
    EXPECT_TRUE(world.run(open_busy(world.files(), path, &sentence)));
    EXPECT_NE(sentence.find(path), std::string::npos) << sentence;
    EXPECT_NE(sentence.find("process " + std::to_string(other) + " ("), std::string::npos)
        << sentence;
    kill(other, SIGKILL);
    waitpid(other, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
}

TEST(reactor, a_filesystem_in_memory_works_with_or_without_direct_io) {
    if (access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no /dev/shm here";
    set_log_level(log_level::error);
    for (const disk_backend backend : {disk_backend::automatic, disk_backend::threads}) {
        real_world world(backend, "/dev/shm");
        ASSERT_TRUE(world.usable());
        EXPECT_TRUE(world.run(plain_use(world.files(), world.pool(), world.root() + "/f")));
    }
}

TEST(reactor, a_queue_of_one_still_makes_progress) {
    real_world world(disk_backend::automatic, ".", 1);
    ASSERT_TRUE(world.usable());
    EXPECT_TRUE(world.run(plain_use(world.files(), world.pool(), world.root() + "/f")));
}

/// A read that is in flight while the reactor is told to stop.
task<void> slow_write(disk& files, buffer_pool& pool, std::string path, std::atomic<int>* done) {
    auto opened = co_await files.open(path, open_mode::create_exclusive);
    if (!opened.ok()) co_return;
    std::unique_ptr<disk_file> file = std::move(opened).value();
    const buffer page = patterned(pool, 4 << 20, 4);
    auto written = co_await file->write(0, page.view());
    auto flushed = co_await file->flush();
    if (written.ok() && flushed.ok()) done->fetch_add(1);
}

TEST(reactor, stop_waits_for_what_is_in_flight) {
    for (const disk_backend backend : {disk_backend::automatic, disk_backend::threads}) {
        real_world world(backend);
        ASSERT_TRUE(world.usable());
        gate running;
        std::atomic<int> done{0};
        world.home().post([&] {
            for (int i = 0; i < 4; ++i) {
                spawn(running, slow_write(world.files(), world.pool(),
                                          world.root() + "/" + std::to_string(i), &done));
            }
        });
        world.home().stop();
        EXPECT_EQ(done.load(), 4);
        EXPECT_EQ(running.holders(), 0U);
    }
}

task<bool> use_pool(worker_pool& pool, executor& home) {
    std::vector<task<int>> jobs;
    for (int i = 0; i < 200; ++i) {
        jobs.push_back(offload(pool, [i] { return i * i; }));
    }
    auto squares = co_await when_all(std::move(jobs));
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
    co_return &executor::current() == &home;
}

TEST(worker_pool, offloaded_work_comes_back_to_its_executor) {
    const auto home = start("home");
    const auto pool = make_worker_pool("hash", 3);
    EXPECT_TRUE(home->run(use_pool(*pool, *home)));
}

TEST(worker_pool, queued_jobs_run_before_the_pool_is_gone) {
    std::atomic<int> ran{0};
    {
        const auto pool = make_worker_pool("last", 2);
        for (int i = 0; i < 1000; ++i)
            pool->submit([&ran] { ran.fetch_add(1); });
    }
    EXPECT_EQ(ran.load(), 1000);
}

/// Many reactors reserve and give back; the limit holds whatever they do.
task<bool> reserve_often(memory_budget& budget, std::size_t bytes, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        auto lease = co_await budget.acquire(bytes, 60 * one_second);
        if (!lease.ok()) co_return false;
        EXPECT_LE(budget.figures().reserved_bytes, 1000U);
        co_await yield_now();
    }
    co_return true;
}

TEST(memory_budget_threads, waiters_of_many_reactors_all_get_their_turn) {
    memory_budget budget(1000, 100);
    std::vector<std::unique_ptr<reactor>> homes;
    for (int i = 0; i < 4; ++i)
        homes.push_back(start("budget"));
    std::vector<std::thread> callers;
    std::size_t bytes = 300;
    for (const auto& home : homes) {
        callers.emplace_back([&budget, bytes, at = home.get()] {
            EXPECT_TRUE(at->run(reserve_often(budget, bytes, 500)));
        });
        bytes += 150;
    }
    for (std::thread& caller : callers)
        caller.join();
    EXPECT_EQ(budget.figures().reserved_bytes, 0U);
    EXPECT_EQ(budget.figures().refused, 0U);
}

}  // namespace
}  // namespace taicang
