// Timers against a list kept by hand: order, cancelling, and a heap that does not grow with
// cancelled deadlines.
#include "storage/io/timer_queue.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/random.h"

namespace taicang {
namespace {

TEST(timer_queue, pops_in_order_of_time_then_tie_then_adding) {
    timer_queue timers;
    std::vector<int> fired;
    timers.add(20, [&fired] { fired.push_back(4); });
    timers.add(
        10, [&fired] { fired.push_back(2); }, 5);
    timers.add(
        10, [&fired] { fired.push_back(3); }, 5);
    timers.add(
        10, [&fired] { fired.push_back(1); }, 1);
    while (!timers.empty())
        timers.pop()();
    EXPECT_EQ(fired, (std::vector<int>{1, 2, 3, 4}));
    EXPECT_FALSE(timers.next().has_value());
}

TEST(timer_queue, a_cancelled_timer_never_fires_and_an_id_is_not_reused) {
    timer_queue timers;
    int fired = 0;
    const auto id = timers.add(10, [&fired] { ++fired; });
    EXPECT_TRUE(timers.cancel(id));
    EXPECT_FALSE(timers.cancel(id));
    const auto next = timers.add(5, [&fired] { fired += 10; });
    EXPECT_FALSE(timers.cancel(id)) << "the slot is shared, the id is not";
    EXPECT_EQ(timers.next(), 5);
    timers.pop()();
    EXPECT_EQ(fired, 10);
    EXPECT_FALSE(timers.cancel(next));
}

TEST(timer_queue, agrees_with_a_sorted_list_under_random_use) {
    struct entry {
        nanoseconds when;
        int number;
        executor::timer_id id;
    };
    const auto random = seeded_random(7);
    timer_queue timers;
    std::vector<entry> model;
    int last_fired = -1;
    for (int n = 0; n < 20'000; ++n) {
        const std::uint64_t dice = random->below(3);
        if (dice == 0 || model.empty()) {
            const auto when = static_cast<nanoseconds>(random->below(1000));
            const auto id = timers.add(when, [n, &last_fired] { last_fired = n; });
            model.push_back({when, n, id});
        } else if (dice == 1) {
            const std::size_t at = random->below(model.size());
            EXPECT_TRUE(timers.cancel(model[at].id));
            model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
        } else {
            const auto first =
                std::min_element(model.begin(), model.end(), [](const entry& a, const entry& b) {
                    return std::tie(a.when, a.number) < std::tie(b.when, b.number);
                });
            ASSERT_EQ(timers.next(), first->when);
            timers.pop()();
            ASSERT_EQ(last_fired, first->number);
            model.erase(first);
        }
        ASSERT_EQ(timers.empty(), model.empty());
    }
}

TEST(timer_queue, deadlines_that_are_always_cancelled_cost_no_growing_memory) {
    timer_queue timers;
    const auto kept = timers.add(0, [] {});
    for (int n = 0; n < 100'000; ++n) {
        timers.cancel(timers.add(1'000'000 + n, [] {}));
        ASSERT_LE(timers.entries(), 128U);
    }
    EXPECT_TRUE(timers.cancel(kept));
    EXPECT_TRUE(timers.empty());
    EXPECT_FALSE(timers.next().has_value());
}

}  // namespace
}  // namespace taicang
