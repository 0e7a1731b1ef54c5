#include "tests/unit/storage/stripe/fake_devices.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/base/canary.h"

namespace taicang::fake {

namespace {

constexpr std::uint64_t block = 4096;
constexpr std::uint64_t sector = 512;

bool counts_down(int& counter) {
    if (counter < 0) return false;
    return counter-- == 0;
}

}  // namespace

platter_place* device_fake::place_of(const extent_name& name) {
    for (platter_place& place : stored_.places) {
        if (place.extent && place.extent->name == name) return &place;
    }
    return nullptr;
}

result<void> device_fake::usable() const {
    if (powerless_) return error(errc::io_failed, "no power");
    if (fenced_) return error(errc::device_fenced, "fenced");
    return ok();
}

task<void> device_fake::pause(nanoseconds least) {
    const auto spread = static_cast<nanoseconds>(owner_.chance().below(200)) * one_microsecond;
    co_await sleep_for(least + spread);
}

task<result<extent_info>> device_fake::create(extent_name name, extent_purpose purpose) {
    co_await pause(0);
    TC_CO_TRY(usable());
    if (full) co_return error(errc::no_space, "the file system is full");
    if (place_of(name) != nullptr) co_return error(errc::already_exists, "exists");
    for (platter_place& place : stored_.places) {
        if (place.extent) continue;
        // Old content stays: whoever reads before writing meets a former life.
        if (place.bytes.empty()) place.bytes.resize(stored_.extent_bytes);
        ++place.life;
        place.extent =
            extent_info{.name = name, .purpose = purpose, .life = generation(place.life)};
        place.creation_flushed = false;
        co_return *place.extent;
    }
    co_return error(errc::no_space, "no extent is free");
}

task<result<void>> device_fake::write(extent_name name, std::uint64_t offset, bytes_view from) {
    ++writes;
    const bool fails = counts_down(fail_write_after);
    const bool lost = counts_down(lose_write_after);
    co_await pause(write_delay_min);
    TC_CO_TRY(usable());
    if (fails) {
        owner_.fence(id(), "a write failed");
        co_return error(errc::device_fenced, "a write failed");
    }
    platter_place* place = place_of(name);
    if (place == nullptr) co_return error(errc::not_found, "no such extent");
    TC_ASSERT(offset % block == 0 && from.size() % block == 0);
    TC_ASSERT(offset + from.size() <= place->bytes.size());
    TC_ASSERT_WHY(!place->extent->sealed, "a write to a sealed extent");
    if (lost) co_return ok();
    for (std::uint64_t at = 0; at < from.size(); at += block) {
        std::byte* into = place->bytes.data() + offset + at;
        place->unflushed.try_emplace(offset + at, into, into + block);
        std::memcpy(into, from.data() + at, block);
    }
    co_return ok();
}

task<result<void>> device_fake::read(extent_name name, std::uint64_t offset, bytes_span into) {
    ++reads;
    co_await pause(0);
    TC_CO_TRY(usable());
    if (reads_fail) co_return error(errc::io_failed, "a read failed");
    platter_place* place = place_of(name);
    if (place == nullptr) co_return error(errc::not_found, "no such extent");
    TC_ASSERT(offset % block == 0 && into.size() % block == 0);
    TC_ASSERT_WHY(offset + into.size() <= place->bytes.size(), "a read beyond the extent");
    std::memcpy(into.data(), place->bytes.data() + offset, into.size());
    co_return ok();
}

task<result<void>> device_fake::flush() {
    ++flushes;
    const bool fails = counts_down(fail_flush_after);
    TC_CO_TRY(usable());
    // Only what was there when the flush was issued.
    std::vector<std::pair<platter_place*, std::vector<std::uint64_t>>> covered;
    for (platter_place& place : stored_.places) {
        std::vector<std::uint64_t> blocks;
        for (const auto& [at, _] : place.unflushed)
            blocks.push_back(at);
        if (place.extent) covered.emplace_back(&place, std::move(blocks));
    }
    co_await pause(0);
    TC_CO_TRY(usable());
    if (fails) {
        owner_.fence(id(), "a flush failed");
        co_return error(errc::device_fenced, "a flush failed");
    }
    if (canary::active(canary::bug::skip_device_flush)) co_return ok();
    for (auto& [place, blocks] : covered) {
        place->creation_flushed = true;
        for (const std::uint64_t at : blocks)
            place->unflushed.erase(at);
    }
    co_return ok();
}

task<result<void>> device_fake::seal(extent_name name, std::uint64_t length) {
    co_await pause(0);
    TC_CO_TRY(usable());
    platter_place* place = place_of(name);
    if (place == nullptr) co_return error(errc::not_found, "no such extent");
    place->extent->sealed = true;
    place->extent->sealed_length = length;
    co_return ok();
}

task<result<void>> device_fake::remove(extent_name name) {
    co_await pause(0);
    TC_CO_TRY(usable());
    platter_place* place = place_of(name);
    if (place == nullptr) co_return error(errc::not_found, "no such extent");
    place->extent.reset();
    place->unflushed.clear();
    co_return ok();
}

std::vector<extent_info> device_fake::list() const {
    std::vector<extent_info> all;
    for (const platter_place& place : stored_.places) {
        if (place.extent) all.push_back(*place.extent);
    }
    return all;
}

std::uint64_t device_fake::free_extents() const {
    return static_cast<std::uint64_t>(
        std::count_if(stored_.places.begin(), stored_.places.end(),
                      [](const platter_place& place) { return !place.extent; }));
}

device_set_fake::device_set_fake(std::vector<std::unique_ptr<platter>>& platters,
                                 random_source& chance, std::uint64_t term)
    : chance_(chance), term_(term) {
    for (const auto& one : platters)
        devices_.push_back(std::make_unique<device_fake>(*this, *one));
}

std::vector<extent_device*> device_set_fake::active(tier_id tier) {
    std::vector<extent_device*> found;
    for (const auto& device : devices_) {
        if (device->stored_.tier == tier && !device->fenced_) found.push_back(device.get());
    }
    std::stable_sort(found.begin(), found.end(), [](const auto* a, const auto* b) {
        return a->free_extents() > b->free_extents();
    });
    return found;
}

std::size_t device_set_fake::member_count(tier_id tier) const {
    return static_cast<std::size_t>(
        std::count_if(devices_.begin(), devices_.end(),
                      [tier](const auto& device) { return device->stored_.tier == tier; }));
}

device_fake& device_set_fake::of(const uuid& id) {
    for (const auto& device : devices_) {
        if (device->id() == id) return *device;
    }
    TC_ASSERT_WHY(false, "no such device");
}

extent_device* device_set_fake::find(const uuid& id) {
    for (const auto& device : devices_) {
        if (device->id() == id) return device->fenced_ ? nullptr : device.get();
    }
    return nullptr;
}

void device_set_fake::fence(const uuid& id, std::string) {
    device_fake& device = of(id);
    if (device.fenced_) return;
    device.fenced_ = true;
    for (const auto& observer : observers_)
        observer(id);
}

void device_set_fake::report_read_failure(const uuid& id) {
    ++read_failures[id];
}

void device_set_fake::power_cut() {
    for (const auto& device : devices_) {
        device->powerless_ = true;
        for (platter_place& place : device->stored_.places) {
            for (auto& [at, before] : place.unflushed) {
                const std::uint64_t fate = chance_.below(3);
                if (fate == 0) continue;
                // Goes wholly, or tears: its tail is what was there before.
                const std::uint64_t kept = fate == 1 ? 0 : chance_.below(block / sector) * sector;
                std::copy(before.begin() + static_cast<std::ptrdiff_t>(kept), before.end(),
                          place.bytes.begin() + static_cast<std::ptrdiff_t>(at + kept));
            }
            place.unflushed.clear();
            if (place.extent && !place.creation_flushed && chance_.one_in(2)) place.extent.reset();
            place.creation_flushed = true;
        }
    }
}

}  // namespace taicang::fake
