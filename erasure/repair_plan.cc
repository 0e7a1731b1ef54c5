#include "erasure/repair_plan.h"

#include <utility>

namespace taicang::erasure {
namespace {

chunk_mask mask_of(std::span<const uint8_t> chunks) {
    chunk_mask mask = 0;
    for (const uint8_t chunk : chunks)
        mask |= chunk_mask{1} << chunk;
    return mask;
}

}  // namespace

repair_plan::repair_plan(std::vector<uint8_t> sources, std::vector<uint8_t> outputs,
                         std::span<const uint8_t> matrix)
    : sources_(std::move(sources)),
      outputs_(std::move(outputs)),
      table_(outputs_.size(), sources_.size(), matrix) {}

chunk_mask repair_plan::source_mask() const {
    return mask_of(sources_);
}

chunk_mask repair_plan::output_mask() const {
    return mask_of(outputs_);
}

result<void> repair_plan::apply(std::span<const std::byte* const> sources,
                                std::span<std::byte* const> outputs, size_t length) const {
    return table_.apply(sources, outputs, length);
}

}  // namespace taicang::erasure
