// Tasks and their building blocks on the simulation's queue.
#include "storage/base/async.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/when_all.h"
#include "storage/io/simulation.h"

namespace taicang {
namespace {

task<std::uint64_t> give(std::uint64_t n) {
    co_return n;
}

task<std::uint64_t> give_later(std::uint64_t n) {
    co_await yield_now();
    co_return n;
}

/// Where the stack is now.
__attribute__((noinline)) std::uintptr_t stack_position() {
    volatile char here = 0;
    return reinterpret_cast<std::uintptr_t>(&here);
}

task<bool> sum_without_suspending(std::uint64_t count) {
    std::uint64_t sum = 0;
    const std::uintptr_t before = stack_position();
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t one = co_await give(1);
        sum += one;
    }
    const std::uintptr_t after = stack_position();
    EXPECT_LT(before > after ? before - after : after - before, 64U * 1024U);
    co_return sum == count;
}

TEST(task, a_million_awaits_that_do_not_suspend_need_no_stack) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(sum_without_suspending(1'000'000)));
}

task<bool> sum_with_suspending(std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t one = co_await give_later(1);
        sum += one;
    }
    co_return sum == count;
}

TEST(task, a_million_awaits_that_suspend_need_no_stack) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(sum_with_suspending(1'000'000)));
}

/// Suspends now and then: synchronous runs after a resumption must not nest either.
task<bool> sum_mixed(std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t a = co_await give(1);
        sum += a;
        if (i % 1000 == 0) {
            const std::uint64_t b = co_await give_later(0);
            sum += b;
        }
    }
    co_return sum == count;
}

TEST(task, a_mixture_needs_no_stack) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(sum_mixed(1'000'000)));
}

task<std::string> owns(std::unique_ptr<std::string> text) {
    co_await yield_now();
    co_return *text;
}

task<bool> pass_owner() {
    auto text = std::make_unique<std::string>("grain");
    const std::string got = co_await owns(std::move(text));
    co_return got == "grain";
}

TEST(task, parameters_by_value_live_as_long_as_the_task) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(pass_owner()));
}

TEST(task, one_that_never_ran_frees_its_parameters) {
    auto shared = std::make_shared<int>(1);
    auto holder = [](std::shared_ptr<int> held) -> task<int> { co_return *held; };
    {
        const task<int> never = holder(shared);
        EXPECT_EQ(shared.use_count(), 2);
    }
    EXPECT_EQ(shared.use_count(), 1);
}

task<bool> all_in_order() {
    std::vector<task<std::uint64_t>> bodies;
    for (std::uint64_t i = 0; i < 100; ++i) {
        bodies.push_back(i % 3 == 0 ? give(i) : give_later(i));
    }
    auto values = co_await when_all(std::move(bodies));
    for (std::uint64_t i = 0; i < 100; ++i)
        EXPECT_EQ(values[i], i);
    auto none = co_await when_all(std::vector<task<std::uint64_t>>());
    co_return none.empty();
}

TEST(when_all, gives_values_in_order_whenever_they_finish) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(all_in_order()));
}

task<int> keep_until_later(std::shared_ptr<int> owned, nanoseconds span) {
    co_await sleep_for(span);
    co_return *owned;
}

task<bool> nothing_is_held_afterwards() {
    auto owned = std::make_shared<int>(7);
    std::vector<task<int>> bodies;
    for (int i = 1; i <= 3; ++i)
        bodies.push_back(keep_until_later(owned, i * one_millisecond));
    auto values = co_await when_all(std::move(bodies));
    EXPECT_EQ(values.size(), 3U);
    co_return owned.use_count() == 1;
}

TEST(when_all, what_the_bodies_own_is_gone_when_the_caller_goes_on) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(nothing_is_held_afterwards()));
}

task<void> hold_a_while(int* left, nanoseconds span) {
    co_await sleep_for(span);
    --*left;
}

task<bool> close_waits(executor& home) {
    gate door;
    int left = 3;
    for (int i = 1; i <= 3; ++i)
        EXPECT_TRUE(spawn(door, hold_a_while(&left, i * one_millisecond)));
    EXPECT_EQ(door.holders(), 3U);
    const nanoseconds before = home.monotonic_now();
    co_await door.close();
    EXPECT_EQ(left, 0);
    EXPECT_GE(home.monotonic_now() - before, 3 * one_millisecond);
    EXPECT_FALSE(spawn(door, hold_a_while(&left, 0)));
    EXPECT_EQ(left, 0);
    co_return door.closed();
}

TEST(gate, close_waits_for_holders_and_refuses_new_ones) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(close_waits(sim.main())));
}

task<bool> close_empty() {
    gate door;
    co_await door.close();
    co_return !door.try_enter();
}

TEST(gate, an_empty_one_closes_at_once) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(close_empty()));
}

task<void> wait_and_note(event* signal, int id, std::vector<int>* order) {
    co_await signal->wait();
    order->push_back(id);
}

task<bool> events() {
    event signal;
    gate door;
    std::vector<int> order;
    for (int i = 0; i < 3; ++i)
        spawn(door, wait_and_note(&signal, i, &order));
    signal.pulse();
    EXPECT_TRUE(order.empty()) << "waiters resume through the queue, never inside set()";
    co_await yield_now();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
    spawn(door, wait_and_note(&signal, 3, &order));
    signal.set();
    spawn(door, wait_and_note(&signal, 4, &order));
    EXPECT_EQ(order.back(), 4) << "a set event does not suspend";
    co_await door.close();
    signal.reset();
    co_return order.size() == 5 && !signal.is_set();
}

TEST(event, pulse_wakes_the_present_and_set_also_the_future) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(events()));
}

task<bool> wait_timed(event* signal, nanoseconds patience) {
    co_return co_await signal->wait_for(patience);
}

task<bool> timed(executor& home) {
    event signal;
    std::vector<task<bool>> waits;
    for (int i = 1; i <= 10; ++i)
        waits.push_back(wait_timed(&signal, i * one_millisecond));
    home.post_after(5 * one_millisecond + one_microsecond * 500, [&signal] { signal.set(); });
    auto in_time = co_await when_all(std::move(waits));
    for (std::size_t i = 0; i < 10; ++i)
        EXPECT_EQ(in_time[i], i >= 5) << i;
    const nanoseconds before = home.monotonic_now();
    const bool at_once = co_await signal.wait_for(one_second);
    EXPECT_TRUE(at_once);
    EXPECT_LT(home.monotonic_now() - before, one_millisecond);
    signal.reset();
    const bool late = co_await signal.wait_for(one_millisecond);
    co_return !late;
}

TEST(event, timed_waits_end_by_the_event_or_by_time) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(timed(sim.main())));
}

task<void> critical(async_mutex* mutex, int id, int* inside, std::vector<int>* order) {
    const auto guard = co_await mutex->lock();
    EXPECT_EQ(++*inside, 1);
    order->push_back(id);
    co_await sleep_for(one_millisecond);
    --*inside;
}

task<bool> exclusive() {
    async_mutex mutex;
    gate door;
    int inside = 0;
    std::vector<int> order;
    for (int i = 0; i < 20; ++i)
        spawn(door, critical(&mutex, i, &inside, &order));
    co_await door.close();
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
    // Free again.
    const auto guard = co_await mutex.lock();
    co_return order.size() == 20;
}

TEST(async_mutex, one_at_a_time_in_order_of_arrival) {
    simulation sim(1);
    EXPECT_TRUE(sim.run(exclusive()));
}

task<bool> take_turns(std::vector<int>* order) {
    std::vector<task<bool>> two;
    auto speak = [](int id, std::vector<int>* o) -> task<bool> {
        for (int i = 0; i < 3; ++i) {
            o->push_back(id);
            co_await yield_now();
        }
        co_return true;
    };
    two.push_back(speak(1, order));
    two.push_back(speak(2, order));
    co_await when_all(std::move(two));
    co_return true;
}

TEST(yield_now, lets_the_other_go_first) {
    simulation sim(1);
    std::vector<int> order;
    EXPECT_TRUE(sim.run(take_turns(&order)));
    EXPECT_EQ(order, (std::vector<int>{1, 2, 1, 2, 1, 2}));
}

}  // namespace
}  // namespace taicang
