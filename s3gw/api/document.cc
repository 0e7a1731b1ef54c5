// Bodies that are documents: read whole, compared with their digests.
#include <algorithm>

#include "s3gw/api/body.h"
#include "s3gw/api/limits.h"
#include "s3gw/xml/requests.h"
#include "storage/base/digest.h"

namespace taicang {

namespace {

s3_error too_long() {
    return s3_error(s3_code::max_message_length_exceeded)
        .with("MaxMessageLengthBytes", std::to_string(limits::xml_body_bytes_max));
}

task<result<bool>> append_body(s3_call& call, std::string& text) {
    std::string piece(limits::document_piece_bytes, '\0');
    const bytes_span room(reinterpret_cast<std::byte*>(piece.data()), piece.size());
    for (;;) {
        auto got = co_await call.body->read(room);
        if (!got) co_return std::move(got).error();
        if (*got == 0) co_return true;
        if (text.size() + *got > limits::xml_body_bytes_max) co_return false;
        text.append(piece, 0, *got);
    }
}

std::optional<s3_error> compare(const body_claims& claims, const std::string& text) {
    digest_set kinds;
    if (claims.expected.md5) kinds.add(digest_kind::md5);
    if (claims.expected.checksum) kinds.add(claims.expected.checksum->kind);
    const content_digests found = digests_of(kinds, as_bytes(text));
    const auto& checksum = claims.expected.checksum;
    const bool same = (!claims.expected.md5 || found.md5 == *claims.expected.md5) &&
                      (!checksum || found.of(checksum->kind) == checksum->value);
    if (same) return std::nullopt;
    return s3_error(s3_code::bad_digest);
}

/// What the client says of a document; documents may come without any length, being empty.
read_or_refused<body_claims> claims_of(const s3_call& call, document_digests digests) {
    if (!call.request.has_body() && !call.has_header("Content-MD5")) return body_claims{};
    auto claims = read_body_claims(call);
    if (claims && digests == document_digests::of_object) {
        claims->expected.checksum.reset();
        claims->trailer.reset();
    }
    return claims;
}

}  // namespace

task<read_or_refused<request_document>> read_document(s3_call& call, document_digests digests) {
    auto claims = claims_of(call, digests);
    if (!claims) co_return claims.refusal();
    const std::uint64_t length = call.body->payload_length().value_or(limits::xml_body_bytes_max);
    if (length > limits::xml_body_bytes_max) co_return too_long();
    request_document document;
    auto lease = co_await call.memory.acquire(std::max<std::size_t>(
        static_cast<std::size_t>(length) * limits::document_memory_factor, page_size));
    if (!lease) co_return s3_error_of(lease.error());
    document.lease = std::move(*lease);
    auto fits = co_await append_body(call, document.text);
    if (!fits) co_return s3_error_of(fits.error());
    if (!*fits) co_return too_long();
    auto trailer = read_trailing_checksum(call, *claims);
    if (!trailer) co_return s3_error_of(trailer.error());
    if (*trailer) claims->expected.checksum = std::move(*trailer);
    if (auto differs = compare(*claims, document.text)) co_return std::move(*differs);
    co_return std::move(document);
}

}  // namespace taicang
