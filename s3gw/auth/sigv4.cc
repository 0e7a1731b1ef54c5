// The verifying half of SigV4.
#include "s3gw/auth/sigv4.h"

#include <algorithm>
#include <unordered_map>

#include "s3gw/auth/authorization.h"
#include "s3gw/http/date.h"

namespace taicang {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t millisecond_ns = 1'000'000;
/// Enough for every key of a hub on two days; the cache starts anew beyond it.
constexpr std::size_t cached_signing_keys_max = 1024;

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};

struct cached_key {
    std::shared_ptr<const credential> who;  ///< valid while the store still gives this very object
    hmac_sha256_key key;
};

bool list_has(std::string_view list, std::string_view name) noexcept {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(';'), list.size());
        if (http_name_equal(list.substr(0, end), name)) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

bool is_amz_header(std::string_view name) noexcept {
    return name.size() > 6 && http_name_equal(name.substr(0, 6), "x-amz-");
}

/// Headers that must be signed and are not, as S3 names them; "" when all is well.
std::string unsigned_headers(const http_request_head& head, const authorization& auth) {
    std::string missing;
    const auto miss = [&missing](std::string_view name) {
        if (!missing.empty()) missing += ", ";
        missing += name;
    };
    if (!list_has(auth.signed_headers, "host")) miss("host");
    for (const http_field& field : head.headers) {
        if (!is_amz_header(field.name) || list_has(auth.signed_headers, field.name)) continue;
        // A digest only narrows what a presigned URL allows, and a user agent says nothing.
        if (auth.way == auth_way::query && http_name_equal(field.name, "x-amz-content-sha256")) {
            continue;
        }
        if (http_name_equal(field.name, "x-amz-user-agent")) continue;
        miss(field.name);
    }
    return missing;
}

std::optional<auth_failure> read_decoded_length(const http_request_head& head,
                                                authenticated& into) {
    const auto text = head.headers.find("x-amz-decoded-content-length");
    if (!text) {
        if (into.payload == payload_kind::streaming_unsigned_trailer) return std::nullopt;
        return auth_failure{auth_error::missing_content_length,
                            "You must provide the x-amz-decoded-content-length HTTP header.",
                            {}};
    }
    std::uint64_t value = 0;
    bool good = !text->empty() && text->size() <= 18;
    for (const char c : *text) {
        good = good && c >= '0' && c <= '9';
        if (good) value = value * 10 + static_cast<unsigned>(c - '0');
    }
    if (!good) {
        return auth_failure{auth_error::invalid_argument,
                            "x-amz-decoded-content-length must be a number of bytes.",
                            {{"ArgumentName", "x-amz-decoded-content-length"},
                             {"ArgumentValue", std::string(*text)}}};
    }
    into.decoded_length = value;
    return std::nullopt;
}

/// Reads the last line of the canonical request: what it says about the body.
std::optional<auth_failure> read_payload_kind(const http_request_head& head, std::string_view word,
                                              authenticated& into) {
    if (word == "UNSIGNED-PAYLOAD") {
        into.payload = payload_kind::unsigned_payload;
        return std::nullopt;
    }
    if (digest_of_hex(word, into.payload_sha256)) {
        into.payload = payload_kind::signed_digest;
        return std::nullopt;
    }
    if (word == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") {
        into.payload = payload_kind::streaming_signed;
    } else if (word == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") {
        into.payload = payload_kind::streaming_signed_trailer;
    } else if (word == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
        into.payload = payload_kind::streaming_unsigned_trailer;
    } else {
        return auth_failure{
            auth_error::invalid_argument,
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a "
            "valid sha256 value.",
            {{"ArgumentName", "x-amz-content-sha256"}, {"ArgumentValue", std::string(word)}}};
    }
    into.announced_trailers = head.headers.get("x-amz-trailer");
    return read_decoded_length(head, into);
}

}  // namespace

struct request_authenticator::state {
    const credential_store& store;
    auth_options options;
    std::unordered_map<std::string, cached_key, text_hash, std::equal_to<>> keys;
    std::string canonical;  ///< kept for its memory
    authorization auth;

    state(const credential_store& s, auth_options o) : store(s), options(std::move(o)) {}

    std::optional<auth_failure> check_region() const;
    std::optional<auth_failure> read_date(const http_request_head& head, authenticated& into,
                                          std::int64_t& signed_at) const;
    std::optional<auth_failure> check_time(std::int64_t signed_at, std::int64_t now,
                                           const authenticated& into) const;
    std::optional<auth_failure> check_signature(const http_request_head& head,
                                                std::string_view payload_word, authenticated& into);
};

std::optional<auth_failure> request_authenticator::state::check_region() const {
    if (options.region.empty() || auth.region == options.region) return std::nullopt;
    auto failure =
        malformed_authorization(auth.way, "the region '" + std::string(auth.region) +
                                              "' is wrong; expecting '" + options.region + "'");
    failure.details.emplace_back("Region", options.region);
    return failure;
}

std::optional<auth_failure> request_authenticator::state::read_date(const http_request_head& head,
                                                                    authenticated& into,
                                                                    std::int64_t& signed_at) const {
    std::string_view text = auth.amz_date;
    if (auth.way == auth_way::header) {
        text = head.headers.get("x-amz-date");
        if (text.empty()) text = head.headers.get("date");
    }
    auto time = parse_amz_date(text);
    if (!time && auth.way == auth_way::header) time = parse_http_date(text);
    if (!time) {
        if (auth.way == auth_way::query) {
            return auth_failure{auth_error::authorization_query_parameters_error,
                                "X-Amz-Date must be in the ISO8601 Long Format "
                                "\"yyyyMMdd'T'HHmmss'Z'\".",
                                {}};
        }
        return auth_failure{auth_error::access_denied,
                            "AWS authentication requires a valid Date or x-amz-date header",
                            {}};
    }
    signed_at = *time;
    if (text.size() == 16 && text[8] == 'T') {
        into.amz_date = text;
    } else {
        into.amz_date = format_amz_date(signed_at);
    }
    if (std::string_view(into.amz_date).substr(0, 8) != auth.date) {
        return malformed_authorization(auth.way, "Invalid credential date \"" +
                                                     std::string(auth.date) +
                                                     "\". This date is not the same as "
                                                     "X-Amz-Date: \"" +
                                                     into.amz_date.substr(0, 8) + "\".");
    }
    return std::nullopt;
}

std::optional<auth_failure> request_authenticator::state::check_time(
    std::int64_t signed_at, std::int64_t now, const authenticated& into) const {
    const std::int64_t ahead = signed_at - now;
    if (auth.way == auth_way::query) {
        if (ahead > options.clock_skew_max_ns) {
            return auth_failure{auth_error::request_expired,
                                "Request is not yet valid",
                                {{"ServerTime", format_amz_date(now)}}};
        }
        const std::int64_t end = signed_at + static_cast<std::int64_t>(auth.expires_s) * second_ns;
        if (now > end) {
            return auth_failure{auth_error::request_expired,
                                "Request has expired",
                                {{"X-Amz-Expires", std::to_string(auth.expires_s)},
                                 {"Expires", format_amz_date(end)},
                                 {"ServerTime", format_amz_date(now)}}};
        }
        return std::nullopt;
    }
    if (ahead > options.clock_skew_max_ns || -ahead > options.clock_skew_max_ns) {
        return auth_failure{
            auth_error::request_time_too_skewed,
            "The difference between the request time and the current time is too large.",
            {{"RequestTime", into.amz_date},
             {"ServerTime", format_amz_date(now)},
             {"MaxAllowedSkewMilliseconds",
              std::to_string(options.clock_skew_max_ns / millisecond_ns)}}};
    }
    return std::nullopt;
}

std::optional<auth_failure> request_authenticator::state::check_signature(
    const http_request_head& head, std::string_view payload_word, authenticated& into) {
    const std::string missing = unsigned_headers(head, auth);
    if (!missing.empty()) {
        return auth_failure{auth_error::access_denied,
                            "There were headers present in the request which were not signed",
                            {{"HeadersNotSigned", missing}}};
    }
    const bool is_presigned = auth.way == auth_way::query;
    if (!canonical_request(head, auth.signed_headers, payload_word, is_presigned, canonical)) {
        return auth_failure{auth_error::signature_does_not_match,
                            "A header named in SignedHeaders is not in the request.",
                            {{"CanonicalRequest", canonical}}};
    }
    const std::string to_sign = string_to_sign(into.amz_date, auth.scope, canonical);

    // Signing keys change daily; deriving one costs ten hashes. A cached one is good while the
    // store still holds the very credential that it was derived from.
    auto cached = keys.find(auth.credential);
    const bool hit = cached != keys.end() && cached->second.who == into.who;
    const hmac_sha256_key key =
        hit ? cached->second.key
            : derive_signing_key(into.who->secret.reveal(), auth.date, auth.region, auth.service);
    const auto expected = hex_of(key.sign(to_sign));
    if (!equal_constant_time(view_of(expected), auth.signature)) {
        return auth_failure{
            auth_error::signature_does_not_match,
            "The request signature we calculated does not match the signature you provided. Check "
            "your key and signing method.",
            {{"AWSAccessKeyId", std::string(auth.access_key)},
             {"StringToSign", to_sign},
             {"SignatureProvided", std::string(auth.signature)},
             {"CanonicalRequest", canonical}}};
    }
    // Only right signatures fill the cache, so that nobody without a secret can wash it out.
    if (!hit) {
        if (keys.size() >= cached_signing_keys_max) keys.clear();
        keys.insert_or_assign(std::string(auth.credential), cached_key{into.who, key});
    }
    if (is_aws_chunked(into.payload)) {
        into.signing_key = key;
        into.scope = auth.scope;
        into.seed_signature = auth.signature;
    }
    return std::nullopt;
}

request_authenticator::request_authenticator(const credential_store& store, auth_options options)
    : state_(std::make_unique<state>(store, std::move(options))) {}

request_authenticator::~request_authenticator() = default;

std::optional<auth_failure> request_authenticator::authenticate(const http_request_head& head,
                                                                std::int64_t wall_now_ns,
                                                                authenticated& into) {
    state& s = *state_;
    into.who.reset();
    into.payload = payload_kind::unsigned_payload;
    into.decoded_length.reset();
    into.announced_trailers.clear();
    into.seed_signature.clear();
    if (auto failure = read_authorization(head, s.auth)) return failure;
    into.is_presigned = s.auth.way == auth_way::query;

    std::string_view payload_word = head.headers.get("x-amz-content-sha256");
    if (into.is_presigned && head.query.has("X-Amz-Content-Sha256")) {
        payload_word = head.query.get("X-Amz-Content-Sha256");
    }
    if (payload_word.empty()) {
        if (s.auth.way == auth_way::header) {
            return auth_failure{auth_error::invalid_request,
                                "Missing required header for this request: x-amz-content-sha256",
                                {}};
        }
        payload_word = "UNSIGNED-PAYLOAD";
    }
    if (auto failure = read_payload_kind(head, payload_word, into)) return failure;
    if (s.auth.way == auth_way::none) return std::nullopt;

    if (auto failure = s.check_region()) return failure;
    std::int64_t signed_at = 0;
    if (auto failure = s.read_date(head, into, signed_at)) return failure;
    auto who = s.store.find(s.auth.access_key);
    if (who == nullptr || !who->enabled) {
        return auth_failure{auth_error::invalid_access_key_id,
                            "The AWS Access Key Id you provided does not exist in our records.",
                            {{"AWSAccessKeyId", std::string(s.auth.access_key)}}};
    }
    if (auto failure = s.check_time(signed_at, wall_now_ns, into)) return failure;
    if (!head.headers.get("x-amz-security-token").empty() ||
        head.query.has("X-Amz-Security-Token")) {
        return auth_failure{
            auth_error::invalid_token, "The provided token is malformed or otherwise invalid.", {}};
    }
    into.who = std::move(who);
    if (auto failure = s.check_signature(head, payload_word, into)) {
        into.who.reset();
        return failure;
    }
    return std::nullopt;
}

}  // namespace taicang
