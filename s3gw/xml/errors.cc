#include "s3gw/xml/errors.h"

#include <array>

#include "s3gw/xml/writer.h"

namespace taicang {

namespace {

constexpr std::array table = {
#define TAICANG_S3_ROW(name, code, status, message) s3_code_info{code, status, message},
    TAICANG_S3_ERRORS(TAICANG_S3_ROW)
#undef TAICANG_S3_ROW
};

struct number_and_word {
    errc number;
    s3_code word;
};

/// Numbers that are not here are internal errors.
constexpr number_and_word words_of_numbers[] = {
    {errc::invalid_argument, s3_code::invalid_argument},
    {errc::not_found, s3_code::not_found},
    {errc::already_exists, s3_code::operation_aborted},
    {errc::no_space, s3_code::insufficient_storage},
    {errc::journal_full, s3_code::insufficient_storage},
    {errc::busy, s3_code::slow_down},
    {errc::unsupported, s3_code::not_implemented},
    {errc::permission_denied, s3_code::access_denied},
    // The client cannot tell whether it happened: 5xx, and its retry decides.
    {errc::timed_out, s3_code::service_unavailable},
    {errc::cancelled, s3_code::service_unavailable},
    {errc::stopped, s3_code::service_unavailable},
    {errc::quorum_lost, s3_code::service_unavailable},
    {errc::stripe_narrow, s3_code::service_unavailable},
    {errc::bucket_not_found, s3_code::no_such_bucket},
    {errc::bucket_exists, s3_code::bucket_already_owned_by_you},
    {errc::bucket_not_empty, s3_code::bucket_not_empty},
    {errc::key_not_found, s3_code::no_such_key},
    {errc::upload_not_found, s3_code::no_such_upload},
    {errc::precondition_failed, s3_code::precondition_failed},
    {errc::not_modified, s3_code::not_modified},
    {errc::invalid_part, s3_code::invalid_part},
    {errc::invalid_part_order, s3_code::invalid_part_order},
    {errc::part_too_small, s3_code::entity_too_small},
    {errc::object_too_large, s3_code::entity_too_large},
    {errc::range_not_satisfiable, s3_code::invalid_range},
    {errc::digest_mismatch, s3_code::bad_digest},
    {errc::incomplete_body, s3_code::incomplete_body},
    {errc::key_too_long, s3_code::key_too_long},
    {errc::bucket_name_invalid, s3_code::invalid_bucket_name},
    {errc::conflict, s3_code::conditional_request_conflict},
    {errc::too_many_buckets, s3_code::too_many_buckets},
    {errc::request_malformed, s3_code::bad_request},
    {errc::signature_mismatch, s3_code::signature_does_not_match},
    {errc::payload_digest_mismatch, s3_code::content_sha256_mismatch},
    {errc::chunk_malformed, s3_code::invalid_request},
    {errc::trailer_malformed, s3_code::malformed_trailer},
    {errc::client_too_slow, s3_code::request_timeout},
    {errc::connection_lost, s3_code::incomplete_body},
    {errc::xml_malformed, s3_code::malformed_xml},
};

using text_pairs = std::vector<std::pair<std::string, std::string>>;

std::string render(std::string_view code, std::string_view message, const text_pairs& details,
                   const s3_error_place& place) {
    std::string out;
    out.reserve(512);
    xml_writer xml(out);
    xml.open("Error").element("Code", code).element("Message", message);
    for (const auto& [name, value] : details)
        xml.element(name, std::string_view(value));
    const std::array<std::pair<std::string_view, std::string_view>, 5> fields = {
        {{"BucketName", place.bucket},
         {"Key", place.key},
         {"Resource", place.resource},
         {"RequestId", place.request_id},
         {"HostId", place.host_id}}};
    for (const auto& [name, value] : fields) {
        if (!value.empty()) xml.element(name, value);
    }
    xml.close();
    return out;
}

/// Whether the sentence of such an error is about the request; other sentences name devices, paths
/// and positions.
bool is_about_the_request(errc code) noexcept {
    switch (code) {
        case errc::invalid_argument:
        case errc::unsupported:
        case errc::bucket_name_invalid:
        case errc::invalid_part:
        case errc::object_too_large:
        case errc::digest_mismatch:
        case errc::incomplete_body:
        case errc::request_malformed:
        case errc::signature_mismatch:
        case errc::payload_digest_mismatch:
        case errc::chunk_malformed:
        case errc::trailer_malformed:
        case errc::xml_malformed:
            return true;
        default:
            return false;
    }
}

}  // namespace

const s3_code_info& info_of(s3_code code) noexcept {
    return table[static_cast<std::size_t>(code)];
}

s3_code s3_code_of(errc code) noexcept {
    for (const auto& [number, word] : words_of_numbers) {
        if (number == code) return word;
    }
    // Damage and lost devices: nothing that a client could act on.
    return s3_code::internal_error;
}

s3_code s3_code_of(auth_error code) noexcept {
    switch (code) {
        case auth_error::access_denied:
        case auth_error::request_expired:
            return s3_code::access_denied;
        case auth_error::invalid_access_key_id:
            return s3_code::invalid_access_key_id;
        case auth_error::signature_does_not_match:
            return s3_code::signature_does_not_match;
        case auth_error::authorization_header_malformed:
            return s3_code::authorization_header_malformed;
        case auth_error::authorization_query_parameters_error:
            return s3_code::authorization_query_parameters_error;
        case auth_error::content_sha256_mismatch:
            return s3_code::content_sha256_mismatch;
        case auth_error::missing_security_header:
            return s3_code::missing_security_header;
        case auth_error::request_time_too_skewed:
            return s3_code::request_time_too_skewed;
        case auth_error::invalid_request:
            return s3_code::invalid_request;
        case auth_error::invalid_argument:
            return s3_code::invalid_argument;
        case auth_error::missing_content_length:
            return s3_code::missing_content_length;
        case auth_error::invalid_token:
            return s3_code::invalid_token;
    }
    return s3_code::access_denied;
}

s3_error s3_error_of(const error& why) {
    s3_error out(s3_code_of(why.code));
    if (is_about_the_request(why.code)) out.message = why.message;
    return out;
}

s3_error s3_error_of(auth_failure why) {
    s3_error out(s3_code_of(why.code), std::move(why.message));
    out.details = std::move(why.details);
    return out;
}

std::string render_error_document(const s3_error& what, const s3_error_place& place) {
    const s3_code_info& info = info_of(what.code);
    return render(info.code, what.message.empty() ? info.message : std::string_view(what.message),
                  what.details, place);
}

std::string render_error_document(std::string_view code, std::string_view message,
                                  const s3_error_place& place) {
    return render(code, message, {}, place);
}

}  // namespace taicang
