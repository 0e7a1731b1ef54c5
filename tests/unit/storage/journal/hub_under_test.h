// What the journal's tests need of a hub's devices, fake or real.
// Threads: the simulation's. Lifetime: outlives the device sets it opens.
#pragma once

#include <memory>

#include "storage/device/device_set.h"
#include "storage/io/environment.h"

namespace taicang::test {

class hub_under_test {
  public:
    hub_under_test() = default;
    hub_under_test(const hub_under_test&) = delete;
    hub_under_test& operator=(const hub_under_test&) = delete;
    virtual ~hub_under_test() = default;

    virtual task<result<std::unique_ptr<device_set>>> open(environment& env) = 0;
    /// Power cut: unflushed writes are settled by chance, and sets opened before answer errors.
    virtual void crash() = 0;
    [[nodiscard]] virtual std::size_t device_count() const = 0;
    /// From now on every operation on the device fails.
    virtual void kill(std::size_t device) = 0;
    /// Gives the device faults by chance: lost writes, rot, errors.
    virtual void worsen(std::size_t device, random_source& chance) = 0;
    [[nodiscard]] virtual tier_id tier() const = 0;
};

}  // namespace taicang::test
