// What PUT, UploadPart and their copies share: which digests to compute, whether the body is what
// the client said, what is kept. Pure functions; any thread.
#pragma once

#include <optional>

#include "storage/object/body_writer.h"
#include "storage/object/types.h"

namespace taicang {

digest_set digests_to_compute(const std::optional<digest_kind>& checksum,
                              const put_expectations& expected);
/// errc::digest_mismatch, errc::incomplete_body.
result<void> check_expectations(const put_expectations& expected, const written_body& body);
/// The checksum that stays with the object: the one asked for, else the one the client sent.
std::optional<stored_checksum> checksum_to_keep(const std::optional<digest_kind>& asked,
                                                const put_expectations& expected,
                                                const content_digests& found);
/// A version with what the client said of it.
version_row version_of(put_attributes attributes);

}  // namespace taicang
