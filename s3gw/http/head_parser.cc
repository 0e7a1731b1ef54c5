#include "s3gw/http/head_parser.h"

#include <optional>

#include <boost/beast/http/basic_parser.hpp>

#include "storage/base/assert.h"

namespace taicang {

namespace {

namespace beast_http = boost::beast::http;
using beast_error = boost::system::error_code;
using beast_text = boost::beast::string_view;

std::string_view plain(beast_text text) noexcept {
    return {text.data(), text.size()};
}

http_method method_of(std::string_view text) noexcept {
    if (text == "GET") return http_method::get;
    if (text == "PUT") return http_method::put;
    if (text == "HEAD") return http_method::head;
    if (text == "POST") return http_method::post;
    if (text == "DELETE") return http_method::del;
    if (text == "OPTIONS") return http_method::options;
    if (text == "PATCH") return http_method::patch;
    return http_method::other;
}

/// Collects views of what Beast recognises. The body is not Beast's business: `put` is not eager
/// and stops after the head.
class collector final : public beast_http::basic_parser<true> {
  public:
    collector(http_request_head& into, std::size_t headers_max)
        : into_(into), headers_max_(headers_max) {}

    void input_is(std::string_view input) noexcept { input_ = input; }
    [[nodiscard]] bool too_many_headers() const noexcept { return too_many_; }

  private:
    void on_request_impl(beast_http::verb, beast_text method, beast_text target, int version,
                         beast_error& ec) override {
        ec = {};
        into_.method_text = plain(method);
        into_.method = method_of(into_.method_text);
        into_.target = plain(target);
        into_.version = static_cast<unsigned>(version);
    }
    void on_field_impl(beast_http::field, beast_text name, beast_text value,
                       beast_error& ec) override {
        ec = {};
        // Beast joins folded lines in a buffer of its own; a value outside the input was folded.
        if (!value.empty() && (value.data() < input_.data() ||
                               value.data() + value.size() > input_.data() + input_.size())) {
            ec = beast_http::error::bad_obs_fold;
            return;
        }
        if (into_.headers.size() == headers_max_) {
            too_many_ = true;
            ec = beast_http::error::header_limit;
            return;
        }
        into_.headers.add(plain(name), plain(value));
    }
    void on_header_impl(beast_error& ec) override { ec = {}; }
    void on_response_impl(int, beast_text, int, beast_error& ec) override { ec = {}; }
    void on_body_init_impl(boost::optional<std::uint64_t> const&, beast_error& ec) override {
        ec = {};
    }
    std::size_t on_body_impl(beast_text body, beast_error& ec) override {
        ec = {};
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, beast_text, beast_error& ec) override { ec = {}; }
    std::size_t on_chunk_body_impl(std::uint64_t, beast_text body, beast_error& ec) override {
        ec = {};
        return body.size();
    }
    void on_finish_impl(beast_error& ec) override { ec = {}; }

    http_request_head& into_;
    std::size_t headers_max_;
    std::string_view input_;
    bool too_many_ = false;
};

std::optional<std::uint64_t> decimal(std::string_view text) noexcept {
    // 18 digits cannot overflow and are far above every limit of a body.
    if (text.empty() || text.size() > 18) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

/// Whether a comma-separated list holds `wanted`.
bool list_has(std::string_view list, std::string_view wanted) noexcept {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        std::string_view item = list.substr(0, end);
        list.remove_prefix(std::min(end + 1, list.size()));
        while (!item.empty() && (item.front() == ' ' || item.front() == '\t'))
            item.remove_prefix(1);
        while (!item.empty() && (item.back() == ' ' || item.back() == '\t'))
            item.remove_suffix(1);
        if (http_name_equal(item, wanted)) return true;
    }
    return false;
}

}  // namespace

struct http_head_parser::state {
    http_limits limits;
    http_request_head* into = nullptr;
    std::optional<collector> parser;
    std::size_t used = 0;
    bool started = false;
    bool done = false;
    http_parse_problem problem;

    http_parse_state fail(unsigned status, std::string_view code, std::string message) {
        problem = {status, code, std::move(message)};
        done = true;
        return http_parse_state::failed;
    }
    http_parse_state fail_with(const beast_error& why);
    http_parse_state check();
    http_parse_state check_target();
    http_parse_state check_framing();
};

http_parse_state http_head_parser::state::fail_with(const beast_error& why) {
    if (why == beast_http::error::header_limit) {
        return fail(
            400, "RequestHeaderSectionTooLarge",
            parser->too_many_headers()
                ? "Your request has more than " + std::to_string(limits.headers_max) + " headers."
                : "Your request line and headers exceed " + std::to_string(limits.head_bytes_max) +
                      " bytes.");
    }
    if (why == beast_http::error::bad_version) {
        return fail(505, "HttpVersionNotSupported", "Use HTTP/1.1.");
    }
    return fail(400, "BadRequest",
                "The request is not well-formed HTTP/1.1 (" + why.message() + ").");
}

http_parse_state http_head_parser::state::check_target() {
    http_request_head& head = *into;
    std::string_view target = head.target;
    if (target.size() > limits.target_bytes_max) {
        return fail(
            414, "RequestURITooLong",
            "The request target exceeds " + std::to_string(limits.target_bytes_max) + " bytes.");
    }
    if (target == "*" && head.method == http_method::options) {
        head.raw_path = target;
        head.path = target;
        return http_parse_state::complete;
    }
    if (!target.starts_with('/')) {
        // The absolute form that clients send through proxies; the Host header stays the authority.
        const std::size_t scheme = target.find("://");
        if (scheme == std::string_view::npos ||
            (!http_name_equal(target.substr(0, scheme), "http") &&
             !http_name_equal(target.substr(0, scheme), "https"))) {
            return fail(400, "InvalidURI", "The request target must begin with a slash.");
        }
        target.remove_prefix(scheme + 3);
        const std::size_t path = target.find_first_of("/?");
        if (path == std::string_view::npos || target[path] != '/') {
            return fail(400, "InvalidURI", "The request target has no path.");
        }
        target.remove_prefix(path);
    }
    const std::size_t question = std::min(target.find('?'), target.size());
    head.raw_path = target.substr(0, question);
    if (question < target.size()) head.raw_query = target.substr(question + 1);
    if (head.raw_path.find('#') != std::string_view::npos ||
        !percent_decode(head.raw_path, false, head.path)) {
        return fail(400, "InvalidURI", "The path of the request target is not percent-encoded.");
    }
    if (!parse_query(head.raw_query, limits.query_items_max, head.query)) {
        return fail(400, "InvalidURI",
                    "The query is not percent-encoded, or has more than " +
                        std::to_string(limits.query_items_max) + " parameters.");
    }
    return http_parse_state::complete;
}

http_parse_state http_head_parser::state::check_framing() {
    http_request_head& head = *into;
    std::size_t lengths = 0;
    std::size_t codings = 0;
    std::size_t hosts = 0;
    bool wants_close = head.version == 10;
    for (const http_field& field : head.headers) {
        if (http_name_equal(field.name, "content-length")) {
            ++lengths;
            head.content_length = decimal(field.value);
            if (!head.content_length) {
                return fail(400, "BadRequest", "Content-Length is not a number.");
            }
        } else if (http_name_equal(field.name, "transfer-encoding")) {
            ++codings;
            head.is_chunked = http_name_equal(field.value, "chunked");
            if (!head.is_chunked) {
                return fail(501, "NotImplemented",
                            "The only Transfer-Encoding that is implemented is chunked.");
            }
        } else if (http_name_equal(field.name, "host")) {
            ++hosts;
        } else if (http_name_equal(field.name, "connection")) {
            if (list_has(field.value, "close")) wants_close = true;
            if (head.version == 10 && list_has(field.value, "keep-alive")) wants_close = false;
        } else if (http_name_equal(field.name, "expect")) {
            if (!http_name_equal(field.value, "100-continue")) {
                return fail(417, "ExpectationFailed",
                            "The only expectation known is 100-continue.");
            }
            head.expects_continue = head.version == 11;
        }
    }
    if (lengths > 1) return fail(400, "BadRequest", "There is more than one Content-Length.");
    if (codings > 1) return fail(400, "BadRequest", "There is more than one Transfer-Encoding.");
    if (lengths + codings > 1 || (codings == 1 && head.version == 10)) {
        return fail(400, "BadRequest", "Transfer-Encoding cannot be combined with this request.");
    }
    if (hosts > 1 || (hosts == 0 && head.version == 11)) {
        return fail(400, "BadRequest", "HTTP/1.1 needs exactly one Host header.");
    }
    head.keep_alive = !wants_close;
    return http_parse_state::complete;
}

http_parse_state http_head_parser::state::check() {
    done = true;
    if (into->version != 11 && into->version != 10) {
        return fail(505, "HttpVersionNotSupported", "Use HTTP/1.1.");
    }
    const auto framing = check_framing();
    if (framing != http_parse_state::complete) return framing;
    return check_target();
}

http_head_parser::http_head_parser(const http_limits& limits) : state_(std::make_unique<state>()) {
    state_->limits = limits;
}

http_head_parser::~http_head_parser() = default;

void http_head_parser::reset(http_request_head& into) {
    into.clear();
    state_->into = &into;
    state_->parser.emplace(into, state_->limits.headers_max);
    // Beast's own limit counts each part for itself; the limit on the whole is checked in parse().
    state_->parser->header_limit(static_cast<std::uint32_t>(state_->limits.head_bytes_max));
    // Beast refuses heads that announce more than 1 MiB; how big a body may be is the handler's
    // business.
    state_->parser->body_limit(boost::none);
    state_->parser->eager(false);
    state_->parser->skip(false);
    state_->used = 0;
    state_->started = false;
    state_->done = false;
}

http_parse_state http_head_parser::parse(std::string_view input) {
    state& s = *state_;
    TC_ASSERT_WHY(s.into != nullptr && !s.done, "parse after the end, without reset");
    if (!s.started) {
        // An empty line before a request line is what some old clients leave behind a body (RFC
        // 9112, 2.2).
        if (s.used == 0 && input.starts_with("\r\n")) s.used = 2;
        if (input == "\r" || input.size() == s.used) return http_parse_state::need_more;
        s.started = true;
    }
    s.parser->input_is(input);
    beast_error why;
    s.used +=
        s.parser->put(boost::asio::const_buffer(input.data() + s.used, input.size() - s.used), why);
    if (why && why != beast_http::error::need_more) return s.fail_with(why);
    if (s.used > s.limits.head_bytes_max) {
        return s.fail_with(beast_http::error::header_limit);
    }
    if (s.parser->is_header_done()) return s.check();
    if (input.size() >= s.limits.head_bytes_max) {
        return s.fail_with(beast_http::error::header_limit);
    }
    return http_parse_state::need_more;
}

std::size_t http_head_parser::head_bytes() const noexcept {
    return state_->used;
}

const http_parse_problem& http_head_parser::problem() const noexcept {
    return state_->problem;
}

}  // namespace taicang
