// A reactor on a directory of its own in the build's temporary space, for tests of the real
// backends. Threads: the test's. Lifetime: removes its directory when it dies.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <stdlib.h>

#include "tests/unit/storage/io/disk_world.h"

namespace taicang::test {

class real_world final : public disk_world {
  public:
    /// `arena_bytes` of the pool are registered with the ring.
    explicit real_world(disk_backend backend, std::string base = ".", unsigned queue_depth = 256,
                        std::size_t arena_bytes = 0)
        : pool_(std::size_t{16} << 20, arena_bytes) {
        std::string pattern = base + "/taicang-io-XXXXXX";
        TC_ASSERT(mkdtemp(pattern.data()) != nullptr);
        root_ = std::filesystem::absolute(pattern).string();
        reactor_options options;
        options.name = "test";
        options.backend = backend;
        options.queue_depth = queue_depth;
        options.registered_memory = pool_.arena();
        auto started = reactor::start(options);
        if (!started) refusal_ = started.error().message;
        if (started) reactor_ = std::move(started).value();
    }
    ~real_world() override {
        if (reactor_ != nullptr) reactor_->stop();
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }
    [[nodiscard]] bool usable() const { return reactor_ != nullptr; }
    [[nodiscard]] const std::string& refusal() const { return refusal_; }
    reactor& home() { return *reactor_; }
    buffer_pool& pool() override { return pool_; }
    disk& files() override { return reactor_->files(); }
    std::string root() override { return root_; }
    bool run(task<bool> body) override { return reactor_->run(std::move(body)); }

  private:
    buffer_pool pool_;
    std::string root_;
    std::string refusal_;
    std::unique_ptr<reactor> reactor_;
};

}  // namespace taicang::test
