// Reads the headers and query of S3 requests into the object service's values. Each reader gives a
// value or the S3 error to answer with. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "s3gw/api/call.h"
#include "storage/object/object_service.h"

namespace taicang {

/// A value or an S3 error (which carries more than our own errors do).
template <class T>
class read_or_refused {
  public:
    read_or_refused(T value) : state_(std::move(value)) {}     // NOLINT: implicit by design
    read_or_refused(s3_error why) : state_(std::move(why)) {}  // NOLINT
    explicit operator bool() const noexcept { return state_.index() == 0; }
    T& operator*() { return std::get<0>(state_); }
    T* operator->() { return &std::get<0>(state_); }
    [[nodiscard]] const s3_error& refusal() const { return std::get<1>(state_); }

  private:
    std::variant<T, s3_error> state_;
};

/// Headers that would change what is stored, who may read it or whether it is done, and that are
/// not built (encryption, locks, tags, ACLs other than private): refused rather than passed over.
std::optional<s3_error> refuse_unbuilt(const s3_call& call);
/// Content headers, user metadata, class, owner; refuses what is not built.
read_or_refused<put_attributes> read_attributes(const s3_call& call);
/// If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since; `prefix` "x-amz-copy-source-"
/// for sources.
read_or_refused<conditions> read_conditions(const s3_call& call, std::string_view prefix = "");
/// Range of a GET; empty when there is none or it is not ours to understand (RFC 9110: ignored).
std::optional<range_request> read_range(std::string_view text);
/// If-Range: an ETag (without quotes) or a date; the range counts only for that version.
struct range_guard {
    std::optional<std::string> etag;
    std::optional<timestamp_ns> modified;  ///< whole seconds
    [[nodiscard]] bool holds_for(const version_row& version) const;
};
std::optional<range_guard> read_range_guard(const s3_call& call);
/// versionId of the query, when it is there.
read_or_refused<std::optional<std::string>> read_version_id(const s3_call& call);
/// x-amz-copy-source-range: bytes=a-b, strict.
read_or_refused<std::optional<range_request>> read_copy_range(const s3_call& call);

struct body_claims {
    put_expectations expected;
    std::optional<digest_kind> checksum;  ///< kept beside the ETag
    std::optional<digest_kind> trailer;   ///< comes at the end of the body
};
/// Content-MD5, x-amz-content-sha256, x-amz-checksum-*, x-amz-trailer,
/// x-amz-sdk-checksum-algorithm, lengths.
read_or_refused<body_claims> read_body_claims(const s3_call& call);
/// The one x-amz-checksum-<kind> header, when there is one.
read_or_refused<std::optional<stored_checksum>> read_checksum_header(const s3_call& call);
/// After the body's end: the checksum that came behind it, when one was announced.
result<std::optional<stored_checksum>> read_trailing_checksum(const s3_call& call,
                                                              const body_claims& claims);

struct copy_source {
    std::string bucket, key;
    std::optional<std::string> version_id;
};
read_or_refused<copy_source> read_copy_source(const s3_call& call);

/// A bad value of a parameter or header, with its name and value in the document.
s3_error bad_argument(std::string_view name, std::string_view value, std::string sentence);
/// A whole number of the query within [0, most]; `missing` when it is not there.
read_or_refused<std::uint64_t> read_number(const s3_call& call, std::string_view name,
                                           std::uint64_t missing, std::uint64_t most);
/// True for encoding-type=url; refuses others.
read_or_refused<bool> read_url_encoding(const s3_call& call);
/// partNumber 1..10000.
read_or_refused<std::uint32_t> read_part_number(const s3_call& call);

}  // namespace taicang
