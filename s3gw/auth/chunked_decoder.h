// The aws-chunked decoder without I/O: bytes in, payload views out, chunk signatures and trailers
// checked on the way. Source: "Transferring payload in multiple chunks" and "Trailing headers",
// Amazon S3 API reference. Threads: one owner. Lifetime: payload views point into the input given.
//
// Payload of a chunk is handed on before its signature was seen, so nothing is buffered whatever
// the chunk's size. The consumer therefore treats all bytes as provisional until finished(): a
// wrong signature fails the stream at the end of its chunk, and a body whose end was not reached
// must never become visible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3gw/auth/hmac.h"
#include "s3gw/auth/sigv4.h"
#include "storage/base/bytes.h"
#include "storage/base/result.h"

namespace taicang {

namespace limits {
inline constexpr std::uint64_t aws_chunk_bytes_max =
    5ULL << 30;  ///< a chunk is never buffered, so as big as a body
inline constexpr std::size_t aws_chunk_line_bytes_max = 512;
inline constexpr std::size_t aws_trailer_line_bytes_max = 2048;
inline constexpr std::size_t aws_trailers_max = 16;
}  // namespace limits

/// A trailing header; name in lower case.
struct aws_trailer {
    std::string name;
    std::string value;
};

class aws_chunked_decoder {
  public:
    /// For is_aws_chunked(who.payload).
    explicit aws_chunked_decoder(const authenticated& who);

    struct step {
        std::size_t consumed = 0;  ///< of the input; the rest is to be given again
        bytes_view payload;        ///< inside the input; may be empty
    };
    /// Eats input until it has payload to hand on, the input ends, or the stream ends. Errors
    /// (final): errc::chunk_malformed, errc::trailer_malformed, errc::signature_mismatch,
    /// errc::incomplete_body (more or fewer bytes than x-amz-decoded-content-length).
    [[nodiscard]] result<step> next(bytes_view input);
    /// All of the stream was seen and is right.
    [[nodiscard]] bool finished() const noexcept { return at_ == state::done; }
    /// The input ended: success when all that matters was seen (some clients leave the last empty
    /// line out), else errc::incomplete_body.
    [[nodiscard]] result<void> end_of_input();
    /// After finished(); names lower case, x-amz-trailer-signature not among them.
    [[nodiscard]] const std::vector<aws_trailer>& trailers() const noexcept { return trailers_; }
    /// Payload bytes left in the present chunk, for readers that read straight into their caller's
    /// memory.
    [[nodiscard]] std::uint64_t chunk_left() const noexcept {
        return at_ == state::payload ? chunk_left_ : 0;
    }
    /// Payload bytes seen so far.
    [[nodiscard]] std::uint64_t decoded() const noexcept { return decoded_; }

  private:
    enum class state : std::uint8_t { size_line, payload, payload_end, trailer_line, done, failed };
    [[nodiscard]] bool is_signed() const noexcept {
        return kind_ != payload_kind::streaming_unsigned_trailer;
    }
    [[nodiscard]] bool has_trailer() const noexcept {
        return kind_ != payload_kind::streaming_signed;
    }
    result<void> take_size_line();
    result<void> take_trailer_line();
    /// The chunk's bytes are all there: its signature is compared, and what follows is expected.
    result<void> end_chunk();
    result<void> end_trailers();
    result<void> end_stream();
    result<std::size_t> take_payload_end(std::string_view input);
    /// Collects a line over several inputs; true when `line_` is complete (without its end).
    result<bool> collect_line(std::string_view input, std::size_t& used);
    error fail(errc code, std::string message);

    payload_kind kind_;
    hmac_sha256_key key_;
    std::string signature_prefix_;  ///< "AWS4-HMAC-SHA256-PAYLOAD\n<date>\n<scope>\n"
    std::string trailer_prefix_;
    std::string previous_signature_;
    std::string chunk_signature_;
    std::optional<std::uint64_t> decoded_length_;
    std::string announced_trailers_;
    state at_ = state::size_line;
    std::string line_;
    sha256_running chunk_hash_;
    std::uint64_t chunk_left_ = 0;
    std::uint64_t decoded_ = 0;
    unsigned payload_end_seen_ = 0;
    bool is_last_chunk_ = false;
    std::string signed_trailers_;  ///< "name:value\n" for each, as signed
    std::string trailer_signature_;
    std::vector<aws_trailer> trailers_;
};

}  // namespace taicang
