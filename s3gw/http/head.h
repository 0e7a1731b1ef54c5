// The head of an HTTP request: request line, query and headers, as the parser leaves them. No
// coroutines here, so that parsers of heads can be fuzzed by themselves. Threads: a value of one
// session's executor. Lifetime: string views point into the session's buffer and stay good until
// the response of the request has been sent; keep a copy of what must live longer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taicang {

/// The methods that S3 knows; everything else that is a token is `other` (see method_text).
enum class http_method : std::uint8_t { get, head, put, post, del, options, patch, other };

/// ASCII case-insensitive equality, as header names compare.
[[nodiscard]] bool http_name_equal(std::string_view a, std::string_view b) noexcept;

/// One header line; name as sent, value without the white space around it.
struct http_field {
    std::string_view name;
    std::string_view value;
};

/// Header lines in the order sent; names compare without case, a name may occur more than once.
class http_field_list {
  public:
    void clear() noexcept { fields_.clear(); }
    void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }

    /// The first value of that name.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// The first value of that name, or "".
    [[nodiscard]] std::string_view get(std::string_view name) const noexcept {
        return find(name).value_or(std::string_view{});
    }
    [[nodiscard]] bool has(std::string_view name) const noexcept { return find(name).has_value(); }
    [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
    [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
    [[nodiscard]] auto end() const noexcept { return fields_.end(); }

  private:
    std::vector<http_field> fields_;
};

/// One `name=value` of the query, both percent-decoded once, `+` read as a space. `?acl` has no
/// value, `?acl=` has "".
struct http_query_item {
    std::string name;
    std::string value;
    bool has_value = false;
};

/// The query's items in the order sent; names compare with case; a name may occur more than once.
class http_query {
  public:
    void clear() noexcept { items_.clear(); }
    void add(http_query_item item) { items_.push_back(std::move(item)); }
    /// The first item of that name, or null.
    [[nodiscard]] const http_query_item* find(std::string_view name) const noexcept;
    /// The first value of that name, or "".
    [[nodiscard]] std::string_view get(std::string_view name) const noexcept;
    [[nodiscard]] bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    [[nodiscard]] auto begin() const noexcept { return items_.begin(); }
    [[nodiscard]] auto end() const noexcept { return items_.end(); }

  private:
    std::vector<http_query_item> items_;
};

struct http_request_head {
    http_method method = http_method::other;
    std::string_view method_text;  ///< as sent, e.g. "GET"
    std::string_view target;       ///< as sent, e.g. "/bucket/a%20b?acl"
    std::string_view raw_path;     ///< as sent, before `?`, e.g. "/bucket/a%20b"
    std::string_view raw_query;    ///< as sent, after `?`; "" without one
    std::string path;  ///< raw_path, percent-decoded once; `+` stays `+`; any bytes, NUL too
    http_query query;
    http_field_list headers;
    unsigned version = 11;  ///< 10 or 11
    /// From Content-Length; empty without one (then the body is chunked, or there is none).
    std::optional<std::uint64_t> content_length;
    bool is_chunked = false;        ///< Transfer-Encoding: chunked
    bool keep_alive = true;         ///< what the client wants
    bool expects_continue = false;  ///< Expect: 100-continue

    void clear() noexcept;
    [[nodiscard]] bool has_body() const noexcept {
        return is_chunked || content_length.value_or(0) > 0;
    }
};

/// Decodes %XX once. False when a % is not followed by two hex digits. `into` is overwritten.
[[nodiscard]] bool percent_decode(std::string_view text, bool plus_is_space, std::string& into);

/// Splits and decodes a raw query. False on a malformed escape or more than `items_max` items.
[[nodiscard]] bool parse_query(std::string_view raw, std::size_t items_max, http_query& into);

}  // namespace taicang
