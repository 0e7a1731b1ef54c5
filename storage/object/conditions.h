// Conditions of requests against the version they find: RFC 9110 section 13.2.2 for reads, S3's
// conditional writes for the rest; and S3's version ids and byte ranges. Pure functions; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/base/result.h"
#include "storage/object/types.h"

namespace taicang {

/// GET and HEAD: errc::precondition_failed or errc::not_modified.
result<void> check_read_conditions(const conditions& when, const version_row& found);
/// Sources of copies: the same, but never not_modified.
result<void> check_source_conditions(const conditions& when, const version_row& found);
/// PUT, copy's target, CompleteMultipartUpload: `found` is null when the key has no version.
/// errc::precondition_failed; errc::key_not_found for If-Match on a key without a version.
result<void> check_write_conditions(const conditions& when, const version_row* found);

/// True when `id` names this version.
bool is_version_id_of(std::string_view id, const version_row& version, lsn position);
/// True when the text can be a version id at all.
bool is_version_id(std::string_view id);

struct resolved_range {
    std::uint64_t first = 0;
    std::uint64_t length = 0;
    bool partial = false;
};
/// errc::range_not_satisfiable.
result<resolved_range> resolve_range(const std::optional<range_request>& range,
                                     const std::optional<std::uint32_t>& part_number,
                                     const version_row& version);

}  // namespace taicang
