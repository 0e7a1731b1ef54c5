// The metrics page's part that is read from the hub at each scrape, in Prometheus text form.
// Pure but for the process's own resident size; any thread.
#pragma once

#include <string>

#include "storage/base/buffer.h"
#include "storage/base/memory_budget.h"
#include "storage/hub/hub.h"

namespace taicang {

std::string hub_metrics(const hub_status& status, const memory_budget_figures& budget,
                        const buffer_pool& buffers);

}  // namespace taicang
