#include "tests/unit/storage/journal/real_hub.h"

#include "storage/base/async.h"

namespace taicang::test {

task<result<std::unique_ptr<device_set>>> real_hub::open(environment& env) {
    const std::string directory = "/hub";
    auto there = co_await device_set::exists(env, directory);
    if (!there) co_return std::move(there).error();
    if (!*there) {
        tier_layout tier;
        tier.tier = tier_id::nvme;
        tier.devices = devices_;
        tier.parity = parity_;
        tier.extent_bytes = extent_bytes_;
        tier.capacity_bytes_per_device = 40 * extent_bytes_;
        hub_layout layout;
        layout.directory = directory;
        layout.tiers.push_back(tier);
        auto formatted = co_await device_set::format(env, layout);
        if (!formatted) co_return std::move(formatted).error();
    }
    open_options options;
    options.directory = directory;
    auto opened = co_await device_set::open(env, options);
    co_return opened;
}

void real_hub::worsen(std::size_t device, random_source& chance) {
    sim_disk_faults faults;
    if (chance.one_in(3)) faults.lost_write_ppm = 20'000;
    if (chance.one_in(3)) faults.corrupt_read_block_ppm = 20'000;
    if (chance.one_in(3)) faults.read_error_ppm = 20'000;
    if (chance.one_in(4)) faults.write_error_ppm = 5'000;
    if (chance.one_in(4)) faults.flush_error_ppm = 5'000;
    if (chance.one_in(4)) faults.misdirected_write_ppm = 5'000;
    sim_.files().set_faults(path(device), faults);
}

}  // namespace taicang::test
