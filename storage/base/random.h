// The randomness seam. Threads: an instance belongs to one executor unless it says otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"

namespace taicang {

class random_source {
  public:
    random_source() = default;
    random_source(const random_source&) = delete;
    random_source& operator=(const random_source&) = delete;
    virtual ~random_source() = default;
    virtual std::uint64_t next() = 0;
    /// Fills with bytes fit for keys when the source is system_random().
    virtual void fill(bytes_span into) = 0;

    /// Uniform in [0, bound), bound > 0.
    std::uint64_t below(std::uint64_t bound);
    /// True once in `n` on average.
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    uuid make_uuid();
};

/// The operating system's generator; thread safe; fit for keys.
std::unique_ptr<random_source> system_random();
/// xoshiro256** (Blackman and Vigna, 2018), seeded with splitmix64: equal seeds give equal runs.
std::unique_ptr<random_source> seeded_random(std::uint64_t seed);

}  // namespace taicang
