// The client's side of SigV4, for the CLI, benchmarks and tests: signs headers, presigns URLs,
// encodes aws-chunked. Threads: values and pure functions. Lifetime: outputs own their strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3gw/auth/hmac.h"
#include "storage/base/bytes.h"

namespace taicang {

struct sign_key {
    std::string access_key;
    std::string secret_key;
    std::string region = "us-east-1";
    std::string service = "s3";
};

/// A request to be signed: path and query not encoded.
struct sign_request {
    std::string method = "GET";
    std::string host;  ///< with port when it is not the default one
    std::string path;  ///< "/bucket/key"
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>>
        headers;  ///< to be sent and signed beside host and x-amz-*
};

struct signed_request {
    std::string target;  ///< encoded path and query, for the request line
    std::vector<std::pair<std::string, std::string>> headers;  ///< all to be sent, Host first
    std::string signature;
    std::string amz_date;
    std::string scope;
};

/// Signs by header. `payload_hash`: hex SHA-256, UNSIGNED-PAYLOAD or a STREAMING- word; becomes
/// x-amz-content-sha256.
[[nodiscard]] signed_request sign_by_header(const sign_key& key, const sign_request& request,
                                            std::string_view payload_hash,
                                            std::int64_t wall_now_ns);
/// Signs by query: target carries everything; only Host is a header.
[[nodiscard]] signed_request presign(const sign_key& key, const sign_request& request,
                                     std::int64_t wall_now_ns, std::uint64_t expires_s);

/// Encodes a body as aws-chunked. Unsigned when the request was signed with
/// STREAMING-UNSIGNED-PAYLOAD-TRAILER.
class aws_chunked_encoder {
  public:
    /// `request` was signed with the STREAMING- word `payload_hash`.
    aws_chunked_encoder(const sign_key& key, const signed_request& request,
                        std::string_view payload_hash);
    /// One chunk with its framing, not empty.
    [[nodiscard]] std::string chunk(bytes_view payload);
    /// The last chunk and the trailers (lower-case names; empty for the kinds without).
    [[nodiscard]] std::string end(const std::vector<std::pair<std::string, std::string>>& trailers);

  private:
    std::string sign_chunk(bytes_view payload);
    hmac_sha256_key key_;
    std::string amz_date_;
    std::string scope_;
    std::string previous_;
    bool is_signed_;
    bool has_trailer_;
};

}  // namespace taicang
