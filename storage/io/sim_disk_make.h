// Makes the simulated disk for simulation.cc and the paths it shares with the real ones.
// Threads: the simulation's. Lifetime: the random source outlives the disk.
#pragma once

#include <memory>
#include <string>

#include "storage/base/random.h"
#include "storage/io/simulation.h"

namespace taicang {

std::unique_ptr<sim_disk> make_sim_disk(random_source& chance);

}  // namespace taicang
