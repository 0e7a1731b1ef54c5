// The simulation: order, virtual time, determinism, and that every fault the disk claims really
// happens.
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/digest.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"
#include "tests/unit/storage/io/disk_world.h"

namespace taicang {
namespace {

using test::all_zero;
using test::equal;
using test::patterned;

constexpr std::uint64_t file_size = 256 * page_size;

struct rig {
    explicit rig(std::uint64_t seed) : sim(seed) {}
    buffer_pool pool{1 << 20};
    simulation sim;
};

task<bool> sleeper(executor& home, nanoseconds delay, int id, std::vector<int>& order) {
    co_await sleep_for(delay);
    order.push_back(id);
    co_return home.monotonic_now() >= delay;
}

TEST(simulation, timers_fire_in_order_of_time_without_waiting) {
    rig r(1);
    std::vector<int> order;
    std::vector<task<bool>> bodies;
    bodies.push_back(sleeper(r.sim.main(), 3600 * one_second, 3, order));
    bodies.push_back(sleeper(r.sim.main(), one_second, 2, order));
    bodies.push_back(sleeper(r.sim.main(), one_millisecond, 1, order));
    const auto due = r.sim.run(when_all(std::move(bodies)));
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(due, (std::vector<bool>{true, true, true}));
    EXPECT_GE(r.sim.now(), 3600 * one_second);
}

task<bool> post_many(executor& home, std::vector<int>& order) {
    event done;
    for (int i = 0; i < 1000; ++i)
        home.post([i, &order] { order.push_back(i); });
    home.post([&done] { done.set(); });
    co_await done.wait();
    co_return true;
}

TEST(simulation, posted_work_keeps_its_order) {
    rig r(2);
    std::vector<int> order;
    r.sim.run(post_many(r.sim.main(), order));
    ASSERT_EQ(order.size(), 1000U);
    for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

task<bool> poll_clock(executor& home) {
    const nanoseconds until = home.monotonic_now() + one_millisecond;
    while (home.monotonic_now() < until)
        co_await yield_now();
    co_return true;
}

TEST(simulation, a_loop_that_polls_the_clock_ends) {
    rig r(3);
    EXPECT_TRUE(r.sim.run(poll_clock(r.sim.main())));
}

task<bool> use_pool(worker_pool& pool, executor& home) {
    auto outside = co_await offload(pool, [] { return executor::current_or_null() == nullptr; });
    co_return outside&& executor::current_or_null() == &home;
}

TEST(simulation, pool_work_runs_outside_of_any_executor_and_comes_back) {
    rig r(4);
    EXPECT_TRUE(r.sim.run(use_pool(r.sim.pool(), r.sim.main())));
}

task<bool> never(event& nothing) {
    co_await nothing.wait();
    co_return true;
}

TEST(simulation_death, a_deadlock_names_the_seed) {
    EXPECT_DEATH(
        {
            rig r(4711);
            event nothing;
            r.sim.run(never(nothing));
        },
        "deadlock; seed 4711");
}

// --- the disk ---

/// Opens (or makes) /d/f with `file_size` bytes allocated and durable.
task<result<std::unique_ptr<disk_file>>> make_file(disk& files, std::string path) {
    TC_CO_TRY(co_await files.make_directory("/d"));
    TC_CO_TRY_ASSIGN(file, co_await files.open(path, open_mode::create_exclusive));
    TC_CO_TRY(co_await file->allocate(0, file_size));
    TC_CO_TRY(co_await file->flush());
    TC_CO_TRY(co_await files.sync_directory("/d"));
    co_return std::move(file);
}

task<bool> write_page(disk_file& file, buffer_pool& pool, std::uint64_t page, std::uint64_t tag) {
    const buffer b = patterned(pool, page_size, tag);
    auto written = co_await file.write(page * page_size, b.view());
    co_return written.ok();
}

/// 0: zeros, 1: the pattern of `tag`, 2: a mixture of whole sectors of both, 3: anything else.
int state_of(bytes_view page, bytes_view pattern) {
    bool zero = true;
    bool full = true;
    for (std::size_t at = 0; at < page_size; at += 512) {
        const bytes_view sector = page.subspan(at, 512);
        const bool is_zero = all_zero(sector);
        const bool is_new = equal(sector, pattern.subspan(at, 512));
        if (!is_zero && !is_new) return 3;
        zero = zero && is_zero;
        full = full && is_new;
    }
    if (zero) return 0;
    return full ? 1 : 2;
}

task<bool> fill_half_flushed(rig& r, std::unique_ptr<disk_file>& file) {
    auto made = co_await make_file(r.sim.files(), "/d/f");
    if (!made.ok()) co_return false;
    file = std::move(made).value();
    for (std::uint64_t p = 0; p < 128; ++p) {
        const bool written = co_await write_page(*file, r.pool, p, p + 1);
        if (!written) co_return false;
    }
    auto flushed = co_await file->flush();
    if (!flushed.ok()) co_return false;
    for (std::uint64_t p = 128; p < 256; ++p) {
        const bool written = co_await write_page(*file, r.pool, p, p + 1);
        if (!written) co_return false;
    }
    co_return true;
}

TEST(sim_disk, a_power_cut_keeps_what_was_flushed_and_settles_the_rest_by_chance) {
    std::map<int, int> seen;
    bool size_of_all_kept = true;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        rig r(seed);
        std::unique_ptr<disk_file> file;
        ASSERT_TRUE(r.sim.run(fill_half_flushed(r, file)));
        r.sim.crash();
        file.reset();
        const auto bytes = r.sim.files().contents("/d/f");
        size_of_all_kept = size_of_all_kept && bytes.size() == file_size;
        for (std::uint64_t p = 0; p < 256; ++p) {
            const buffer want = patterned(r.pool, page_size, p + 1);
            const int state =
                state_of(bytes_view(bytes).subspan(p * page_size, page_size), want.view());
            if (p >= 128) {
                ++seen[state];
            } else {
                ASSERT_EQ(state, 1) << "a flushed page was lost, seed " << seed;
            }
        }
    }
    EXPECT_TRUE(size_of_all_kept);
    EXPECT_GT(seen[0], 100) << "lost";
    EXPECT_GT(seen[1], 100) << "kept";
    EXPECT_GT(seen[2], 100) << "torn";
    EXPECT_EQ(seen[3], 0) << "made up";
}

/// Issues the flush while a write is still running: the flush must not cover it.
task<bool> flush_beside_write(rig& r, std::unique_ptr<disk_file>& file) {
    auto made = co_await make_file(r.sim.files(), "/d/f");
    if (!made.ok()) co_return false;
    file = std::move(made).value();
    std::vector<task<bool>> both;
    both.push_back(write_page(*file, r.pool, 7, 99));
    auto flush_one = [](disk_file* f) -> task<bool> {
        auto flushed = co_await f->flush();
        co_return flushed.ok();
    };
    both.push_back(flush_one(file.get()));
    auto done = co_await when_all(std::move(both));
    co_return done[0] && done[1];
}

TEST(sim_disk, a_flush_does_not_cover_a_write_that_completes_after_it_was_issued) {
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        rig r(seed);
        std::unique_ptr<disk_file> file;
        ASSERT_TRUE(r.sim.run(flush_beside_write(r, file)));
        r.sim.crash();
        file.reset();
        const auto bytes = r.sim.files().contents("/d/f");
        if (all_zero(bytes_view(bytes).subspan(7 * page_size, page_size))) ++lost;
    }
    EXPECT_GT(lost, 5);
}

task<bool> overwrite_under_flush(rig& r, std::unique_ptr<disk_file>& file) {
    auto made = co_await make_file(r.sim.files(), "/d/f");
    if (!made.ok()) co_return false;
    file = std::move(made).value();
    bool fine = co_await write_page(*file, r.pool, 3, 1);
    std::vector<task<bool>> both;
    auto flush_one = [](disk_file* f) -> task<bool> {
        auto flushed = co_await f->flush();
        co_return flushed.ok();
    };
    both.push_back(flush_one(file.get()));
    both.push_back(write_page(*file, r.pool, 3, 2));
    auto done = co_await when_all(std::move(both));
    co_return fine&& done[0] && done[1];
}

TEST(sim_disk, a_flush_keeps_the_version_it_covers_though_it_was_overwritten_meanwhile) {
    int newer = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        rig r(seed);
        std::unique_ptr<disk_file> file;
        ASSERT_TRUE(r.sim.run(overwrite_under_flush(r, file)));
        r.sim.crash();
        file.reset();
        const auto bytes = r.sim.files().contents("/d/f");
        const bytes_view page = bytes_view(bytes).subspan(3 * page_size, page_size);
        const buffer old_version = patterned(r.pool, page_size, 1);
        const buffer new_version = patterned(r.pool, page_size, 2);
        // Whole, the older or the newer, or torn between the two; never the zeros from before the
        // flush.
        for (std::size_t at = 0; at < page_size; at += 512) {
            const bytes_view sector = page.subspan(at, 512);
            ASSERT_TRUE(equal(sector, old_version.view().subspan(at, 512)) ||
                        equal(sector, new_version.view().subspan(at, 512)))
                << "seed " << seed;
        }
        if (equal(page, new_version.view())) ++newer;
    }
    EXPECT_GT(newer, 0);
    EXPECT_LT(newer, 60);
}

task<bool> open_only(disk& files, std::string path, errc* code) {
    auto opened = co_await files.open(path, open_mode::existing);
    if (!opened.ok()) *code = opened.error().code;
    co_return opened.ok();
}

TEST(sim_disk, files_of_before_a_power_cut_are_cut_off_and_can_be_opened_anew) {
    rig r(9);
    std::unique_ptr<disk_file> file;
    ASSERT_TRUE(r.sim.run(fill_half_flushed(r, file)));
    errc code{};
    EXPECT_FALSE(r.sim.run(open_only(r.sim.files(), "/d/f", &code)));
    EXPECT_EQ(code, errc::busy);
    r.sim.crash();
    EXPECT_FALSE(r.sim.run(write_page(*file, r.pool, 0, 1)));
    EXPECT_TRUE(r.sim.run(open_only(r.sim.files(), "/d/f", &code)));
    file.reset();
}

task<bool> create_unsynced(disk& files, std::string path) {
    auto made = co_await files.make_directory("/d");
    auto opened = co_await files.open(path, open_mode::create_exclusive);
    co_return made.ok() && opened.ok();
}

TEST(sim_disk, a_name_without_sync_directory_comes_or_goes) {
    int kept = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        rig r(seed);
        ASSERT_TRUE(r.sim.run(create_unsynced(r.sim.files(), "/d/new")));
        r.sim.crash();
        kept += static_cast<int>(r.sim.files().paths().size());
    }
    EXPECT_GT(kept, 5);
    EXPECT_LT(kept, 55);
}

struct fault_counts {
    int reads_failed = 0;
    int writes_failed = 0;
    int flushes_failed = 0;
    int pages_wrong = 0;
};

/// Writes, flushes and reads back many pages one by one, counting what went wrong.
task<bool> work_under_faults(rig& r, fault_counts& counts) {
    auto made = co_await make_file(r.sim.files(), "/d/f");
    if (!made.ok()) co_return false;
    std::unique_ptr<disk_file> file = std::move(made).value();
    for (std::uint64_t p = 0; p < 256; ++p) {
        const bool written = co_await write_page(*file, r.pool, p, p + 1);
        if (!written) ++counts.writes_failed;
        auto flushed = co_await file->flush();
        if (!flushed.ok()) ++counts.flushes_failed;
    }
    for (std::uint64_t p = 0; p < 256; ++p) {
        buffer got = r.pool.allocate(page_size);
        auto read = co_await file->read(p * page_size, got.span());
        if (!read.ok()) {
            ++counts.reads_failed;
            continue;
        }
        const buffer want = patterned(r.pool, page_size, p + 1);
        if (!equal(got.view(), want.view())) ++counts.pages_wrong;
    }
    co_return true;
}

fault_counts run_with(const sim_disk_faults& faults, const std::string& path = "/d/f") {
    rig r(77);
    r.sim.files().set_faults(path, faults);
    fault_counts counts;
    EXPECT_TRUE(r.sim.run(work_under_faults(r, counts)));
    return counts;
}

TEST(sim_disk, without_faults_nothing_goes_wrong) {
    const fault_counts counts = run_with({});
    EXPECT_EQ(counts.reads_failed + counts.writes_failed + counts.flushes_failed, 0);
    EXPECT_EQ(counts.pages_wrong, 0);
}

TEST(sim_disk, each_fault_happens_where_it_is_enabled_and_only_there) {
    sim_disk_faults faults;
    faults.read_error_ppm = 100'000;
    fault_counts counts = run_with(faults);
    EXPECT_GT(counts.reads_failed, 5);
    EXPECT_EQ(counts.pages_wrong, 0);

    faults = {};
    faults.write_error_ppm = 100'000;
    counts = run_with(faults);
    EXPECT_GT(counts.writes_failed, 5);

    faults = {};
    faults.flush_error_ppm = 100'000;
    counts = run_with(faults);
    EXPECT_GT(counts.flushes_failed, 5);

    faults = {};
    faults.corrupt_read_block_ppm = 100'000;
    counts = run_with(faults);
    EXPECT_GT(counts.pages_wrong, 5);
    EXPECT_EQ(counts.reads_failed, 0);

    faults = {};
    faults.lost_write_ppm = 100'000;
    counts = run_with(faults);
    EXPECT_GT(counts.pages_wrong, 5);
    EXPECT_EQ(counts.writes_failed, 0);

    faults = {};
    faults.misdirected_write_ppm = 100'000;
    counts = run_with(faults);
    EXPECT_GT(counts.pages_wrong, 5);
    EXPECT_EQ(counts.writes_failed, 0);

    faults.read_error_ppm = 500'000;
    counts = run_with(faults, "/d/another");
    EXPECT_EQ(counts.reads_failed + counts.pages_wrong, 0);

    for (const char* mark : {"sim_disk.read_error", "sim_disk.write_error", "sim_disk.flush_error",
                             "sim_disk.rot", "sim_disk.lost_write", "sim_disk.misdirected_write"}) {
        EXPECT_GT(mark_count(mark), 0U) << mark;
    }
}

task<bool> die_and_heal(rig& r) {
    auto made = co_await make_file(r.sim.files(), "/d/f");
    if (!made.ok()) co_return false;
    std::unique_ptr<disk_file> file = std::move(made).value();
    const bool before = co_await write_page(*file, r.pool, 1, 5);
    r.sim.files().kill("/d/f");
    const bool dead_write = co_await write_page(*file, r.pool, 1, 6);
    auto dead_flush = co_await file->flush();
    r.sim.files().heal("/d/f");
    buffer got = r.pool.allocate(page_size);
    auto read = co_await file->read(page_size, got.span());
    const buffer want = patterned(r.pool, page_size, 5);
    co_return before && !dead_write && dead_flush.is(errc::io_failed) && read.ok() &&
        equal(got.view(), want.view());
}

TEST(sim_disk, a_dead_file_answers_errors_until_it_heals) {
    rig r(5);
    EXPECT_TRUE(r.sim.run(die_and_heal(r)));
}

task<bool> fill_disk(rig& r) {
    auto made = co_await make_file(r.sim.files(), "/d/f");
    if (!made.ok()) co_return false;
    std::unique_ptr<disk_file> file = std::move(made).value();
    auto too_much = co_await file->allocate(file_size, 128 * page_size);
    auto fits = co_await file->allocate(file_size, 16 * page_size);
    const buffer b = patterned(r.pool, page_size, 1);
    auto allocated_write = co_await file->write(file_size, b.view());
    auto beyond = co_await file->write(file_size + 16 * page_size, b.view());
    auto given_back = co_await file->discard(0, 16 * page_size);
    auto again = co_await file->write(file_size + 16 * page_size, b.view());
    auto room = co_await r.sim.files().space("/d");
    co_return too_much.is(errc::no_space) && fits.ok() && allocated_write.ok() &&
        beyond.is(errc::no_space) && given_back.ok() && again.ok() && room.ok() &&
        room->free_bytes == 15 * page_size;
}

TEST(sim_disk, a_full_disk_says_no_space_and_discard_gives_room) {
    rig r(6);
    r.sim.files().set_capacity(file_size + 16 * page_size);
    EXPECT_TRUE(r.sim.run(fill_disk(r)));
}

/// A trace of everything that can differ: times, outcomes, bytes.
std::uint64_t trace_of(std::uint64_t seed) {
    rig r(seed);
    sim_disk_faults faults;
    faults.read_error_ppm = 20'000;
    faults.corrupt_read_block_ppm = 20'000;
    faults.lost_write_ppm = 20'000;
    faults.misdirected_write_ppm = 20'000;
    r.sim.files().set_faults(faults);
    std::unique_ptr<disk_file> file;
    const bool filled = r.sim.run(fill_half_flushed(r, file));
    r.sim.crash();
    file.reset();
    const auto bytes = r.sim.files().contents("/d/f");
    return (std::uint64_t{crc32c(bytes)} << 32) ^ static_cast<std::uint64_t>(r.sim.now()) ^
           (filled ? 1U : 0U);
}

TEST(sim_disk, the_same_seed_gives_the_same_run_and_another_seed_another) {
    EXPECT_EQ(trace_of(11), trace_of(11));
    EXPECT_EQ(trace_of(12), trace_of(12));
    EXPECT_NE(trace_of(11), trace_of(12));
}

task<bool> scribble(rig& r) {
    auto made = co_await make_file(r.sim.files(), "/d/f");
    if (!made.ok()) co_return false;
    std::unique_ptr<disk_file> file = std::move(made).value();
    buffer b = patterned(r.pool, page_size, 1);
    r.sim.main().post([&b] { b.data()[17] ^= std::byte{1}; });
    auto written = co_await file->write(0, b.view());
    co_return written.ok();
}

TEST(sim_disk_death, a_buffer_changed_in_flight_is_caught) {
    EXPECT_DEATH(
        {
            rig r(1);
            r.sim.run(scribble(r));
        },
        "a buffer was changed");
}

}  // namespace
}  // namespace taicang
