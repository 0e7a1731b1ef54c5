// The body of an authenticated request: what the client meant to send, with its framing removed and
// its signatures and digest checked on the way. Threads: the session's executor. Lifetime: borrows
// the raw reader and the `authenticated`, both of the request.
//
// All bytes are provisional until read() gave 0: signature, digest and length errors come at the
// end of a chunk or of the body. A consumer writes them where nobody sees them and makes them
// visible only after the 0.
#pragma once

#include <memory>
#include <vector>

#include "s3gw/auth/chunked_decoder.h"
#include "s3gw/auth/sigv4.h"
#include "s3gw/http/message.h"

namespace taicang {

class payload_reader : public http_body_reader {
  public:
    /// After read() gave 0: trailing headers such as x-amz-checksum-crc32 (names lower case). Their
    /// values are not compared with the body here; the consumer does that.
    [[nodiscard]] virtual const std::vector<aws_trailer>& trailers() const noexcept = 0;
    /// Length of the payload, when the client said it: x-amz-decoded-content-length or
    /// Content-Length.
    [[nodiscard]] virtual std::optional<std::uint64_t> payload_length() const noexcept = 0;
};

enum class digest_check : std::uint8_t {
    here,    ///< hash the body as it passes and fail with errc::payload_digest_mismatch at its end
    caller,  ///< the caller compares authenticated::payload_sha256 with a digest that it computes
             ///< anyway
};

/// Wraps a request's body as its authentication demands.
[[nodiscard]] std::unique_ptr<payload_reader> make_payload_reader(const http_request& request,
                                                                  const authenticated& who,
                                                                  digest_check digest);

}  // namespace taicang
