#include "s3gw/api/multipart/completion_claims.h"

#include <algorithm>
#include <charconv>

#include "s3gw/api/object_headers.h"
#include "s3gw/api/text.h"
#include "storage/base/limits.h"
#include "storage/object/checksums.h"

namespace taicang {

namespace {

struct seen_upload {
    upload_row upload;
    std::vector<part_row> parts;  ///< in order of their numbers
};

/// On the engine.
task<result<seen_upload>> look_at(object_service& objects, std::string bucket, std::string key,
                                  std::string upload_id) {
    seen_upload seen;
    std::uint32_t after = 0;
    for (bool more = true; more;) {
        auto question = objects.list_parts(bucket, key, upload_id, after, limits::list_keys_max);
        auto page = co_await std::move(question);
        if (!page) co_return std::move(page).error();
        seen.upload = std::move(page->upload);
        for (part_row& part : page->parts) {
            part.blobs.clear();
            after = part.number;
            seen.parts.push_back(std::move(part));
        }
        more = page->truncated && !page->parts.empty();
    }
    co_return std::move(seen);
}

/// The parts that the client names; empty when one is not there as named.
std::vector<part_row> named_parts(const seen_upload& seen,
                                  const std::vector<completed_part>& wanted) {
    std::vector<part_row> named;
    for (const completed_part& one : wanted) {
        const auto found = std::lower_bound(
            seen.parts.begin(), seen.parts.end(), one.number,
            [](const part_row& part, std::uint32_t number) { return part.number < number; });
        if (found == seen.parts.end() || found->number != one.number || found->etag != one.etag)
            return {};
        named.push_back(*found);
    }
    return named;
}

s3_error wrong_type(const upload_row& upload, const completion_claims& claims) {
    const std::string kept =
        upload.checksum_kind ? std::string(checksum_algorithm_word(*upload.checksum_kind)) + " " +
                                   std::string(checksum_type_word(upload.checksum_full_object))
                             : std::string("none");
    const std::string sent = claims.checksum
                                 ? std::string(checksum_algorithm_word(claims.checksum->kind))
                                 : std::string(checksum_type_word(*claims.checksum_full_object));
    return s3_error(s3_code::invalid_request,
                    "Checksum Type mismatch occurred, expected checksum Type: " + kept +
                        ", actual checksum Type: " + sent);
}

std::string checksum_of(const upload_row& upload, const std::vector<part_row>& parts) {
    std::vector<std::string> values;
    for (const part_row& part : parts) {
        if (!part.checksum) return {};
        values.push_back(part.checksum->value);
    }
    const digest_kind kind = *upload.checksum_kind;
    if (!upload.checksum_full_object || !is_combinable(kind))
        return composite_checksum(kind, values);
    crc_combiner whole(kind);
    for (std::size_t i = 0; i < parts.size(); ++i)
        whole.append(values[i], parts[i].size);
    return whole.value();
}

std::optional<s3_error> compare(const upload_row& upload, const std::vector<part_row>& parts,
                                const completion_claims& claims) {
    const bool other_kind = claims.checksum && (!upload.checksum_kind ||
                                                *upload.checksum_kind != claims.checksum->kind);
    const bool other_type =
        claims.checksum_full_object &&
        (!upload.checksum_kind || *claims.checksum_full_object != upload.checksum_full_object);
    if (other_kind || other_type) return wrong_type(upload, claims);
    std::uint64_t size = 0;
    for (const part_row& part : parts)
        size += part.size;
    if (claims.size && *claims.size != size) {
        return s3_error(s3_code::invalid_request,
                        "The provided 'x-amz-mp-object-size' header value " +
                            std::to_string(*claims.size) +
                            " does not match what was computed: " + std::to_string(size));
    }
    if (claims.checksum && claims.checksum->value != checksum_of(upload, parts))
        return s3_error(s3_code::bad_digest);
    return std::nullopt;
}

}  // namespace

read_or_refused<completion_claims> read_completion_claims(const s3_call& call) {
    completion_claims claims;
    auto checksum = read_checksum_header(call);
    if (!checksum) return checksum.refusal();
    claims.checksum = std::move(*checksum);
    const std::string_view type = call.header("x-amz-checksum-type");
    if (!type.empty() && type != "FULL_OBJECT" && type != "COMPOSITE") {
        return s3_error(s3_code::invalid_request,
                        "Value for x-amz-checksum-type header is invalid.");
    }
    if (!type.empty()) claims.checksum_full_object = type == "FULL_OBJECT";
    const std::string_view size = call.header("x-amz-mp-object-size");
    if (size.empty()) return claims;
    std::uint64_t value = 0;
    const auto read = std::from_chars(size.data(), size.data() + size.size(), value);
    if (read.ec != std::errc() || read.ptr != size.data() + size.size()) {
        return s3_error(s3_code::invalid_request,
                        "Value for x-amz-mp-object-size header is invalid.");
    }
    claims.size = value;
    return claims;
}

task<std::optional<s3_error>> check_completion(s3_call& call, const completion_claims& claims,
                                               const std::vector<completed_part>& wanted) {
    std::optional<s3_error> none;
    if (claims.empty()) co_return std::move(none);
    std::string upload_id(call.query("uploadId"));
    auto question = look_at(call.objects(), call.bucket, call.key, std::move(upload_id));
    auto seen = co_await ask(call, std::move(question));
    if (!seen) co_return std::move(none);
    const std::vector<part_row> parts = named_parts(*seen, wanted);
    if (parts.empty()) co_return std::move(none);
    co_return compare(seen->upload, parts, claims);
}

}  // namespace taicang
