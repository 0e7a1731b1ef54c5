// What every extent_device must do, whatever stands behind it: one coroutine that each backend's
// test runs. Threads: the device's executor. Lifetime: set and pool outlive the run.
#pragma once

#include <string>

#include "storage/base/buffer.h"
#include "storage/device/device_set.h"

namespace taicang::test {

/// Empty when the contract holds, else what broke. The device is empty at the start.
task<std::string> extent_contract(device_set& set, extent_device& device, buffer_pool& pool);

}  // namespace taicang::test
