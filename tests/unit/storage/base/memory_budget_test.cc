// The budget: the limit holds, arrivals are served in order, a big request is not starved, patience
// ends.
#include "storage/base/memory_budget.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/async.h"
#include "storage/base/when_all.h"
#include "storage/io/simulation.h"

namespace taicang {
namespace {

constexpr nanoseconds patient = 60 * one_second;

/// Takes, notes its name, holds for a while, gives back.
task<bool> hold(memory_budget& budget, std::size_t bytes, nanoseconds span, std::string name,
                std::vector<std::string>* order, nanoseconds patience = patient) {
    auto lease = co_await budget.acquire(bytes, patience);
    if (!lease.ok()) {
        order->push_back(name + ":" + std::string(errc_name(lease.error().code)));
        co_return false;
    }
    order->push_back(name);
    EXPECT_LE(budget.figures().reserved_bytes, budget.figures().limit_bytes);
    co_await sleep_for(span);
    co_return true;
}

using names = std::vector<std::string>;

TEST(memory_budget, waiters_are_served_in_order_of_arrival_and_big_ones_are_not_starved) {
    simulation sim(1);
    memory_budget budget(100, 10);
    names order;
    std::vector<task<bool>> all;
    all.push_back(hold(budget, 60, one_millisecond, "first", &order));
    all.push_back(hold(budget, 90, one_millisecond, "big", &order));
    // Would fit beside "first", but "big" came before.
    all.push_back(hold(budget, 10, one_millisecond, "small", &order));
    all.push_back(hold(budget, 10, one_millisecond, "smaller", &order));
    sim.run(when_all(std::move(all)));
    EXPECT_EQ(order, (names{"first", "big", "small", "smaller"}));
    EXPECT_EQ(budget.figures().reserved_bytes, 0U);
    EXPECT_EQ(budget.figures().reserved_bytes_max, 100U);
    EXPECT_EQ(budget.figures().refused, 0U);
}

TEST(memory_budget, patience_ends_and_lets_those_behind_go_on) {
    simulation sim(1);
    memory_budget budget(100, 10);
    names order;
    std::vector<task<bool>> all;
    all.push_back(hold(budget, 60, one_second, "first", &order));
    all.push_back(hold(budget, 90, one_millisecond, "hasty", &order, 5 * one_millisecond));
    all.push_back(hold(budget, 40, one_millisecond, "behind", &order));
    sim.run(when_all(std::move(all)));
    EXPECT_EQ(order, (names{"first", "hasty:busy", "behind"}));
    EXPECT_EQ(budget.figures().refused, 1U);
    EXPECT_EQ(budget.figures().waiting, 0U);
}

TEST(memory_budget, too_many_waiters_are_refused_at_once) {
    simulation sim(1);
    memory_budget budget(100, 1);
    names order;
    std::vector<task<bool>> all;
    all.push_back(hold(budget, 100, one_millisecond, "first", &order));
    all.push_back(hold(budget, 50, one_millisecond, "waits", &order));
    all.push_back(hold(budget, 50, one_millisecond, "refused", &order));
    all.push_back(hold(budget, 50, one_millisecond, "impatient", &order, 0));
    sim.run(when_all(std::move(all)));
    EXPECT_EQ(order, (names{"first", "refused:busy", "impatient:busy", "waits"}));
}

TEST(memory_budget, more_than_the_limit_can_never_be_had) {
    simulation sim(1);
    memory_budget budget(100, 10);
    names order;
    EXPECT_FALSE(sim.run(hold(budget, 101, 0, "giant", &order)));
    EXPECT_EQ(order, (names{"giant:invalid_argument"}));
}

task<bool> try_around_waiters(memory_budget& budget, names* order) {
    memory_lease first = budget.try_acquire(60);
    EXPECT_EQ(first.bytes(), 60U);
    EXPECT_EQ(budget.try_acquire(50).bytes(), 0U);
    gate waiting;
    auto wait = [](memory_budget* b, names* o) -> task<void> {
        auto held = co_await hold(*b, 90, 0, "waiter", o);
        EXPECT_TRUE(held);
    };
    spawn(waiting, wait(&budget, order));
    // It would fit, but it must not overtake.
    EXPECT_EQ(budget.try_acquire(10).bytes(), 0U);
    memory_lease moved = std::move(first);
    EXPECT_EQ(first.bytes(), 0U);
    moved = memory_lease();
    co_await waiting.close();
    EXPECT_EQ(budget.try_acquire(100).bytes(), 100U);
    co_return true;
}

TEST(memory_budget, try_acquire_does_not_overtake_and_a_moved_lease_releases_once) {
    simulation sim(1);
    memory_budget budget(100, 10);
    names order;
    EXPECT_TRUE(sim.run(try_around_waiters(budget, &order)));
    EXPECT_EQ(order, (names{"waiter"}));
    EXPECT_EQ(budget.figures().reserved_bytes, 0U);
}

task<bool> random_holder(memory_budget& budget, random_source& random, int rounds,
                         std::uint64_t* served) {
    for (int i = 0; i < rounds; ++i) {
        const auto bytes = static_cast<std::size_t>(random.below(100) + 1);
        const auto patience = static_cast<nanoseconds>(random.below(3)) * one_millisecond;
        auto lease = co_await budget.acquire(bytes, patience);
        EXPECT_LE(budget.figures().reserved_bytes, 100U);
        if (lease.ok()) {
            ++*served;
            co_await sleep_for(static_cast<nanoseconds>(random.below(1000)) * one_microsecond);
        }
    }
    co_return true;
}

TEST(memory_budget, random_use_never_exceeds_the_limit_and_leaves_nothing_behind) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        simulation sim(seed);
        memory_budget budget(100, 8);
        std::uint64_t served = 0;
        std::vector<task<bool>> all;
        for (int i = 0; i < 12; ++i)
            all.push_back(random_holder(budget, sim.random(), 200, &served));
        sim.run(when_all(std::move(all)));
        const memory_budget_figures figures = budget.figures();
        EXPECT_EQ(figures.reserved_bytes, 0U);
        EXPECT_EQ(figures.waiting, 0U);
        EXPECT_EQ(figures.refused + served, 12U * 200U);
        EXPECT_GT(served, 500U);
        EXPECT_GT(figures.refused, 0U);
    }
}

}  // namespace
}  // namespace taicang
