#include "s3gw/http/chunked_framing.h"

#include <algorithm>

#include "s3gw/http/limits.h"

namespace taicang {

void chunked_framing::reset() {
    at_ = state::size_line;
    chunk_left_ = 0;
    trailer_bytes_ = 0;
    line_.clear();
    expects_line_feed_ = false;
}

error chunked_framing::fail(const char* what) {
    at_ = state::failed;
    return error(errc::request_malformed,
                 std::string("The chunked body is not well-formed: ") + what + ".");
}

result<void> chunked_framing::take_line(std::string_view line) {
    if (at_ == state::trailer_line) {
        if (line.empty()) at_ = state::done;
        return ok();
    }
    std::size_t digits = 0;
    std::uint64_t size = 0;
    for (; digits < line.size(); ++digits) {
        const char c = line[digits];
        unsigned digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<unsigned>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = static_cast<unsigned>(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = static_cast<unsigned>(c - 'A') + 10;
        } else {
            break;
        }
        if (digits == 15) return fail("a chunk's size is too big");
        size = size * 16 + digit;
    }
    if (digits == 0) return fail("a chunk has no size");
    // Extensions follow a semicolon, before which RFC 9112 tolerates blanks.
    const std::size_t rest = line.find_first_not_of(" \t", digits);
    if (digits != line.size() && (rest == std::string_view::npos || line[rest] != ';')) {
        return fail("a chunk's size is followed by something else");
    }
    chunk_left_ = size;
    at_ = size == 0 ? state::trailer_line : state::payload;
    return ok();
}

result<chunked_framing::step> chunked_framing::next(bytes_view input) {
    const std::string_view text = as_text(input);
    std::size_t used = 0;
    while (used < text.size() && at_ != state::done) {
        if (at_ == state::failed) return fail("it failed before");
        if (at_ == state::payload) {
            const auto length =
                static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, text.size() - used));
            chunk_left_ -= length;
            if (chunk_left_ == 0) at_ = state::payload_end;
            return step{used + length, input.subspan(used, length)};
        }
        const char c = text[used++];
        if (expects_line_feed_) {
            if (c != '\n') return fail("a carriage return stands alone");
            expects_line_feed_ = false;
            if (at_ == state::payload_end) {
                at_ = state::size_line;
                continue;
            }
            TC_TRY(take_line(line_));
            line_.clear();
            continue;
        }
        if (c == '\r') {
            expects_line_feed_ = true;
            continue;
        }
        if (at_ == state::payload_end) return fail("a chunk is longer than its size");
        if (c == '\n' || c == '\0') return fail("a line holds a control character");
        if (at_ == state::trailer_line && ++trailer_bytes_ > limits::http_trailer_bytes_max) {
            return fail("its trailers are too long");
        }
        if (line_.size() == limits::http_chunk_line_bytes_max) return fail("a line is too long");
        line_.push_back(c);
    }
    return step{used, {}};
}

}  // namespace taicang
