#include "storage/base/errors.h"

namespace taicang {

namespace {

struct named {
    errc code;
    std::string_view name;
};

/// In the order of the enumeration. The tests hold it against the header: no number without a name.
constexpr named names[] = {
    {errc::invalid_argument, "invalid_argument"},
    {errc::not_found, "not_found"},
    {errc::already_exists, "already_exists"},
    {errc::corrupt, "corrupt"},
    {errc::no_space, "no_space"},
    {errc::busy, "busy"},
    {errc::timed_out, "timed_out"},
    {errc::cancelled, "cancelled"},
    {errc::unsupported, "unsupported"},
    {errc::outcome_unknown, "outcome_unknown"},
    {errc::stopped, "stopped"},
    {errc::permission_denied, "permission_denied"},
    {errc::version_unsupported, "version_unsupported"},
    {errc::io_failed, "io_failed"},
    {errc::io_short, "io_short"},
    {errc::device_foreign, "device_foreign"},
    {errc::device_stale, "device_stale"},
    {errc::device_swapped, "device_swapped"},
    {errc::device_fenced, "device_fenced"},
    {errc::device_missing, "device_missing"},
    {errc::quorum_lost, "quorum_lost"},
    {errc::term_lost, "term_lost"},
    {errc::journal_damaged, "journal_damaged"},
    {errc::journal_full, "journal_full"},
    {errc::stripe_unreadable, "stripe_unreadable"},
    {errc::stripe_narrow, "stripe_narrow"},
    {errc::index_lost, "index_lost"},
    {errc::bucket_not_found, "bucket_not_found"},
    {errc::bucket_exists, "bucket_exists"},
    {errc::bucket_not_empty, "bucket_not_empty"},
    {errc::key_not_found, "key_not_found"},
    {errc::upload_not_found, "upload_not_found"},
    {errc::precondition_failed, "precondition_failed"},
    {errc::not_modified, "not_modified"},
    {errc::invalid_part, "invalid_part"},
    {errc::invalid_part_order, "invalid_part_order"},
    {errc::part_too_small, "part_too_small"},
    {errc::object_too_large, "object_too_large"},
    {errc::range_not_satisfiable, "range_not_satisfiable"},
    {errc::digest_mismatch, "digest_mismatch"},
    {errc::incomplete_body, "incomplete_body"},
    {errc::key_too_long, "key_too_long"},
    {errc::bucket_name_invalid, "bucket_name_invalid"},
    {errc::conflict, "conflict"},
    {errc::too_many_buckets, "too_many_buckets"},
    {errc::request_malformed, "request_malformed"},
    {errc::signature_mismatch, "signature_mismatch"},
    {errc::payload_digest_mismatch, "payload_digest_mismatch"},
    {errc::chunk_malformed, "chunk_malformed"},
    {errc::trailer_malformed, "trailer_malformed"},
    {errc::client_too_slow, "client_too_slow"},
    {errc::connection_lost, "connection_lost"},
    {errc::xml_malformed, "xml_malformed"},
};

}  // namespace

std::string_view errc_name(errc code) noexcept {
    for (const named& known : names) {
        if (known.code == code) return known.name;
    }
    return "unknown_error";
}

}  // namespace taicang
