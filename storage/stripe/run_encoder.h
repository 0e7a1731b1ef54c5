// Turns a run's data into the k+m chunk buffers that go to the devices: headers, data columns,
// parity, checksums. Pure CPU over buffers of the pool; may run on any thread. Lifetime: the result
// owns its buffers. Invariant: every byte of every buffer is determined by the run (padding is
// zero), so a repeated write repeats it.
#pragma once

#include <cstdint>
#include <vector>

#include "erasure/reed_solomon.h"
#include "storage/base/buffer.h"
#include "storage/base/bytes.h"
#include "storage/stripe/piece.h"
#include "storage/stripe/run_format.h"
#include "storage/stripe/run_layout.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

/// Everything about a run but its data. `header`'s chunk and life are filled in for each chunk.
struct run_plan {
    run_layout layout;
    run_format::run_header header;
    std::vector<generation> lives;  ///< of the k+m chunks
};

run_plan make_run_plan(const group_row& row, std::uint32_t run_block, const run_layout& layout,
                       const run_request& request);

struct encoded_run {
    std::vector<buffer> chunks;  ///< k+m, each the header block and data_blocks() more
    std::uint32_t data_crc = 0;  ///< CRC32C of the run's data
};

encoded_run encode_run(const run_plan& plan, const erasure::reed_solomon& code, bytes_view data,
                       buffer_pool& buffers);

}  // namespace taicang
