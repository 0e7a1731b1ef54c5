// A small seeded stream of random numbers, so that a power cut replays from its seed.
//
// Threads: none of its own; one owner at a time. Lifetime: a value.
// Invariants: the same seed gives the same numbers on every machine (std distributions do not).
#pragma once

#include <cstdint>

namespace taicang::fuse_disk {

class random_stream {
  public:
    explicit random_stream(std::uint64_t seed) : state_(seed) {}

    // splitmix64 (Steele, Lea, Flood 2014).
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }

    // Uniform in [0, bound); the bias of the modulus is below 2^-32 for the bounds used here.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }

    bool chance(unsigned percent) { return below(100) < percent; }

  private:
    std::uint64_t state_;
};

}  // namespace taicang::fuse_disk
