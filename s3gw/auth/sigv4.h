// AWS Signature Version 4 for S3: reads the authorization of a request (header or presigned query),
// recomputes its signature and compares. Sources: "Authenticating Requests (AWS Signature Version
// 4)", Amazon S3 API reference. Threads: the free functions are pure; a request_authenticator holds
// a cache and belongs to one executor. Lifetime: the store outlives the authenticator; an
// `authenticated` owns all it holds.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "s3gw/auth/auth_error.h"
#include "s3gw/auth/credentials.h"
#include "s3gw/auth/hmac.h"
#include "s3gw/http/head.h"

namespace taicang {

/// What x-amz-content-sha256 says about the body.
enum class payload_kind : std::uint8_t {
    unsigned_payload,          ///< UNSIGNED-PAYLOAD, or presigned without the header, or anonymous
    signed_digest,             ///< the SHA-256 of the whole body
    streaming_signed,          ///< STREAMING-AWS4-HMAC-SHA256-PAYLOAD
    streaming_signed_trailer,  ///< STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
    streaming_unsigned_trailer,  ///< STREAMING-UNSIGNED-PAYLOAD-TRAILER
};
[[nodiscard]] constexpr bool is_aws_chunked(payload_kind kind) noexcept {
    return kind == payload_kind::streaming_signed ||
           kind == payload_kind::streaming_signed_trailer ||
           kind == payload_kind::streaming_unsigned_trailer;
}

/// Who sent a request, and what is needed to check its body.
struct authenticated {
    std::shared_ptr<const credential> who;  ///< null: anonymous (no authorization at all was sent)
    payload_kind payload = payload_kind::unsigned_payload;
    bool is_presigned = false;
    sha256_bytes payload_sha256{};  ///< signed_digest
    /// streaming_signed*: seed of the chain of chunk signatures.
    hmac_sha256_key signing_key{};
    std::string amz_date;        ///< 20130524T000000Z
    std::string scope;           ///< 20130524/us-east-1/s3/aws4_request
    std::string seed_signature;  ///< 64 hex digits
    /// is_aws_chunked: x-amz-decoded-content-length; may be missing for streaming_unsigned_trailer.
    std::optional<std::uint64_t> decoded_length;
    /// is_aws_chunked: names of x-amz-trailer, lower case, comma separated as sent; "" without.
    std::string announced_trailers;

    [[nodiscard]] bool is_anonymous() const noexcept { return who == nullptr; }
};

struct auth_options {
    /// Region that clients must sign for; "" takes any.
    std::string region;
    std::int64_t clock_skew_max_ns = 15LL * 60 * 1'000'000'000;
};

class request_authenticator {
  public:
    request_authenticator(const credential_store& store, auth_options options);
    ~request_authenticator();
    request_authenticator(const request_authenticator&) = delete;
    request_authenticator& operator=(const request_authenticator&) = delete;

    /// Empty on success. `wall_now_ns`: executor::wall_now(). `into` is overwritten; reuse it, it
    /// keeps its memory. A request without any authorization succeeds as anonymous: refusing it is
    /// the caller's business (AccessDenied).
    [[nodiscard]] std::optional<auth_failure> authenticate(const http_request_head& head,
                                                           std::int64_t wall_now_ns,
                                                           authenticated& into);

  private:
    struct state;
    std::unique_ptr<state> state_;
};

// --- The pieces, pure; for signers and tests
// -------------------------------------------------------------------------

/// AWS's URI encoding: all but A-Z a-z 0-9 - . _ ~ becomes %XX; `/` is kept when `keep_slash`.
/// Appends.
void aws_uri_encode(std::string_view text, bool keep_slash, std::string& into);

/// HMAC key of (secret, yyyymmdd, region, service).
[[nodiscard]] hmac_sha256_key derive_signing_key(std::string_view secret, std::string_view date,
                                                 std::string_view region, std::string_view service);

/// The canonical request. `signed_headers`: lower case, `;` between, in the order to be used.
/// `payload_hash`: the last line. `is_presigned` leaves X-Amz-Signature out of the query. False
/// when a signed header is missing from the head.
[[nodiscard]] bool canonical_request(const http_request_head& head, std::string_view signed_headers,
                                     std::string_view payload_hash, bool is_presigned,
                                     std::string& into);

/// "AWS4-HMAC-SHA256\n<amz_date>\n<scope>\n<hex sha256 of canonical>".
[[nodiscard]] std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                                         std::string_view canonical);

/// ns since 1970 of 20130524T000000Z; empty when malformed.
[[nodiscard]] std::optional<std::int64_t> parse_amz_date(std::string_view text) noexcept;
/// The reverse.
[[nodiscard]] std::string format_amz_date(std::int64_t wall_ns);

}  // namespace taicang
