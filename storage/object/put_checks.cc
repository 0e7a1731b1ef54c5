#include "storage/object/put_checks.h"

#include <string>
#include <utility>

namespace taicang {
namespace {

error mismatch(const char* what) {
    return error(errc::digest_mismatch, std::string("the body does not match ") + what +
                                            "; it was damaged on the way, send it again");
}

const char* header_of(digest_kind kind) {
    switch (kind) {
        case digest_kind::md5:
            return "Content-MD5";
        case digest_kind::sha1:
            return "x-amz-checksum-sha1";
        case digest_kind::sha256:
            return "x-amz-checksum-sha256";
        case digest_kind::crc32:
            return "x-amz-checksum-crc32";
        case digest_kind::crc32c:
            return "x-amz-checksum-crc32c";
        case digest_kind::crc64nvme:
            return "x-amz-checksum-crc64nvme";
    }
    return "its checksum";
}

}  // namespace

digest_set digests_to_compute(const std::optional<digest_kind>& checksum,
                              const put_expectations& expected) {
    digest_set wanted;
    if (checksum) wanted.add(*checksum);
    if (expected.sha256) wanted.add(digest_kind::sha256);
    if (expected.checksum) wanted.add(expected.checksum->kind);
    return wanted;
}

result<void> check_expectations(const put_expectations& expected, const written_body& body) {
    if (expected.length && *expected.length != body.size) {
        return error(errc::incomplete_body, "the body has " + std::to_string(body.size) + " of " +
                                                std::to_string(*expected.length) +
                                                " bytes; send it again");
    }
    if (expected.md5 && *expected.md5 != body.digests.md5)
        return mismatch(header_of(digest_kind::md5));
    if (expected.sha256 && *expected.sha256 != body.digests.sha256) {
        return error(errc::payload_digest_mismatch,
                     "the body is not what was signed (x-amz-content-sha256); it was damaged on "
                     "the way, send it again");
    }
    if (expected.checksum) {
        const std::string& found = body.digests.of(expected.checksum->kind);
        if (found.empty()) {
            return error(errc::invalid_argument,
                         std::string(header_of(expected.checksum->kind)) +
                             " came after the body without being announced before it");
        }
        if (found != expected.checksum->value) return mismatch(header_of(expected.checksum->kind));
    }
    return ok();
}

std::optional<stored_checksum> checksum_to_keep(const std::optional<digest_kind>& asked,
                                                const put_expectations& expected,
                                                const content_digests& found) {
    std::optional<digest_kind> kind = asked;
    if (!kind && expected.checksum) kind = expected.checksum->kind;
    if (!kind) return std::nullopt;
    return stored_checksum{*kind, true, found.of(*kind)};
}

version_row version_of(put_attributes attributes) {
    version_row row;
    row.klass = attributes.klass;
    row.headers = std::move(attributes.headers);
    row.user_metadata = std::move(attributes.user_metadata);
    row.tags = std::move(attributes.tags);
    row.owner = std::move(attributes.owner);
    return row;
}

}  // namespace taicang
