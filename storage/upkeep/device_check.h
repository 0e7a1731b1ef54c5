// Looks at every active device's superblock from time to time, so that a device that was
// overwritten or taken away is fenced though nobody happens to read from it. Threads: the shard's
// executor. Lifetime: borrows the devices.
#pragma once

#include "storage/base/job.h"
#include "storage/device/device_set.h"

namespace taicang {

class device_check_job final : public job {
  public:
    explicit device_check_job(device_set& devices) : devices_(devices) {}

    [[nodiscard]] std::string_view name() const override { return "device_check"; }
    task<result<job_state>> step() override;
    [[nodiscard]] job_progress progress() const override;

  private:
    device_set& devices_;
    std::uint64_t checked_ = 0;
    std::uint64_t failed_ = 0;
};

}  // namespace taicang
