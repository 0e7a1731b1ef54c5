#include "s3gw/api/request_target.h"

#include "s3gw/http/head.h"
#include "storage/base/limits.h"

namespace taicang {

namespace {

/// Length of the well-formed UTF-8 character at `at` (Unicode 15, table 3-7), 0 when it is none.
std::size_t character_bytes(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        length = 3;
        if (lead == 0xe0) low = 0xa0;   // overlong
        if (lead == 0xed) high = 0x9f;  // surrogates
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        length = 4;
        if (lead == 0xf0) low = 0x90;
        if (lead == 0xf4) high = 0x8f;  // beyond U+10FFFF
    } else {
        return 0;
    }
    if (text.size() - at < length) return 0;
    if (byte(at + 1) < low || byte(at + 1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if ((byte(at + i) & 0xc0U) != 0x80) return 0;
    }
    return length;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = character_bytes(text, at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

/// The host without its port: "a.b:9000" and "[::1]:9000".
std::string_view without_port(std::string_view host) {
    const std::size_t colon = host.rfind(':');
    if (colon == std::string_view::npos || host.ends_with(']')) return host;
    return host.substr(0, colon);
}

}  // namespace

request_target target_of(std::string_view path, std::string_view host,
                         const std::vector<std::string>& domains) {
    request_target target;
    if (path.starts_with('/')) path.remove_prefix(1);
    host = without_port(host);
    for (const std::string& domain : domains) {
        if (host.size() < domain.size() + 2) continue;
        const std::size_t dot = host.size() - domain.size() - 1;
        if (host[dot] != '.' || !http_name_equal(host.substr(dot + 1), domain)) continue;
        target.bucket = std::string(host.substr(0, dot));
        target.key = std::string(path);
        target.bucket_in_host = true;
        return target;
    }
    const std::size_t slash = path.find('/');
    target.bucket = std::string(path.substr(0, slash));
    if (slash != std::string_view::npos) target.key = std::string(path.substr(slash + 1));
    return target;
}

std::optional<s3_error> check_target(const request_target& target) {
    if (target.key.size() > limits::key_bytes_max) {
        return s3_error(s3_code::key_too_long)
            .with("Size", std::to_string(target.key.size()))
            .with("MaxSizeAllowed", std::to_string(limits::key_bytes_max));
    }
    if (!is_utf8(target.key) || !is_utf8(target.bucket))
        return s3_error(s3_code::invalid_uri, "Bucket and key must be UTF-8.");
    if (target.bucket.empty() && !target.key.empty())
        return s3_error(s3_code::invalid_bucket_name, "The path has a key and no bucket.");
    return std::nullopt;
}

}  // namespace taicang
