// Extents on one device: the contract on the simulated disk and on the real one, and what is
// particular to file devices.
#include <cstdlib>
#include <filesystem>

#include "storage/base/async.h"
#include "storage/base/when_all.h"
#include "storage/device/file_device.h"
#include "storage/device/inspect_device.h"
#include "storage/io/reactor.h"
#include "tests/unit/storage/device/device_world.h"
#include "tests/unit/storage/device/extent_contract.h"

namespace taicang::test {
namespace {

TEST(extents, contract_on_the_simulated_disk) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        device_world world(seed);
        world.format_and_open();
        extent_device* device = world.device(world.nvme(0));
        EXPECT_EQ(world.run(extent_contract(*world.set, *device, world.buffers)), "");
    }
    EXPECT_GT(mark_count("device.flush_shared"), 0U);
}

struct real_outcome {
    std::string broken;
    std::uint64_t first_term = 0, second_term = 0;
    std::string section;
};

task<real_outcome> run_on_real_disk(environment& env, hub_layout layout) {
    real_outcome out;
    auto formatted = co_await device_set::format(env, layout);
    if (!formatted) {
        out.broken = formatted.error().message;
        co_return out;
    }
    for (std::uint64_t* term : {&out.first_term, &out.second_term}) {
        open_options options;
        options.directory = layout.directory;
        auto opened = co_await device_set::open(env, options);
        if (!opened) {
            out.broken = opened.error().message;
            co_return out;
        }
        device_set& set = **opened;
        *term = set.term().value;
        out.section = set.root_bytes(tier_id::nvme, root_section::journal);
        for (extent_device* device : set.active(tier_id::nvme)) {
            if (!out.broken.empty()) break;
            out.broken = co_await extent_contract(set, *device, env.buffers);
        }
        auto replaced = co_await set.replace_root(tier_id::nvme, root_section::journal, "kept");
        if (!replaced) out.broken = replaced.error().message;
        co_await set.stop();
    }
    co_return out;
}

TEST(extents, contract_on_the_real_disk) {
    for (const disk_backend backend : {disk_backend::automatic, disk_backend::threads}) {
        std::string pattern = "./taicang-device-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        const std::string directory = std::filesystem::absolute(pattern).string();
        reactor_options options;
        options.backend = backend;
        auto started = reactor::start(options);
        ASSERT_TRUE(started.ok()) << started.error().message;
        reactor& home = **started;
        auto pool = make_worker_pool("test", 1);
        auto random = system_random();
        buffer_pool buffers(std::size_t{8} << 20);
        memory_budget budget(std::size_t{64} << 20, 16);
        metric_registry metrics;
        environment env{home, *pool, *pool, home.files(), *random, buffers, budget, metrics};
        const real_outcome out = home.run(
            run_on_real_disk(env, {directory + "/hub", {small_tier(tier_id::nvme, 3, 1, 12)}}));
        EXPECT_EQ(out.broken, "") << home.backend_reason();
        EXPECT_EQ(out.first_term, 1U);
        EXPECT_EQ(out.second_term, 2U);
        EXPECT_EQ(out.section, "kept");
        home.stop();
        std::filesystem::remove_all(directory);
    }
}

/// Bytes that a file takes, from how much the simulated disk says is left.
device_format::geometry parts_of(device_world& world, const std::string& file_name) {
    const auto bytes = world.contents(file_name);
    auto decoded = device_format::decode_superblock({bytes.data(), 4096});
    EXPECT_TRUE(decoded.ok());
    return decoded->parts;
}

std::uint64_t used_bytes(device_world& world) {
    auto space = world.run(world.env.files.space(hub_directory));
    EXPECT_TRUE(space.ok());
    return space->capacity_bytes - space->free_bytes;
}

TEST(extents, space_is_taken_at_create_and_given_back_at_remove) {
    device_world world(50);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    const std::uint64_t before = used_bytes(world);
    const extent_name name = world.set->next_extent_name();
    ASSERT_TRUE(world.run(device->create(name, extent_purpose::stripe)).ok());
    EXPECT_EQ(used_bytes(world), before + small_extent);
    EXPECT_EQ(world.info(world.nvme(0)).bytes_used, small_extent);
    ASSERT_TRUE(world.run(device->remove(name)).ok());
    EXPECT_EQ(used_bytes(world), before);
    EXPECT_EQ(world.info(world.nvme(0)).bytes_used, 0U);
}

TEST(extents, written_places_are_kept_warm_up_to_a_limit) {
    device_world world(51);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    const std::uint64_t before = used_bytes(world);
    std::vector<extent_name> names;
    for (std::size_t i = 0; i < limits::device_warm_extents_max + 3; ++i) {
        names.push_back(world.set->next_extent_name());
        ASSERT_TRUE(world.run(device->create(names.back(), extent_purpose::journal)).ok());
    }
    for (const extent_name& each : names)
        ASSERT_TRUE(world.run(device->remove(each)).ok());
    EXPECT_EQ(used_bytes(world), before + limits::device_warm_extents_max * small_extent);
    EXPECT_EQ(world.info(world.nvme(0)).bytes_kept, limits::device_warm_extents_max * small_extent);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(0)).bytes_kept, limits::device_warm_extents_max * small_extent);
    device = world.device(world.nvme(0));
    // A warm place needs no zero-fill: one directory block is all that is written.
    const std::string metric = "taicang_device_writes_total{tier=\"nvme\"} ";
    const auto writes = [&] {
        const std::string page = world.metrics.render();
        return std::stoull(page.substr(page.find(metric) + metric.size()));
    };
    const auto before_create = writes();
    ASSERT_TRUE(
        world.run(device->create(world.set->next_extent_name(), extent_purpose::journal)).ok());
    EXPECT_EQ(writes() - before_create, 1U);
    // Stripes take warm places too, but leave the last few to the journal while there are others.
    constexpr std::size_t shared =
        limits::device_warm_extents_max - 1 - limits::device_journal_warm_extents_max;
    for (std::size_t i = 0; i < shared + 1; ++i) {
        EXPECT_EQ(used_bytes(world), before + limits::device_warm_extents_max * small_extent);
        ASSERT_TRUE(
            world.run(device->create(world.set->next_extent_name(), extent_purpose::stripe)).ok());
    }
    EXPECT_EQ(used_bytes(world), before + (limits::device_warm_extents_max + 1) * small_extent);
}

TEST(extents, a_stripes_space_is_kept_only_if_nearly_all_of_it_was_written) {
    device_world world(52);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    const std::uint64_t before = used_bytes(world);
    const auto life = [&](std::uint64_t sealed_at) {
        const extent_name name = world.set->next_extent_name();
        ASSERT_TRUE(world.run(device->create(name, extent_purpose::stripe)).ok());
        ASSERT_TRUE(world.run(device->seal(name, sealed_at)).ok());
        ASSERT_TRUE(world.run(device->remove(name)).ok());
    };
    life(small_extent / 2);
    EXPECT_EQ(used_bytes(world), before);
    life(small_extent - small_extent / limits::device_warm_unwritten_share);
    EXPECT_EQ(used_bytes(world), before + small_extent);
}

TEST(extents, on_a_full_file_system_only_the_journals_space_is_kept) {
    device_world world(53);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    const extent_name stripe = world.set->next_extent_name();
    const extent_name journal = world.set->next_extent_name();
    const std::uint64_t before = used_bytes(world);
    ASSERT_TRUE(world.run(device->create(stripe, extent_purpose::stripe)).ok());
    ASSERT_TRUE(world.run(device->create(journal, extent_purpose::journal)).ok());
    ASSERT_TRUE(world.run(device->seal(stripe, small_extent)).ok());
    world.sim.files().set_capacity(before + 2 * small_extent);
    ASSERT_TRUE(world.run(device->remove(stripe)).ok());
    ASSERT_TRUE(world.run(device->remove(journal)).ok());
    world.sim.files().set_capacity(~std::uint64_t{0} >> 2);
    EXPECT_EQ(used_bytes(world), before + small_extent);
}

/// Extents of `purpose` made, sealed at their end and removed again, all at once: kept places.
void leave_kept(device_world& world, extent_device& device, extent_purpose purpose,
                std::size_t count) {
    std::vector<extent_name> names;
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back(world.set->next_extent_name());
        ASSERT_TRUE(world.run(device.create(names.back(), purpose)).ok());
        ASSERT_TRUE(world.run(device.seal(names.back(), small_extent)).ok());
    }
    for (const extent_name& each : names)
        ASSERT_TRUE(world.run(device.remove(each)).ok());
}

constexpr std::uint64_t plenty = ~std::uint64_t{0} >> 2;
constexpr std::uint64_t journal_share = limits::device_journal_warm_extents_max * small_extent;

TEST(extents, kept_space_goes_back_when_a_removal_finds_the_file_system_full) {
    device_world world(54);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    const std::uint64_t before = used_bytes(world);
    const extent_name last = world.set->next_extent_name();
    ASSERT_TRUE(world.run(device->create(last, extent_purpose::stripe)).ok());
    leave_kept(world, *device, extent_purpose::stripe, 20);
    EXPECT_EQ(used_bytes(world), before + 21 * small_extent);
    world.sim.files().set_capacity(before + 22 * small_extent);
    // Nothing was written to it, so it would not be kept itself.
    ASSERT_TRUE(world.run(device->remove(last)).ok());
    EXPECT_EQ(used_bytes(world), before + journal_share);
    world.sim.files().set_capacity(plenty);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.info(world.nvme(0)).bytes_kept, journal_share);
}

TEST(extents, stripes_on_kept_places_leave_the_reserve_alone) {
    device_world world(55);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    const std::uint64_t before = used_bytes(world);
    leave_kept(world, *device, extent_purpose::stripe, 31);
    world.sim.files().set_capacity(before + 31 * small_extent);
    const extent_name name = world.set->next_extent_name();
    EXPECT_TRUE(world.run(device->create(name, extent_purpose::stripe)).is(errc::no_space));
    EXPECT_EQ(used_bytes(world), before + journal_share);
    // What was given back is room for everybody, also for this one.
    EXPECT_TRUE(world.run(device->create(name, extent_purpose::stripe)).ok());
    world.sim.files().set_capacity(plenty);
}

task<result<void>> punch(environment& env, std::string path, std::uint64_t at,
                         std::uint64_t length) {
    auto file = co_await env.files.open(std::move(path), open_mode::existing);
    if (!file) co_return file.error();
    co_return co_await (*file)->discard(at, length);
}

TEST(extents, a_kept_place_without_its_space_does_not_keep_the_journal_from_the_others) {
    device_world world(56);
    world.format_and_open();
    const auto parts = parts_of(world, world.nvme(0));
    const std::uint64_t before = used_bytes(world);
    leave_kept(world, *world.device(world.nvme(0)), extent_purpose::journal, 3);
    world.close();
    ASSERT_TRUE(
        world.run(punch(world.env, world.path(world.nvme(0)), parts.place_offset(0), small_extent))
            .ok());
    ASSERT_TRUE(world.open().ok());
    ASSERT_EQ(used_bytes(world), before + 2 * small_extent);
    world.sim.files().set_capacity(before + 2 * small_extent);
    extent_device* device = world.device(world.nvme(0));
    const extent_name first = world.set->next_extent_name();
    EXPECT_TRUE(world.run(device->create(first, extent_purpose::journal)).is(errc::no_space));
    EXPECT_TRUE(world.run(device->create(first, extent_purpose::journal)).ok());
    const extent_name second = world.set->next_extent_name();
    EXPECT_TRUE(world.run(device->create(second, extent_purpose::journal)).ok());
    world.sim.files().set_capacity(plenty);
}

task<result<void>> read_while_removed(extent_device& device, extent_name name, buffer& into) {
    std::vector<task<result<void>>> both;
    both.push_back(device.read(name, 0, into.span()));
    both.push_back(device.remove(name));
    auto done = co_await when_all(std::move(both));
    co_return done[0].ok() ? done[1] : done[0];
}

TEST(extents, a_read_in_flight_keeps_its_place) {
    device_world world(52);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    for (std::uint64_t i = 0; i < 50; ++i) {
        const extent_name name = world.set->next_extent_name();
        ASSERT_TRUE(world.run(device->create(name, extent_purpose::stripe)).ok());
        const buffer bytes = pattern(world.buffers, 4096, i);
        ASSERT_TRUE(world.run(device->write(name, 0, bytes.view())).ok());
        buffer back = world.buffers.allocate(4096);
        ASSERT_TRUE(world.run(read_while_removed(*device, name, back)).ok());
        EXPECT_TRUE(same(back.view(), bytes.view()));
    }
    EXPECT_GT(mark_count("device.remove_waits_for_reader"), 0U);
}

TEST(extents, a_misdirected_directory_block_is_noticed_and_its_places_reused_under_higher_lives) {
    device_world world(53);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    std::uint64_t life = 0;
    const extent_name name = world.set->next_extent_name();
    for (unsigned i = 0; i < 3; ++i) {  // lives above 1
        if (i != 0) {
            ASSERT_TRUE(world.run(device->remove(name)).ok());
        }
        auto made = world.run(device->create(name, extent_purpose::stripe));
        ASSERT_TRUE(made.ok());
        life = made->life.value;
    }
    world.close();
    // Block 1 holds places 32..39; block 0's bytes land there and in another device's block 0.
    const auto parts = parts_of(world, world.nvme(0));
    const auto all = world.contents(world.nvme(0));
    const bytes_view block(all.data() + parts.directory_offset, 4096);
    world.poke_file(world.nvme(0), parts.directory_offset + 4096, block);
    world.poke_file(world.nvme(1), parts.directory_offset, block);
    ASSERT_TRUE(world.open().ok());
    auto* first = dynamic_cast<file_device*>(world.device(world.nvme(0)));
    auto* second = dynamic_cast<file_device*>(world.device(world.nvme(1)));
    ASSERT_TRUE(first != nullptr && second != nullptr);
    EXPECT_EQ(first->directory().damaged_count(), 8U);
    EXPECT_EQ(second->directory().damaged_count(), 32U);
    EXPECT_EQ(first->list().size(), 1U);
    EXPECT_TRUE(second->list().empty());
    std::uint64_t highest = 0;
    for (std::uint64_t i = first->free_extents(); i > 0; --i) {
        auto made = world.run(first->create(world.set->next_extent_name(), extent_purpose::stripe));
        ASSERT_TRUE(made.ok());
        highest = std::max(highest, made->life.value);
    }
    EXPECT_GE(highest, life + limits::life_jump_after_damage);
    EXPECT_EQ(first->directory().damaged_count(), 0U);
    ASSERT_TRUE(world.open().ok());
    EXPECT_EQ(world.device(world.nvme(0))->list().size(), 40U);
}

TEST(extents, a_device_in_use_can_be_inspected) {
    device_world world(55);
    world.format_and_open();
    const extent_name name = world.set->next_extent_name();
    ASSERT_TRUE(
        world.run(world.device(world.nvme(0))->create(name, extent_purpose::checkpoint)).ok());
    auto parts = world.run(inspect_device(world.env, world.path(world.nvme(0))));
    ASSERT_TRUE(parts.ok()) << parts.error().message;
    ASSERT_EQ(parts->size(), 5U);
    std::string text;
    for (const inspected_part& part : *parts) {
        for (const auto& [field, value] : part.fields) {
            text += part.title + " " + field + " " + value + "\n";
        }
    }
    EXPECT_NE(text.find("superblock B extent_bytes 65536"), std::string::npos) << text;
    EXPECT_NE(text.find("root slot 1 member "), std::string::npos) << text;
    EXPECT_NE(text.find("directory places_checkpoint 1\n"), std::string::npos) << text;
    EXPECT_NE(text.find("directory places_damaged 0\n"), std::string::npos) << text;
    EXPECT_NE(text.find("directory place 0 purpose checkpoint"), std::string::npos) << text;
    EXPECT_EQ(text.find(" damage "), std::string::npos) << text;
    EXPECT_TRUE(world.run(inspect_device(world.env, world.path("no.dev"))).is(errc::not_found));
}

TEST(extents, operations_after_stop_answer_stopped) {
    device_world world(54);
    world.format_and_open();
    extent_device* device = world.device(world.nvme(0));
    const extent_name name = world.set->next_extent_name();
    ASSERT_TRUE(world.run(device->create(name, extent_purpose::stripe)).ok());
    std::unique_ptr<device_set> kept = std::move(world.set);
    struct stopping {
        static task<bool> run(device_set& set) {
            co_await set.stop();
            co_return true;
        }
    };
    world.run(stopping::run(*kept));
    EXPECT_TRUE(world.run(device->flush()).is(errc::stopped));
    EXPECT_TRUE(world.run(device->remove(name)).is(errc::stopped));
    EXPECT_TRUE(
        world.run(kept->replace_root(tier_id::nvme, root_section::journal, "x")).is(errc::stopped));
}

}  // namespace
}  // namespace taicang::test
