// /health/ready means reads and writes: it follows the journal, not only the process.
#include <gtest/gtest.h>

#include "s3gw/admin/admin_handler.h"
#include "tests/sim/sim_world.h"

namespace taicang::test {
namespace {

task<bool> make_bucket(hub& running, std::string name) {
    auto made = co_await running.objects().create_bucket(name, "owner", "region");
    co_return made.ok();
}

task<http_response> ask(http_handler& handler, std::string path) {
    http_request request;
    request.method = http_method::get;
    request.path = std::move(path);
    co_return co_await handler.handle(request);
}

class readiness : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(world.start().ok());
        environment& env = world.env();
        const http_handler_factory make =
            make_admin_handlers({env.home, world.running(), env.budget, env.buffers, keys,
                                 env.metrics, ready, "us-east-1", "test"});
        handler = make(env.home, 0);
    }
    void TearDown() override {
        handler.reset();
        world.stop();
    }
    http_response get(std::string path) {
        return world.world().run(ask(*handler, std::move(path)));
    }
    bool write(std::string name) {
        return world.world().run(make_bucket(world.running(), std::move(name)));
    }
    void kill_devices(unsigned first, unsigned last) {
        for (unsigned number = first; number <= last; ++number)
            world.world().files().kill(sim::sim_world::device_path(number));
    }

    sim::sim_world world{12};
    credential_store keys;
    std::atomic<bool> ready{true};
    std::unique_ptr<http_handler> handler;
};

TEST_F(readiness, ends_with_the_process_and_with_the_journal) {
    EXPECT_EQ(get("/health/ready").status, 200U);
    ready = false;
    EXPECT_EQ(get("/health/ready").status, 503U);
    ready = true;
    kill_devices(0, sim::sim_world::nvme_parity - 1);
    ASSERT_TRUE(write("with-m-lost"));
    EXPECT_EQ(get("/health/ready").status, 200U);
    kill_devices(sim::sim_world::nvme_parity, sim::sim_world::nvme_devices - 1);
    ASSERT_FALSE(write("with-none-left"));
    const http_response refused = get("/health/ready");
    EXPECT_EQ(refused.status, 503U);
    const std::string why = world.running().log().figures().failure;
    ASSERT_FALSE(why.empty());
    EXPECT_NE(refused.body.find(why), std::string::npos) << refused.body;
    EXPECT_EQ(get("/health/live").status, 200U);
    EXPECT_NE(get("/metrics").body.find("\ntaicang_health 3\n"), std::string::npos);
}

}  // namespace
}  // namespace taicang::test
