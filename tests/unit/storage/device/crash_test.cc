// Power cuts at every kind of moment: while formatting, starting, writing roots, fencing, and while
// extents come and go; with devices that are taken away and put back in between. What was
// acknowledged stays, what was not is old or new as a whole, and no healthy device is ever turned
// away.
#include <cstdlib>
#include <map>
#include <set>

#include "storage/base/async.h"
#include "tests/unit/storage/device/device_world.h"

namespace taicang::test {
namespace {

std::uint64_t seeds(std::uint64_t few, std::uint64_t many) {
    return std::getenv("TAICANG_LONG") != nullptr ? many : few;
}

task<void> format_into(device_world& world, std::optional<result<void>>& outcome) {
    const hub_layout layout = small_hub();
    auto done = co_await device_set::format(world.env, layout);
    outcome.emplace(std::move(done));
}

/// Runs a body for some events and cuts the power, or to its end.
void run_for(device_world& world, gate& running, task<void> body, std::uint64_t events) {
    auto held = std::make_shared<task<void>>(std::move(body));
    world.sim.main().post([&running, held] { spawn(running, std::move(*held)); });
    world.sim.run_events(events);
}

task<bool> finish(gate& running) {
    co_await running.close();
    co_return true;
}

TEST(crash, a_format_cut_short_is_made_anew_and_a_finished_one_stays) {
    std::uint64_t anew = 0, finished = 0;
    for (std::uint64_t seed = 0; seed < seeds(150, 3000); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        device_world world(seed);
        std::optional<result<void>> outcome;
        gate running;
        run_for(world, running, format_into(world, outcome), world.sim.random().below(330));
        const bool acknowledged = outcome && outcome->ok();
        world.sim.crash();
        world.run(finish(running));
        auto exists = world.run(device_set::exists(world.env, hub_directory));
        ASSERT_TRUE(exists.ok()) << exists.error().message;
        if (acknowledged) {
            EXPECT_TRUE(*exists);
        }
        if (!*exists) {
            EXPECT_TRUE(world.open().is(errc::not_found));
            auto again = world.format(small_hub());
            ASSERT_TRUE(again.ok()) << again.error().message;
            ++anew;
        } else {
            ++finished;
        }
        ASSERT_TRUE(world.open().ok());
        EXPECT_EQ(world.set->active(tier_id::nvme).size(), 6U);
        EXPECT_TRUE(world.replace("works").ok());
    }
    EXPECT_GT(anew, 10U);
    EXPECT_GT(finished, 10U);
    EXPECT_GT(mark_count("device.format_made_anew"), 0U);
}

/// What the hub was told and what it answered.
struct history {
    std::uint64_t root_issued = 0, root_acknowledged = 0;
    std::uint64_t term = 0;
    std::set<uuid> fenced, fencing;
    struct extent {
        uuid device;
        std::uint64_t tag = 0, life = 0;
        std::uint64_t sealed = 0;  ///< acknowledged and flushed
    };
    std::map<extent_name, extent> extents;  ///< durable, and not being removed
};

/// One world that is cut off and started again; `away` holds files that were taken out.
struct crash_case {
    explicit crash_case(std::uint64_t seed) : world(seed) {}
    device_world world;
    history told;
    std::map<std::string, std::vector<std::byte>> away;
    unsigned fences_allowed = 1;
    bool stop = false;
};

task<void> keep_replacing(crash_case& test) {
    while (!test.stop) {
        const std::uint64_t value = ++test.told.root_issued;
        const std::string bytes = std::to_string(value);
        auto done =
            co_await test.world.set->replace_root(tier_id::nvme, root_section::journal, bytes);
        if (!done) co_return;
        test.told.root_acknowledged = value;
    }
}

task<void> fence_one(crash_case& test) {
    co_await sleep_for(static_cast<nanoseconds>(test.world.sim.random().below(3'000'000)));
    const auto active = test.world.set->active(tier_id::nvme);
    if (active.size() < 5 || test.fences_allowed == 0) co_return;
    --test.fences_allowed;
    const uuid id = active[test.world.sim.random().below(active.size())]->id();
    test.told.fencing.insert(id);
    test.world.set->fence(id, "for the test");
    auto settled = co_await test.world.set->settle();
    if (settled) test.told.fenced.insert(id);
}

/// Creates, writes, flushes, seals and removes extents on one device, noting what is durable.
task<void> keep_creating(crash_case& test, extent_device& device) {
    device_world& world = test.world;
    std::vector<extent_name> mine;
    while (!test.stop) {
        const extent_name name = world.set->next_extent_name();
        const auto purpose =
            world.sim.random().one_in(8) ? extent_purpose::journal : extent_purpose::stripe;
        auto made = co_await device.create(name, purpose);
        if (!made) co_return;
        history::extent noted{device.id(), name.sequence, made->life.value, 0};
        const buffer bytes = pattern(world.buffers, 4096, noted.tag);
        auto done = co_await device.write(name, 8192, bytes.view());
        if (done) done = co_await device.flush();
        if (!done) co_return;
        test.told.extents[name] = noted;
        mine.push_back(name);
        if (world.sim.random().one_in(2)) {
            done = co_await device.seal(name, 12288);
            if (done) done = co_await device.flush();
            if (!done) co_return;
            test.told.extents[name].sealed = 12288;
        }
        if (mine.size() > 5) {
            const std::size_t victim = world.sim.random().below(mine.size());
            test.told.extents.erase(mine[victim]);
            done = co_await device.remove(mine[victim]);
            mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(victim));
            if (!done) co_return;
        }
    }
}

task<void> open_into(crash_case& test) {
    open_options options;
    options.directory = hub_directory;
    auto opened = co_await device_set::open(test.world.env, options);
    if (opened) test.world.set = std::move(*opened);
}

void check_devices(crash_case& test) {
    for (const device_info& each : test.world.set->devices()) {
        const std::string name = each.path.substr(hub_directory.size() + 1);
        if (test.told.fenced.contains(each.id)) {
            EXPECT_EQ(each.state, device_state::fenced) << name;
        } else if (test.away.contains(name)) {
            EXPECT_NE(each.state, device_state::active) << name;
        } else if (each.state != device_state::active) {
            EXPECT_TRUE(test.told.fencing.contains(each.id)) << name << ": " << each.reason;
            EXPECT_EQ(each.state, device_state::fenced) << name << ": " << each.reason;
        }
        if (each.state == device_state::fenced) test.told.fenced.insert(each.id);
    }
}

void check_extents(crash_case& test) {
    device_world& world = test.world;
    for (const auto& [name, noted] : test.told.extents) {
        extent_device* device = world.set->find(noted.device);
        if (device == nullptr) continue;
        const auto all = device->list();
        const auto found = std::find_if(all.begin(), all.end(),
                                        [&](const extent_info& each) { return each.name == name; });
        ASSERT_NE(found, all.end()) << name.text();
        EXPECT_EQ(found->life.value, noted.life);
        if (noted.sealed != 0) {
            EXPECT_EQ(found->sealed_length, noted.sealed);
        }
        buffer back = world.buffers.allocate(4096);
        ASSERT_TRUE(world.run(device->read(name, 8192, back.span())).ok());
        EXPECT_TRUE(same(back.view(), pattern(world.buffers, 4096, noted.tag).view()));
    }
}

/// Removes everything, as owners do with orphans, so that the next round begins with room.
void clear_extents(crash_case& test) {
    for (extent_device* device : test.world.set->active(tier_id::nvme)) {
        for (const extent_info& each : device->list()) {
            if (!test.world.sim.random().one_in(2) && test.told.extents.contains(each.name)) {
                continue;
            }
            test.told.extents.erase(each.name);
            ASSERT_TRUE(test.world.run(device->remove(each.name)).ok());
        }
    }
}

void check_start(crash_case& test) {
    device_world& world = test.world;
    EXPECT_GT(world.set->term().value, test.told.term);
    test.told.term = world.set->term().value;
    const std::string section = world.journal_section();
    const std::uint64_t value = section.empty() ? 0 : std::stoull(section);
    EXPECT_GE(value, test.told.root_acknowledged);
    EXPECT_LE(value, test.told.root_issued);
    check_devices(test);
    check_extents(test);
}

/// Takes a file away or puts one back, so that never more than m are away.
void move_files(crash_case& test) {
    device_world& world = test.world;
    random_source& chance = world.sim.random();
    if (!test.away.empty() && chance.one_in(2)) {
        const auto back = test.away.begin();
        world.put_file(back->first, back->second);
        test.away.erase(back);
    }
    if (test.away.size() < 2 && chance.one_in(3)) {
        const std::string name = world.nvme(static_cast<unsigned>(chance.below(6)));
        if (test.away.contains(name)) return;
        test.away[name] = world.contents(name);
        world.remove_file(name);
    }
}

void run_round(crash_case& test) {
    device_world& world = test.world;
    random_source& chance = world.sim.random();
    // A start that is cut short, now and then, several times.
    while (chance.one_in(2)) {
        gate running;
        run_for(world, running, open_into(test), chance.below(250));
        if (world.set) test.told.term = std::max(test.told.term, world.set->term().value);
        world.sim.crash();
        world.run(finish(running));
        world.close();
    }
    auto opened = world.open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    ASSERT_NO_FATAL_FAILURE(check_start(test));
    ASSERT_NO_FATAL_FAILURE(clear_extents(test));

    gate running;
    test.stop = false;
    const auto active = world.set->active(tier_id::nvme);
    run_for(world, running, keep_replacing(test), 0);
    if (chance.one_in(4)) run_for(world, running, fence_one(test), 0);
    for (unsigned i = 0; i < 2; ++i) {
        run_for(world, running, keep_creating(test, *active[chance.below(active.size())]), 0);
    }
    world.sim.run_events(chance.below(1500));
    test.stop = true;
    if (chance.one_in(5)) {  // a clean end
        world.run(finish(running));
        world.close();
    } else {
        world.sim.crash();
        world.run(finish(running));
        world.close();
    }
    ASSERT_NO_FATAL_FAILURE(move_files(test));
}

TEST(crash, nothing_acknowledged_is_lost_and_no_healthy_device_turned_away) {
    for (std::uint64_t seed = 0; seed < seeds(120, 4000); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        crash_case test(seed);
        auto formatted = test.world.format(small_hub());
        ASSERT_TRUE(formatted.ok());
        for (unsigned round = 0; round < 8; ++round) {
            SCOPED_TRACE("round " + std::to_string(round));
            ASSERT_NO_FATAL_FAILURE(run_round(test));
            if (::testing::Test::HasFailure()) return;
        }
        auto opened = test.world.open();
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        ASSERT_NO_FATAL_FAILURE(check_start(test));
    }
    // The rare moments were there.
    for (const char* mark : {"device.rejoined", "device.behind_at_start", "device.root_catch_up",
                             "device.fenced", "device.root_write_failed"}) {
        EXPECT_GT(mark_count(mark), 0U) << mark;
    }
}

}  // namespace
}  // namespace taicang::test
