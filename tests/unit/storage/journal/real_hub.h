// The real device room over the simulated disk, for the journal's tests.
// Threads: the simulation's. Lifetime: outlives the device sets it opens.
#pragma once

#include <string>

#include "storage/io/simulation.h"
#include "tests/unit/storage/journal/hub_under_test.h"

namespace taicang::test {

class real_hub final : public hub_under_test {
  public:
    real_hub(simulation& sim, std::uint64_t extent_bytes, unsigned devices = 6, unsigned parity = 2)
        : sim_(sim), extent_bytes_(extent_bytes), devices_(devices), parity_(parity) {}

    task<result<std::unique_ptr<device_set>>> open(environment& env) override;
    void crash() override { sim_.crash(); }
    [[nodiscard]] std::size_t device_count() const override { return devices_; }
    void kill(std::size_t device) override { sim_.files().kill(path(device)); }
    void worsen(std::size_t device, random_source& chance) override;
    [[nodiscard]] tier_id tier() const override { return tier_id::nvme; }

    [[nodiscard]] static std::string path(std::size_t device) {
        return "/hub/nvme-" + std::to_string(device) + ".dev";
    }

  private:
    simulation& sim_;
    std::uint64_t extent_bytes_;
    unsigned devices_;
    unsigned parity_;
};

}  // namespace taicang::test
