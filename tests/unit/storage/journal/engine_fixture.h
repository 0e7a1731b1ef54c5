// What the tests of the journal's engine share: an engine over devices with aimed faults, and a
// model of what it was given.
#pragma once

#include <gtest/gtest.h>

#include "storage/journal/segment_map.h"
#include "tests/unit/storage/journal/fake_hub.h"
#include "tests/unit/storage/journal/journal_world.h"

namespace taicang::test {

struct journal_engine_test : testing::Test {
    explicit journal_engine_test(fake_options shape = {}) : hub(world.sim.random(), shape) {
        options.bytes_max = 16 * shape.extent_bytes;
    }

    void open() {
        const auto opened = world.open(hub, options);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
    }
    void append(int count, std::size_t payload = 3000) {
        for (int i = 0; i < count; ++i)
            world.append(random_record(world.sim.random(), payload));
    }
    /// Appends one record at a time, each in a batch of its own.
    void append_singly(int count, std::size_t payload = 3000) {
        for (int i = 0; i < count; ++i) {
            append(1, payload);
            world.settle();
        }
    }
    segment_map map() {
        auto decoded = decode_segment_map(as_bytes(hub.root()));
        TC_ASSERT(decoded.ok());
        return *decoded;
    }
    /// The copies of the open (first live) segment.
    segment_entry live_segment() {
        for (const segment_entry& entry : map().segments) {
            if (entry.state == segment_state::live) return entry;
        }
        TC_ASSERT_WHY(false, "no live segment");
        return {};
    }
    void damage_batch(const segment_entry& segment, std::size_t copies, std::uint64_t offset) {
        for (std::size_t i = 0; i < copies; ++i) {
            hub.damage(segment.members[i].device, segment.members[i].extent, offset + 200);
        }
    }
    void idle(nanoseconds span) { (void)world.run(wait(span)); }
    static task<result<void>> wait(nanoseconds span) {
        co_await sleep_for(span);
        co_return ok();
    }

    journal_world world{1};
    fake_hub hub;
    journal_options options;
};

}  // namespace taicang::test
