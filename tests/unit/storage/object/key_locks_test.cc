#include "storage/object/key_locks.h"

#include <gtest/gtest.h>

#include "storage/base/async.h"
#include "storage/io/simulation.h"

namespace taicang {
namespace {

struct scene {
    key_locks locks;
    std::vector<int> order;
    int inside = 0;
    int done = 0;
    event finished;
};

task<void> visit(scene* at, std::vector<std::string> names, int who, int all) {
    {
        const name_lock held = co_await at->locks.lock(std::move(names));
        EXPECT_EQ(at->inside, 0);
        ++at->inside;
        co_await sleep_for(one_millisecond);
        --at->inside;
        at->order.push_back(who);
    }
    if (++at->done == all) at->finished.set();
}

task<bool> all_on_one_name(scene* at, gate* holder) {
    for (int i = 0; i < 5; ++i) {
        std::vector<std::string> names{"a"};
        EXPECT_TRUE(spawn(*holder, visit(at, std::move(names), i, 5)));
    }
    co_await at->finished.wait();
    co_await holder->close();
    co_return true;
}

TEST(key_locks, one_holder_at_a_time_in_order_of_arrival) {
    simulation world(1);
    scene at;
    gate holder;
    EXPECT_TRUE(world.run(all_on_one_name(&at, &holder)));
    EXPECT_EQ(at.order, (std::vector<int>{0, 1, 2, 3, 4}));
    EXPECT_EQ(at.locks.held(), 0U);
}

task<bool> opposite_orders(scene* at, gate* holder) {
    std::vector<std::string> forth{"a", "b", "a"};
    std::vector<std::string> back{"b", "a"};
    EXPECT_TRUE(spawn(*holder, visit(at, std::move(forth), 0, 2)));
    EXPECT_TRUE(spawn(*holder, visit(at, std::move(back), 1, 2)));
    co_await at->finished.wait();
    co_await holder->close();
    co_return true;
}

TEST(key_locks, names_in_any_order_do_not_deadlock) {
    simulation world(1);
    scene at;
    gate holder;
    EXPECT_TRUE(world.run(opposite_orders(&at, &holder)));
    EXPECT_EQ(at.done, 2);
}

task<bool> absorbed(scene* at) {
    std::vector<std::string> one{"a"};
    std::vector<std::string> two{"b", "c"};
    name_lock held = co_await at->locks.lock(std::move(one));
    name_lock more = co_await at->locks.lock(std::move(two));
    held.absorb(std::move(more));
    EXPECT_EQ(at->locks.held(), 3U);
    held.release();
    EXPECT_EQ(at->locks.held(), 0U);
    co_return true;
}

TEST(key_locks, absorbed_names_go_together) {
    simulation world(1);
    scene at;
    EXPECT_TRUE(world.run(absorbed(&at)));
}

TEST(key_locks, classes_sort_in_lock_order) {
    const std::string bucket = key_locks::bucket_name("zzz");
    const std::string key = key_locks::key_name(bucket_id{~0ULL}, "zzz");
    const std::string upload = key_locks::upload_name("zzz");
    const std::string blob = key_locks::blob_name(blob_id{1});
    EXPECT_LT(bucket, key_locks::key_name(bucket_id{1}, ""));
    EXPECT_LT(key, key_locks::upload_name("0"));
    EXPECT_LT(upload, blob);
}

}  // namespace
}  // namespace taicang
