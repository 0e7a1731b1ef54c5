// Removes Transfer-Encoding: chunked from a body, without I/O: bytes in, payload views out. Source:
// RFC 9112, 7.1. Threads: one owner. Lifetime: payload views point into the input given. Extensions
// and trailers are read, limited and ignored; line ends are CRLF and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/result.h"

namespace taicang {

class chunked_framing {
  public:
    void reset();

    struct step {
        std::size_t consumed =
            0;  ///< of the input; the rest is to be given again, or is the next request
        bytes_view payload;  ///< inside the input; may be empty
    };
    /// Eats input until it has payload to hand on, the input ends, or the body ends.
    /// errc::request_malformed is final.
    [[nodiscard]] result<step> next(bytes_view input);
    [[nodiscard]] bool finished() const noexcept { return at_ == state::done; }
    /// Payload bytes left in the present chunk, for readers that read straight into their caller's
    /// memory.
    [[nodiscard]] std::uint64_t chunk_left() const noexcept {
        return at_ == state::payload ? chunk_left_ : 0;
    }

  private:
    enum class state : std::uint8_t { size_line, payload, payload_end, trailer_line, done, failed };
    [[nodiscard]] result<void> take_line(std::string_view line);
    error fail(const char* what);

    state at_ = state::size_line;
    std::uint64_t chunk_left_ = 0;
    std::size_t trailer_bytes_ = 0;
    std::string line_;
    bool expects_line_feed_ = false;
};

}  // namespace taicang
