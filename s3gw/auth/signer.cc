#include "s3gw/auth/signer.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "s3gw/auth/sigv4.h"

namespace taicang {

namespace {

constexpr std::string_view empty_sha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

using text_pairs = std::vector<std::pair<std::string, std::string>>;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

std::string target_of(std::string_view path, const text_pairs& query) {
    std::string target;
    aws_uri_encode(path, true, target);
    char separator = '?';
    for (const auto& [name, value] : query) {
        target.push_back(separator);
        separator = '&';
        aws_uri_encode(name, false, target);
        target.push_back('=');
        aws_uri_encode(value, false, target);
    }
    return target;
}

/// The head that the server will see, for canonical_request.
struct seen_head {
    http_request_head head;

    seen_head(const sign_request& request, const text_pairs& query, const text_pairs& headers) {
        head.method_text = request.method;
        head.path = request.path;
        for (const auto& [name, value] : query)
            head.query.add({name, value, true});
        for (const auto& [name, value] : headers)
            head.headers.add(name, value);
    }
};

std::string signed_names(const text_pairs& headers) {
    std::vector<std::string> names;
    for (const auto& [name, value] : headers)
        names.push_back(lower(name));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string list;
    for (const std::string& name : names) {
        if (!list.empty()) list.push_back(';');
        list += name;
    }
    return list;
}

std::string sign(const sign_key& key, const signed_request& out, std::string_view canonical) {
    const auto signing = derive_signing_key(
        key.secret_key, std::string_view(out.amz_date).substr(0, 8), key.region, key.service);
    const auto hex = hex_of(signing.sign(string_to_sign(out.amz_date, out.scope, canonical)));
    return std::string(view_of(hex));
}

signed_request begin(const sign_key& key, std::int64_t wall_now_ns) {
    signed_request out;
    out.amz_date = format_amz_date(wall_now_ns);
    out.scope = out.amz_date.substr(0, 8) + "/" + key.region + "/" + key.service + "/aws4_request";
    return out;
}

}  // namespace

signed_request sign_by_header(const sign_key& key, const sign_request& request,
                              std::string_view payload_hash, std::int64_t wall_now_ns) {
    signed_request out = begin(key, wall_now_ns);
    out.headers.emplace_back("Host", request.host);
    out.headers.emplace_back("x-amz-content-sha256", payload_hash);
    out.headers.emplace_back("x-amz-date", out.amz_date);
    out.headers.insert(out.headers.end(), request.headers.begin(), request.headers.end());
    const std::string names = signed_names(out.headers);
    const seen_head seen(request, request.query, out.headers);
    std::string canonical;
    static_cast<void>(canonical_request(seen.head, names, payload_hash, false, canonical));
    out.signature = sign(key, out, canonical);
    out.target = target_of(request.path, request.query);
    out.headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=" + key.access_key +
                                                  "/" + out.scope + ",SignedHeaders=" + names +
                                                  ",Signature=" + out.signature);
    return out;
}

signed_request presign(const sign_key& key, const sign_request& request, std::int64_t wall_now_ns,
                       std::uint64_t expires_s) {
    signed_request out = begin(key, wall_now_ns);
    out.headers.emplace_back("Host", request.host);
    out.headers.insert(out.headers.end(), request.headers.begin(), request.headers.end());
    const std::string names = signed_names(out.headers);
    text_pairs query = request.query;
    query.emplace_back("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
    query.emplace_back("X-Amz-Credential", key.access_key + "/" + out.scope);
    query.emplace_back("X-Amz-Date", out.amz_date);
    query.emplace_back("X-Amz-Expires", std::to_string(expires_s));
    query.emplace_back("X-Amz-SignedHeaders", names);
    const seen_head seen(request, query, out.headers);
    std::string canonical;
    static_cast<void>(canonical_request(seen.head, names, "UNSIGNED-PAYLOAD", true, canonical));
    out.signature = sign(key, out, canonical);
    query.emplace_back("X-Amz-Signature", out.signature);
    out.target = target_of(request.path, query);
    return out;
}

aws_chunked_encoder::aws_chunked_encoder(const sign_key& key, const signed_request& request,
                                         std::string_view payload_hash)
    : key_(derive_signing_key(key.secret_key, std::string_view(request.amz_date).substr(0, 8),
                              key.region, key.service)),
      amz_date_(request.amz_date),
      scope_(request.scope),
      previous_(request.signature),
      is_signed_(payload_hash != "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
      has_trailer_(payload_hash.ends_with("-TRAILER")) {}

std::string aws_chunked_encoder::sign_chunk(bytes_view payload) {
    const auto hash = hex_of(sha256_of(as_text(payload)));
    std::string text = "AWS4-HMAC-SHA256-PAYLOAD\n" + amz_date_ + "\n" + scope_ + "\n" + previous_ +
                       "\n" + std::string(empty_sha256) + "\n";
    text.append(view_of(hash));
    const auto hex = hex_of(key_.sign(text));
    previous_.assign(view_of(hex));
    return previous_;
}

std::string aws_chunked_encoder::chunk(bytes_view payload) {
    std::array<char, 24> size;
    const int digits = std::snprintf(size.data(), size.size(), "%zx", payload.size());
    std::string out(size.data(), static_cast<std::size_t>(digits));
    out.reserve(payload.size() + 128);
    if (is_signed_) out += ";chunk-signature=" + sign_chunk(payload);
    out.append("\r\n").append(as_text(payload)).append("\r\n");
    return out;
}

std::string aws_chunked_encoder::end(const text_pairs& trailers) {
    std::string out = "0";
    if (is_signed_) out += ";chunk-signature=" + sign_chunk({});
    out += "\r\n";
    if (has_trailer_) {
        std::string signed_text;
        for (const auto& [name, value] : trailers) {
            signed_text.append(name).append(":").append(value).append("\n");
            out.append(name).append(":").append(value).append("\r\n");
        }
        if (is_signed_) {
            const auto hash = hex_of(sha256_of(signed_text));
            std::string text =
                "AWS4-HMAC-SHA256-TRAILER\n" + amz_date_ + "\n" + scope_ + "\n" + previous_ + "\n";
            text.append(view_of(hash));
            const auto hex = hex_of(key_.sign(text));
            out.append("x-amz-trailer-signature:").append(view_of(hex)).append("\r\n");
        }
    }
    return out += "\r\n";
}

}  // namespace taicang
