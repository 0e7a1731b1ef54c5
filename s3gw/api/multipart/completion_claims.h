// What a CompleteMultipartUpload claims of the object to be: its size, its checksum and the type of
// that. Compared with the parts before the upload is completed; a part that changes in between has
// another ETag, and then the completion itself is refused. Threads: check_completion on the
// worker's executor. Lifetime: values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "s3gw/api/fields.h"

namespace taicang {

struct completion_claims {
    std::optional<std::uint64_t> size;         ///< x-amz-mp-object-size
    std::optional<stored_checksum> checksum;   ///< x-amz-checksum-<kind>
    std::optional<bool> checksum_full_object;  ///< x-amz-checksum-type
    [[nodiscard]] bool empty() const { return !size && !checksum && !checksum_full_object; }
};

read_or_refused<completion_claims> read_completion_claims(const s3_call& call);
/// The refusal; none where the completion itself will refuse (parts or upload that are not there).
task<std::optional<s3_error>> check_completion(s3_call& call, const completion_claims& claims,
                                               const std::vector<completed_part>& wanted);

}  // namespace taicang
