#include "s3gw/auth/authorization.h"

#include <array>

namespace taicang {

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::uint64_t presigned_seconds_max = 604'800;

auth_failure not_supported() {
    return {auth_error::invalid_request,
            "The authorization mechanism you have provided is not supported. Please use "
            "AWS4-HMAC-SHA256.",
            {}};
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

/// AKID/date/region/service/aws4_request; an access key may itself hold slashes.
std::optional<auth_failure> split_credential(authorization& into) {
    std::string_view rest = into.credential;
    std::array<std::string_view, 4> parts;
    for (std::size_t i = parts.size(); i-- > 0;) {
        const std::size_t slash = rest.rfind('/');
        if (slash == std::string_view::npos) {
            return malformed_authorization(into.way,
                                           "the Credential is mal-formed; expecting "
                                           "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
        }
        parts[i] = rest.substr(slash + 1);
        rest = rest.substr(0, slash);
    }
    into.access_key = rest;
    into.scope = into.credential.substr(rest.size() + 1);
    into.date = parts[0];
    into.region = parts[1];
    into.service = parts[2];
    if (rest.empty() || parts[0].size() != 8 || parts[1].empty() || parts[3] != "aws4_request") {
        return malformed_authorization(into.way,
                                       "the Credential is mal-formed; expecting "
                                       "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    }
    if (into.service != "s3") {
        return malformed_authorization(into.way, "incorrect service \"" +
                                                     std::string(into.service) +
                                                     "\". This endpoint belongs to \"s3\".");
    }
    return std::nullopt;
}

std::optional<auth_failure> read_header(std::string_view value, authorization& into) {
    into.way = auth_way::header;
    const std::size_t blank = value.find(' ');
    const std::string_view scheme = value.substr(0, blank);
    if (scheme != algorithm) {
        if (scheme == "AWS" || scheme.starts_with("AWS4-")) return not_supported();
        return auth_failure{auth_error::invalid_argument,
                            "Unsupported Authorization Type",
                            {{"ArgumentName", "Authorization"}}};
    }
    std::string_view rest = blank == std::string_view::npos ? "" : value.substr(blank + 1);
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(','), rest.size());
        const std::string_view part = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const std::size_t equals = part.find('=');
        const std::string_view name = part.substr(0, equals);
        const std::string_view text =
            equals == std::string_view::npos ? "" : part.substr(equals + 1);
        if (name == "Credential") {
            into.credential = text;
        } else if (name == "SignedHeaders") {
            into.signed_headers = text;
        } else if (name == "Signature") {
            into.signature = text;
        }
    }
    if (into.credential.empty()) return malformed_authorization(into.way, "missing Credential.");
    if (into.signed_headers.empty()) {
        return malformed_authorization(into.way, "missing SignedHeaders.");
    }
    if (into.signature.empty()) return malformed_authorization(into.way, "missing Signature.");
    return split_credential(into);
}

std::optional<auth_failure> read_query(const http_query& query, authorization& into) {
    into.way = auth_way::query;
    const auto fail = [](std::string why) {
        return auth_failure{auth_error::authorization_query_parameters_error, std::move(why), {}};
    };
    if (query.get("X-Amz-Algorithm") != algorithm) {
        return fail("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\".");
    }
    for (const std::string_view name : {"X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date",
                                        "X-Amz-SignedHeaders", "X-Amz-Expires"}) {
        if (query.get(name).empty()) {
            return fail(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, "
                "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                "X-Amz-Expires parameters.");
        }
    }
    into.credential = query.get("X-Amz-Credential");
    into.signed_headers = query.get("X-Amz-SignedHeaders");
    into.signature = query.get("X-Amz-Signature");
    into.amz_date = query.get("X-Amz-Date");
    const std::string_view expires = query.get("X-Amz-Expires");
    for (const char c : expires) {
        if (c < '0' || c > '9') return fail("X-Amz-Expires should be a number.");
        into.expires_s = into.expires_s * 10 + static_cast<unsigned>(c - '0');
        if (into.expires_s > presigned_seconds_max) {
            return fail(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                "X-Amz-Expires must be at most 604800 seconds.");
        }
    }
    if (into.expires_s == 0) return fail("X-Amz-Expires must be at least 1 second.");
    return split_credential(into);
}

}  // namespace

auth_failure malformed_authorization(auth_way way, std::string why) {
    if (way == auth_way::query) {
        return {auth_error::authorization_query_parameters_error,
                "Error parsing the X-Amz-Credential parameter; " + why,
                {}};
    }
    return {auth_error::authorization_header_malformed,
            "The authorization header is malformed; " + why,
            {}};
}

std::optional<auth_failure> read_authorization(const http_request_head& head, authorization& into) {
    into = authorization{};
    const auto header = head.headers.find("authorization");
    const bool has_query_v4 = head.query.has("X-Amz-Algorithm") ||
                              head.query.has("X-Amz-Signature") ||
                              head.query.has("X-Amz-Credential");
    const bool has_query_v2 = head.query.has("AWSAccessKeyId") && head.query.has("Signature");
    if ((header ? 1 : 0) + (has_query_v4 ? 1 : 0) + (has_query_v2 ? 1 : 0) > 1 ||
        head.headers.count("authorization") > 1) {
        return auth_failure{auth_error::invalid_argument,
                            "Only one auth mechanism allowed; only the X-Amz-Algorithm query "
                            "parameter, Signature query string parameter or the Authorization "
                            "header should be specified",
                            {{"ArgumentName", "Authorization"}}};
    }
    if (has_query_v2) return not_supported();
    if (has_query_v4) return read_query(head.query, into);
    if (header) return read_header(*header, into);
    return std::nullopt;
}

}  // namespace taicang
