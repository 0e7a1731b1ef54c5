#include "s3gw/auth/chunked_decoder.h"

#include <algorithm>

#include "storage/base/assert.h"

namespace taicang {

namespace {

constexpr std::string_view empty_sha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view trailer_signature_name = "x-amz-trailer-signature";

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

/// Calls `each` with every name of a comma-separated list.
template <class F>
void for_each_name(std::string_view list, F each) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        const std::string_view name = trimmed(list.substr(0, end));
        if (!name.empty()) each(name);
        list.remove_prefix(std::min(end + 1, list.size()));
    }
}

}  // namespace

aws_chunked_decoder::aws_chunked_decoder(const authenticated& who)
    : kind_(who.payload),
      key_(who.signing_key),
      previous_signature_(who.seed_signature),
      decoded_length_(who.decoded_length),
      announced_trailers_(who.announced_trailers) {
    TC_ASSERT(is_aws_chunked(kind_));
    signature_prefix_ = "AWS4-HMAC-SHA256-PAYLOAD\n" + who.amz_date + "\n" + who.scope + "\n";
    trailer_prefix_ = "AWS4-HMAC-SHA256-TRAILER\n" + who.amz_date + "\n" + who.scope + "\n";
}

error aws_chunked_decoder::fail(errc code, std::string message) {
    at_ = state::failed;
    return error(code, std::move(message));
}

result<bool> aws_chunked_decoder::collect_line(std::string_view input, std::size_t& used) {
    const bool in_trailer = at_ == state::trailer_line;
    const std::size_t most =
        in_trailer ? limits::aws_trailer_line_bytes_max : limits::aws_chunk_line_bytes_max;
    const std::size_t feed = input.find('\n', used);
    const std::size_t end = feed == std::string_view::npos ? input.size() : feed;
    if (line_.size() + (end - used) > most) {
        return fail(
            in_trailer ? errc::trailer_malformed : errc::chunk_malformed,
            "A line of the aws-chunked body is longer than " + std::to_string(most) + " bytes.");
    }
    line_.append(input.substr(used, end - used));
    used = end;
    if (feed == std::string_view::npos) return false;
    ++used;
    if (line_.ends_with('\r')) {
        line_.pop_back();
    } else if (kind_ != payload_kind::streaming_signed_trailer || !in_trailer) {
        // AWS's own text ends signed trailers by a line feed alone, and clients were written by it.
        return fail(errc::chunk_malformed, "A line of the aws-chunked body does not end in CRLF.");
    }
    return true;
}

result<void> aws_chunked_decoder::take_size_line() {
    constexpr std::string_view signature_word = ";chunk-signature=";
    const std::string_view line = line_;
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < line.size() && line[digits] != ';'; ++digits) {
        const char c = line[digits];
        const bool is_digit = c >= '0' && c <= '9';
        const char letter = static_cast<char>(c | 0x20);
        if ((!is_digit && (letter < 'a' || letter > 'f')) || digits == 15) {
            return fail(errc::chunk_malformed, "A chunk of the body has no valid size.");
        }
        size = size * 16 + static_cast<unsigned>(is_digit ? c - '0' : letter - 'a' + 10);
    }
    if (digits == 0) return fail(errc::chunk_malformed, "A chunk of the body has no size.");
    if (size > limits::aws_chunk_bytes_max) {
        return fail(errc::chunk_malformed, "A chunk of the body is bigger than 5 GiB.");
    }
    if (is_signed()) {
        const std::string_view rest = line.substr(digits);
        sha256_bytes ignored;
        if (!rest.starts_with(signature_word) ||
            !digest_of_hex(rest.substr(signature_word.size()), ignored)) {
            return fail(errc::chunk_malformed,
                        "A chunk of the body has no chunk-signature of 64 hex digits.");
        }
        chunk_signature_ = rest.substr(signature_word.size());
        chunk_hash_ = sha256_running();
    }
    if (decoded_length_ && size > *decoded_length_ - decoded_) {
        return fail(errc::incomplete_body,
                    "The body holds more bytes than x-amz-decoded-content-length says.");
    }
    chunk_left_ = size;
    is_last_chunk_ = size == 0;
    at_ = state::payload;
    return is_last_chunk_ ? end_chunk() : ok();
}

result<void> aws_chunked_decoder::end_chunk() {
    if (is_signed()) {
        const auto hash = hex_of(chunk_hash_.finish());
        std::string text = signature_prefix_;
        text.append(previous_signature_).append("\n").append(empty_sha256).append("\n");
        text.append(view_of(hash));
        const auto expected = hex_of(key_.sign(text));
        if (!equal_constant_time(view_of(expected), chunk_signature_)) {
            return fail(errc::signature_mismatch,
                        "The signature of a chunk of the body does not match its bytes.");
        }
        previous_signature_ = chunk_signature_;
    }
    at_ = is_last_chunk_ && has_trailer() ? state::trailer_line : state::payload_end;
    payload_end_seen_ = 0;
    return ok();
}

result<std::size_t> aws_chunked_decoder::take_payload_end(std::string_view input) {
    constexpr std::string_view line_end = "\r\n";
    std::size_t used = 0;
    while (used < input.size() && payload_end_seen_ < line_end.size()) {
        if (input[used] != line_end[payload_end_seen_]) {
            return fail(errc::chunk_malformed, "A chunk of the body is longer than its size.");
        }
        ++used;
        ++payload_end_seen_;
    }
    if (payload_end_seen_ == line_end.size()) {
        at_ = state::size_line;
        if (is_last_chunk_) TC_TRY(end_stream());
    }
    return used;
}

result<void> aws_chunked_decoder::take_trailer_line() {
    if (line_.empty()) {
        // The line feed of a signed trailer that ends in "\n\r\n" leaves an empty line before the
        // signature.
        const bool awaits_signature = is_signed() && trailer_signature_.empty();
        if (awaits_signature && !trailers_.empty()) return ok();
        return end_trailers();
    }
    const std::size_t colon = line_.find(':');
    if (colon == std::string::npos || colon == 0) {
        return fail(errc::trailer_malformed, "A trailing header of the body has no name.");
    }
    std::string name(trimmed(std::string_view(line_).substr(0, colon)));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    std::string value(trimmed(std::string_view(line_).substr(colon + 1)));
    if (!trailer_signature_.empty()) {
        return fail(errc::trailer_malformed, "A trailing header follows x-amz-trailer-signature.");
    }
    if (name == trailer_signature_name) {
        if (value.empty()) {
            return fail(errc::trailer_malformed, "x-amz-trailer-signature is empty.");
        }
        trailer_signature_ = std::move(value);
        return ok();
    }
    if (trailers_.size() == limits::aws_trailers_max) {
        return fail(errc::trailer_malformed, "The body has too many trailing headers.");
    }
    signed_trailers_.append(name).append(":").append(value).append("\n");
    trailers_.push_back({std::move(name), std::move(value)});
    return ok();
}

result<void> aws_chunked_decoder::end_trailers() {
    for (const aws_trailer& trailer : trailers_) {
        bool announced = false;
        for_each_name(announced_trailers_, [&](std::string_view name) {
            announced = announced || http_name_equal(name, trailer.name);
        });
        if (!announced) {
            return fail(errc::trailer_malformed, "The trailing header " + trailer.name +
                                                     " was not announced by x-amz-trailer.");
        }
    }
    std::string missing;
    for_each_name(announced_trailers_, [&](std::string_view name) {
        const bool seen = std::any_of(
            trailers_.begin(), trailers_.end(),
            [&](const aws_trailer& trailer) { return http_name_equal(name, trailer.name); });
        if (!seen) missing = name;
    });
    if (!missing.empty()) {
        return fail(errc::trailer_malformed,
                    "The trailing header " + missing + ", announced by x-amz-trailer, is missing.");
    }
    if (is_signed()) {
        const auto hash = hex_of(sha256_of(signed_trailers_));
        std::string text = trailer_prefix_;
        text.append(previous_signature_).append("\n").append(view_of(hash));
        const auto expected = hex_of(key_.sign(text));
        if (!equal_constant_time(view_of(expected), trailer_signature_)) {
            return fail(errc::signature_mismatch,
                        "x-amz-trailer-signature does not match the trailing headers.");
        }
    }
    return end_stream();
}

result<void> aws_chunked_decoder::end_stream() {
    if (decoded_length_ && decoded_ != *decoded_length_) {
        return fail(errc::incomplete_body,
                    "The body holds fewer bytes than x-amz-decoded-content-length says.");
    }
    at_ = state::done;
    return ok();
}

result<aws_chunked_decoder::step> aws_chunked_decoder::next(bytes_view input) {
    const std::string_view text = as_text(input);
    std::size_t used = 0;
    while (used < text.size() && at_ != state::done) {
        switch (at_) {
            case state::payload: {
                const auto length = static_cast<std::size_t>(
                    std::min<std::uint64_t>(chunk_left_, text.size() - used));
                if (is_signed()) chunk_hash_.update(text.data() + used, length);
                chunk_left_ -= length;
                decoded_ += length;
                if (chunk_left_ == 0) TC_TRY(end_chunk());
                return step{used + length, input.subspan(used, length)};
            }
            case state::payload_end: {
                TC_TRY_ASSIGN(taken, take_payload_end(text.substr(used)));
                used += taken;
                break;
            }
            case state::size_line:
            case state::trailer_line: {
                TC_TRY_ASSIGN(complete, collect_line(text, used));
                if (!complete) break;
                TC_TRY(at_ == state::size_line ? take_size_line() : take_trailer_line());
                line_.clear();
                break;
            }
            case state::done:
                break;
            case state::failed:
                return fail(errc::chunk_malformed, "The body failed before.");
        }
    }
    return step{used, {}};
}

result<void> aws_chunked_decoder::end_of_input() {
    if (at_ == state::done) return ok();
    if (is_last_chunk_ && line_.empty()) {
        if (at_ == state::trailer_line && (!is_signed() || !trailer_signature_.empty())) {
            return end_trailers();
        }
        if (at_ == state::payload_end && payload_end_seen_ == 0) return end_stream();
    }
    return fail(errc::incomplete_body, "The aws-chunked body ends before its last chunk.");
}

}  // namespace taicang
