// Request heads, what is read from them for authorization, and chunked bodies behind them. Besides
// crashes it looks for inputs whose meaning depends on how the network cuts them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "s3gw/auth/authorization.h"
#include "s3gw/auth/sigv4.h"
#include "s3gw/http/chunked_framing.h"
#include "s3gw/http/head_parser.h"
#include "storage/base/assert.h"

using namespace taicang;

namespace {

struct body_outcome {
    bool is_good = false;
    bool is_finished = false;
    std::size_t used = 0;
    std::string payload;
    bool operator==(const body_outcome&) const = default;
};

body_outcome read_chunked(std::string_view text, std::size_t step) {
    chunked_framing framing;
    body_outcome out;
    while (out.used < text.size() && !framing.finished()) {
        auto part = framing.next(as_bytes(text.substr(out.used, step)));
        if (!part) return {};
        TC_ASSERT(part->consumed > 0 || framing.finished());
        out.used += part->consumed;
        out.payload += as_text(part->payload);
    }
    out.is_good = true;
    out.is_finished = framing.finished();
    return out;
}

http_parse_state parse(http_head_parser& parser, http_request_head& head, std::string_view text,
                       std::size_t step) {
    parser.reset(head);
    for (std::size_t length = step; length < text.size(); length += step) {
        const auto state = parser.parse(text.substr(0, length));
        if (state != http_parse_state::need_more) return state;
    }
    return parser.parse(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = 1 + data[0];
    const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
    http_limits limits;
    limits.head_bytes_max = 4096;
    http_head_parser whole_parser(limits);
    http_head_parser cut_parser(limits);
    http_request_head whole;
    http_request_head cut;
    const auto state = parse(whole_parser, whole, text, text.size());
    const auto cut_state = parse(cut_parser, cut, text, step);
    // A wrong head may be refused later in pieces than as a whole, never taken by one and refused
    // by the other.
    TC_ASSERT((state == http_parse_state::complete) == (cut_state == http_parse_state::complete));
    if (state != http_parse_state::complete) return 0;

    TC_ASSERT(whole_parser.head_bytes() == cut_parser.head_bytes());
    TC_ASSERT(whole.path == cut.path && whole.raw_query == cut.raw_query);
    TC_ASSERT(whole.headers.size() == cut.headers.size());
    TC_ASSERT(whole.content_length == cut.content_length && whole.is_chunked == cut.is_chunked);
    TC_ASSERT(!(whole.content_length && whole.is_chunked));
    authorization auth;
    std::string canonical;
    if (!read_authorization(whole, auth)) {
        static_cast<void>(canonical_request(whole, auth.signed_headers, "UNSIGNED-PAYLOAD",
                                            auth.way == auth_way::query, canonical));
    }
    const std::string_view body = std::string_view(text).substr(whole_parser.head_bytes());
    const body_outcome at_once = read_chunked(body, body.size() + 1);
    const body_outcome in_steps = read_chunked(body, step);
    TC_ASSERT(at_once == in_steps);
    return 0;
}
