#include "tests/unit/storage/device/extent_contract.h"

#include <algorithm>
#include <set>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/when_all.h"

namespace taicang::test {

namespace {

buffer filled(buffer_pool& pool, std::size_t size, std::uint8_t with) {
    buffer made = pool.allocate(size);
    std::fill(made.data(), made.data() + size, std::byte{with});
    return made;
}

bool all_are(bytes_view bytes, std::uint8_t with) {
    return std::all_of(bytes.begin(), bytes.end(),
                       [with](std::byte each) { return each == std::byte{with}; });
}

#define CONTRACT(condition) \
    if (!(condition)) co_return std::string(#condition) + " (line " + std::to_string(__LINE__) + ")"

task<std::string> create_and_overwrite(device_set& set, extent_device& device, buffer_pool& pool) {
    const extent_name name = set.next_extent_name();
    const std::uint64_t free = device.free_extents();
    auto made = co_await device.create(name, extent_purpose::stripe);
    CONTRACT(made.ok());
    CONTRACT(made->name == name && made->purpose == extent_purpose::stripe && !made->sealed);
    CONTRACT(device.free_extents() == free - 1);
    auto again = co_await device.create(name, extent_purpose::stripe);
    CONTRACT(again.is(errc::already_exists));
    const std::uint64_t end = device.extent_bytes();
    const buffer bytes = filled(pool, 8192, 0x5a);
    // Explicit offsets, in any order, and repeated with the same bytes.
    for (const std::uint64_t at : {end - 8192, std::uint64_t{8192}, std::uint64_t{8192}}) {
        auto written = co_await device.write(name, at, bytes.view());
        CONTRACT(written.ok());
    }
    auto beyond = co_await device.write(name, end - 4096, bytes.view());
    CONTRACT(beyond.is(errc::invalid_argument));
    auto unaligned = co_await device.write(name, 100, bytes.view());
    CONTRACT(unaligned.is(errc::invalid_argument));
    auto wraps = co_await device.write(name, ~std::uint64_t{4095}, bytes.view());
    CONTRACT(wraps.is(errc::invalid_argument));
    buffer back = pool.allocate(8192);
    for (const std::uint64_t at : {end - 8192, std::uint64_t{8192}}) {
        std::fill(back.data(), back.data() + back.size(), std::byte{0});
        auto read = co_await device.read(name, at, back.span());
        CONTRACT(read.ok());
        CONTRACT(all_are(back.view(), 0x5a));
    }
    auto flushed = co_await device.flush();
    CONTRACT(flushed.ok());
    auto removed = co_await device.remove(name);
    CONTRACT(removed.ok());
    CONTRACT(device.free_extents() == free);
    co_return std::string();
}

task<std::string> seal_and_remove(device_set& set, extent_device& device, buffer_pool& pool) {
    const extent_name name = set.next_extent_name();
    auto made = co_await device.create(name, extent_purpose::checkpoint);
    CONTRACT(made.ok());
    const buffer bytes = filled(pool, 4096, 0x11);
    auto written = co_await device.write(name, 0, bytes.view());
    CONTRACT(written.ok());
    auto too_long = co_await device.seal(name, device.extent_bytes() + 1);
    CONTRACT(too_long.is(errc::invalid_argument));
    auto sealed = co_await device.seal(name, 4096);
    CONTRACT(sealed.ok());
    sealed = co_await device.seal(name, 4096);
    CONTRACT(sealed.ok());
    sealed = co_await device.seal(name, 8192);
    CONTRACT(sealed.is(errc::invalid_argument));
    auto late = co_await device.write(name, 4096, bytes.view());
    CONTRACT(late.is(errc::invalid_argument));
    const auto listed = device.list();
    CONTRACT(listed.size() == 1 && listed[0].name == name);
    CONTRACT(listed[0].sealed && listed[0].sealed_length == 4096);
    auto removed = co_await device.remove(name);
    CONTRACT(removed.ok());
    CONTRACT(device.list().empty());
    buffer back = pool.allocate(4096);
    auto read = co_await device.read(name, 0, back.span());
    CONTRACT(read.is(errc::not_found));
    removed = co_await device.remove(name);
    CONTRACT(removed.is(errc::not_found));
    late = co_await device.seal(name, 0);
    CONTRACT(late.is(errc::not_found));
    co_return std::string();
}

/// The journal's extents can be read whole before anything is written; every place's life grows
/// with each create.
task<std::string> lives_grow(device_set& set, extent_device& device, buffer_pool& pool) {
    std::uint64_t life = 0;
    buffer back = pool.allocate(static_cast<std::size_t>(device.extent_bytes()));
    for (unsigned round = 0; round < 4; ++round) {
        const extent_name name = set.next_extent_name();
        auto made = co_await device.create(name, extent_purpose::journal);
        CONTRACT(made.ok());
        CONTRACT(made->life.value > life);
        life = made->life.value;
        auto read = co_await device.read(name, 0, back.span());
        CONTRACT(read.ok());
        auto removed = co_await device.remove(name);
        CONTRACT(removed.ok());
    }
    co_return std::string();
}

task<std::string> fill_to_the_end(device_set& set, extent_device& device) {
    std::vector<extent_name> names;
    std::set<std::uint64_t> places;
    const std::uint64_t total = device.total_extents();
    std::vector<task<result<extent_info>>> creates;
    for (std::uint64_t i = 0; i < total; ++i) {
        names.push_back(set.next_extent_name());
        creates.push_back(device.create(names.back(), extent_purpose::stripe));
    }
    auto made = co_await when_all(std::move(creates));
    for (const auto& each : made)
        CONTRACT(each.ok());
    CONTRACT(device.free_extents() == 0);
    const extent_name one_more = set.next_extent_name();
    auto refused = co_await device.create(one_more, extent_purpose::stripe);
    CONTRACT(refused.is(errc::no_space));
    std::vector<task<result<void>>> removals;
    for (const extent_name& each : names)
        removals.push_back(device.remove(each));
    auto removed = co_await when_all(std::move(removals));
    for (const auto& each : removed)
        CONTRACT(each.ok());
    CONTRACT(device.free_extents() == total);
    co_return std::string();
}

task<result<void>> write_then_flush(extent_device& device, extent_name name, std::uint64_t at,
                                    bytes_view from) {
    auto written = co_await device.write(name, at, from);
    if (!written) co_return written;
    co_return co_await device.flush();
}

task<std::string> many_share_flushes(device_set& set, extent_device& device, buffer_pool& pool) {
    const extent_name name = set.next_extent_name();
    auto made = co_await device.create(name, extent_purpose::stripe);
    CONTRACT(made.ok());
    const buffer bytes = filled(pool, 4096, 0x77);
    std::vector<task<result<void>>> writes;
    for (std::uint64_t at = 0; at < device.extent_bytes(); at += 4096) {
        writes.push_back(write_then_flush(device, name, at, bytes.view()));
    }
    auto done = co_await when_all(std::move(writes));
    for (const auto& each : done)
        CONTRACT(each.ok());
    auto removed = co_await device.remove(name);
    CONTRACT(removed.ok());
    co_return std::string();
}

#undef CONTRACT

}  // namespace

task<std::string> extent_contract(device_set& set, extent_device& device, buffer_pool& pool) {
    std::string broken = co_await create_and_overwrite(set, device, pool);
    if (broken.empty()) broken = co_await seal_and_remove(set, device, pool);
    if (broken.empty()) broken = co_await lives_grow(set, device, pool);
    if (broken.empty()) broken = co_await fill_to_the_end(set, device);
    if (broken.empty()) broken = co_await many_share_flushes(set, device, pool);
    co_return broken;
}

}  // namespace taicang::test
