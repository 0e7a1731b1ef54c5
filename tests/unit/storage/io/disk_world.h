// A disk with the executor it belongs to, so that one contract test runs over every backend.
// Threads: the test's; run() crosses to the executor. Lifetime: files must be closed inside run().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/base/buffer.h"
#include "storage/io/disk.h"
#include "storage/io/reactor.h"
#include "storage/io/simulation.h"

namespace taicang::test {

class disk_world {
  public:
    disk_world() = default;
    disk_world(const disk_world&) = delete;
    disk_world& operator=(const disk_world&) = delete;
    virtual ~disk_world() = default;

    virtual disk& files() = 0;
    /// A directory of this test alone.
    virtual std::string root() = 0;
    virtual bool run(task<bool> body) = 0;
    virtual buffer_pool& pool() { return pool_; }

  private:
    buffer_pool pool_{std::size_t{16} << 20};
};

class sim_world final : public disk_world {
  public:
    explicit sim_world(std::uint64_t seed) : sim_(seed) {}
    disk& files() override { return sim_.files(); }
    std::string root() override { return "/sim"; }
    bool run(task<bool> body) override { return sim_.run(std::move(body)); }
    simulation& sim() { return sim_; }

  private:
    simulation sim_;
};

/// A buffer whose every 8 bytes tell `tag` and their place.
inline buffer patterned(buffer_pool& pool, std::size_t size, std::uint64_t tag) {
    buffer made = pool.allocate(size);
    for (std::size_t at = 0; at < size; at += 8) {
        store_le(made.data() + at, tag * 0x9e3779b97f4a7c15ULL + at);
    }
    return made;
}

inline bool equal(bytes_view a, bytes_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

inline bool all_zero(bytes_view bytes) {
    for (const std::byte b : bytes) {
        if (b != std::byte{0}) return false;
    }
    return true;
}

}  // namespace taicang::test
