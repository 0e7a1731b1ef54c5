// One seed of the simulation: operations, crashes and faults, all following from a number.
// Threads: one. No lifetime.
#pragma once

#include <cstdint>
#include <string>

namespace taicang::sim {

struct seed_report {
    std::uint64_t operations = 0, acknowledged = 0, unknown = 0, reads = 0, crashes = 0;
    std::string violation;  ///< empty: the seed passed
};

/// At least 2,000 operations, at least 3 crashes, and device faults within the budget of m on some
/// seeds.
seed_report run_seed(std::uint64_t seed);

}  // namespace taicang::sim
