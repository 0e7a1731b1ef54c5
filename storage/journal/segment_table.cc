#include "storage/journal/segment_table.h"

#include <algorithm>

#include "storage/base/assert.h"

namespace taicang {

std::vector<payload_place> payload_places(bytes_view batch,
                                          const std::vector<record_view>& records) {
    std::vector<payload_place> places;
    places.reserve(records.size());
    for (const record_view& record : records) {
        payload_place place;
        place.length = static_cast<std::uint32_t>(record.payload.size());
        if (!record.payload.empty()) {
            place.offset = static_cast<std::uint32_t>(record.payload.data() - batch.data());
            place.crc = crc32c(record.payload);
        }
        places.push_back(place);
    }
    return places;
}

void segment_table::add(const batch_place& batch, const std::vector<payload_place>& payloads) {
    TC_ASSERT(!payloads.empty());
    if (!batches_.empty()) {
        TC_ASSERT(batch.first.value == batches_.front().first.value + payloads_.size());
        TC_ASSERT(batch.offset == batches_.back().offset + batches_.back().length);
    }
    batches_.push_back(batch);
    for (payload_place place : payloads) {
        place.offset += batch.offset;
        payloads_.push_back(place);
    }
}

const payload_place& segment_table::payload_of(lsn position) const {
    TC_ASSERT(holds(position));
    return payloads_[position.value - batches_.front().first.value];
}

const batch_place& segment_table::batch_of(lsn position) const {
    TC_ASSERT(holds(position));
    const auto after =
        std::upper_bound(batches_.begin(), batches_.end(), position,
                         [](lsn wanted, const batch_place& batch) { return wanted < batch.first; });
    return *std::prev(after);
}

}  // namespace taicang
