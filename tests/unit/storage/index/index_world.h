// What an index stands on in tests: the deterministic simulation with RocksDB in memory, or a
// reactor and a real directory. Threads: the test's; run() crosses to the executor. Lifetime:
// indexes must be stopped or destroyed before their world.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <stdlib.h>

#include "storage/base/limits.h"
#include "storage/index/index.h"
#include "storage/io/environment.h"
#include "storage/io/reactor.h"
#include "storage/io/simulation.h"

namespace taicang::test {

class index_world {
  public:
    index_world() = default;
    index_world(const index_world&) = delete;
    index_world& operator=(const index_world&) = delete;
    virtual ~index_world() = default;

    virtual environment& env() = 0;
    virtual index_options options() = 0;
    /// The index directory was removed.
    virtual void lose_index() = 0;

    template <class T>
    T run(task<T> body) {
        std::optional<T> out;
        run_wrapped(keep(out, std::move(body)));
        return std::move(*out);
    }
    void run(task<void> body) { run_wrapped(finish(std::move(body))); }

  protected:
    virtual void run_wrapped(task<bool> body) = 0;

    buffer_pool buffers_{4 * limits::mib};
    memory_budget budget_{64 * limits::mib, 100};
    metric_registry metrics_;

  private:
    template <class T>
    static task<bool> keep(std::optional<T>& out, task<T> body) {
        auto value = co_await std::move(body);
        out.emplace(std::move(value));
        co_return true;
    }
    static task<bool> finish(task<void> body) {
        co_await std::move(body);
        co_return true;
    }
};

class sim_index_world final : public index_world {
  public:
    explicit sim_index_world(std::uint64_t seed)
        : sim_(seed), env_{sim_.main(),   sim_.pool(), sim_.pool(), sim_.files(),
                           sim_.random(), buffers_,    budget_,     metrics_} {}
    environment& env() override { return env_; }
    simulation& sim() { return sim_; }
    index_options options() override {
        index_options out;
        out.directory = "/hub/index";
        out.in_memory = true;
        out.media = &media_;
        out.identity = "hub";
        return out;
    }
    void lose_index() override { media_.wipe(); }

  protected:
    void run_wrapped(task<bool> body) override { sim_.run(std::move(body)); }

  private:
    simulation sim_;
    index_media media_;
    environment env_;
};

class real_index_world final : public index_world {
  public:
    explicit real_index_world(std::string base = ".") {
        std::string pattern = base + "/taicang-index-XXXXXX";
        TC_ASSERT(mkdtemp(pattern.data()) != nullptr);
        root_ = std::filesystem::absolute(pattern).string();
        reactor_options wanted;
        wanted.name = "test";
        auto started = reactor::start(wanted);
        TC_ASSERT(started.ok());
        reactor_ = std::move(*started);
        pool_ = make_worker_pool("test-reads", 2);
        random_ = system_random();
        env_.emplace(environment{*reactor_, *pool_, *pool_, reactor_->files(), *random_, buffers_,
                                 budget_, metrics_});
    }
    ~real_index_world() override {
        reactor_->stop();
        pool_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }
    environment& env() override { return *env_; }
    [[nodiscard]] const std::string& root() const { return root_; }
    [[nodiscard]] std::string directory() const { return root_ + "/index"; }
    index_options options() override {
        index_options out;
        out.directory = directory();
        out.identity = "hub";
        return out;
    }
    void lose_index() override { std::filesystem::remove_all(directory()); }

  protected:
    void run_wrapped(task<bool> body) override { reactor_->run(std::move(body)); }

  private:
    std::string root_;
    std::unique_ptr<reactor> reactor_;
    std::unique_ptr<worker_pool> pool_;
    std::unique_ptr<random_source> random_;
    std::optional<environment> env_;
};

inline std::unique_ptr<index_world> make_index_world(bool simulated, std::uint64_t seed = 3) {
    if (simulated) return std::make_unique<sim_index_world>(seed);
    return std::make_unique<real_index_world>();
}

inline row_op put(std::string key, std::string value) {
    return {std::move(key), std::move(value), std::nullopt};
}
inline row_op drop(std::string key) {
    return {std::move(key), std::nullopt, std::nullopt};
}
inline row_op add(std::string key, std::int64_t delta) {
    return {std::move(key), std::nullopt, delta};
}

/// All rows but the index's own, through a cursor.
inline std::vector<index_entry> all_rows(index_world& world, index& rows) {
    std::vector<index_entry> out;
    auto read = world.run(rows.with_cursor([&out](index_cursor& cursor) -> result<void> {
        for (cursor.seek("a"); cursor.valid(); cursor.next()) {
            if (cursor.key().front() != 'm')
                out.push_back({std::string(cursor.key()), std::string(cursor.value())});
        }
        return cursor.status();
    }));
    TC_ASSERT(read.ok());
    return out;
}

}  // namespace taicang::test
