// The object service on a journal and stripes in memory, against the model: concurrency, pending
// records, restarts, a journal that fails. Faults of disks are tests/sim's.
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/model/random_ops.h"
#include "tests/unit/storage/object/object_world.h"

namespace taicang::test {
namespace {

struct bench {
    explicit bench(std::uint64_t seed) : at(seed, small_parts()), ops(seed, model, {}) {
        at.stripes.run_bytes = 64 * 1024;
        at.stripes.group_bytes = 512 * 1024;
        EXPECT_TRUE(at.run(ops.prepare(*at.objects)));
    }
    static object_service_options small_parts() {
        object_service_options options;
        options.part_bytes_min = model::random_options().part_bytes_min;
        return options;
    }
    void show() const {
        for (const std::string& what : model.violations())
            ADD_FAILURE() << what;
    }
    object_world at;
    model::object_model model;
    model::random_ops ops;
};

std::uint64_t seeds() {
    const char* const wanted = std::getenv("TAICANG_LONG");
    return wanted != nullptr ? 400 : 12;
}

TEST(object_against_model, random_operations_of_many_clients) {
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        bench test(seed);
        EXPECT_TRUE(test.at.run(test.ops.run(*test.at.objects, test.at.env, 600)));
        EXPECT_TRUE(test.at.run(test.ops.verify(*test.at.objects, test.at.env)));
        test.at.restart();
        EXPECT_TRUE(test.at.run(test.ops.run(*test.at.objects, test.at.env, 300)));
        EXPECT_TRUE(test.at.run(test.ops.verify(*test.at.objects, test.at.env)));
        EXPECT_TRUE(test.at.run(test.ops.clear(*test.at.objects, test.at.env)));
        EXPECT_EQ(test.at.live_bytes(), 0);
        EXPECT_EQ(test.at.count_rows(index_key::family::blob), 0U) << "a blob that nobody names";
        EXPECT_EQ(test.at.count_rows(index_key::family::version), 0U);
        EXPECT_EQ(test.at.count_rows(index_key::family::part), 0U);
        EXPECT_TRUE(test.ops.failures().empty())
            << errc_name(test.ops.failures().begin()->first) << " without a reason";
        test.show();
        if (HasFailure()) return;
    }
}

task<bool> fail_later(object_world* at, nanoseconds delay) {
    co_await sleep_for(delay);
    at->log.fail();
    co_return true;
}
task<void> fail_in(object_world* at, nanoseconds delay) {
    const bool failed = co_await fail_later(at, delay);
    TC_ASSERT(failed);
}
task<bool> run_until_it_fails(object_world* at, model::random_ops* ops, nanoseconds delay) {
    gate holder;
    TC_ASSERT(spawn(holder, fail_in(at, delay)));
    const bool went = co_await ops->run(*at->objects, at->env, 400);
    co_await holder.close();
    co_return went;
}

TEST(object_against_model, a_failing_journal_leaves_old_or_new) {
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        bench test(seed);
        EXPECT_TRUE(test.at.run(run_until_it_fails(
            &test.at, &test.ops, static_cast<nanoseconds>(1 + seed % 7) * one_millisecond)));
        test.ops.cut();
        test.at.crash(seed % 2 == 0);
        EXPECT_TRUE(test.at.run(test.ops.verify(*test.at.objects, test.at.env)));
        EXPECT_TRUE(test.at.run(test.ops.run(*test.at.objects, test.at.env, 100)));
        EXPECT_TRUE(test.at.run(test.ops.verify(*test.at.objects, test.at.env)));
        EXPECT_TRUE(test.at.run(test.ops.clear(*test.at.objects, test.at.env)));
        EXPECT_EQ(test.at.live_bytes(), 0);
        EXPECT_EQ(test.at.count_rows(index_key::family::blob), 0U);
        test.show();
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace taicang::test
