#include "storage/base/errors.h"

namespace taicang {

std::string_view errc_name(errc code) noexcept {
    switch (code) {
        case errc::invalid_argument: return "invalid_argument";
        case errc::not_found: return "not_found";
        case errc::already_exists: return "already_exists";
        case errc::corrupt: return "corrupt";
        case errc::no_space: return "no_space";
        case errc::busy: return "busy";
        case errc::timed_out: return "timed_out";
        case errc::cancelled: return "cancelled";
        case errc::unsupported: return "unsupported";
        case errc::outcome_unknown: return "outcome_unknown";
        case errc::stopped: return "stopped";
        case errc::permission_denied: return "permission_denied";
        case errc::version_unsupported: return "version_unsupported";
        case errc::io_failed: return "io_failed";
        case errc::io_short: return "io_short";
        case errc::device_foreign: return "device_foreign";
        case errc::device_stale: return "device_stale";
        case errc::device_swapped: return "device_swapped";
        case errc::device_fenced: return "device_fenced";
        case errc::device_missing: return "device_missing";
        case errc::quorum_lost: return "quorum_lost";
        case errc::term_lost: return "term_lost";
        case errc::journal_damaged: return "journal_damaged";
        case errc::journal_full: return "journal_full";
        case errc::stripe_unreadable: return "stripe_unreadable";
        case errc::stripe_narrow: return "stripe_narrow";
        case errc::index_lost: return "index_lost";
        case errc::bucket_not_found: return "bucket_not_found";
        case errc::bucket_exists: return "bucket_exists";
        case errc::bucket_not_empty: return "bucket_not_empty";
        case errc::key_not_found: return "key_not_found";
        case errc::upload_not_found: return "upload_not_found";
        case errc::precondition_failed: return "precondition_failed";
        case errc::not_modified: return "not_modified";
        case errc::invalid_part: return "invalid_part";
        case errc::invalid_part_order: return "invalid_part_order";
        case errc::part_too_small: return "part_too_small";
        case errc::object_too_large: return "object_too_large";
        case errc::range_not_satisfiable: return "range_not_satisfiable";
        case errc::digest_mismatch: return "digest_mismatch";
        case errc::incomplete_body: return "incomplete_body";
        case errc::key_too_long: return "key_too_long";
        case errc::bucket_name_invalid: return "bucket_name_invalid";
        case errc::conflict: return "conflict";
        case errc::too_many_buckets: return "too_many_buckets";
        case errc::request_malformed: return "request_malformed";
        case errc::signature_mismatch: return "signature_mismatch";
        case errc::payload_digest_mismatch: return "payload_digest_mismatch";
        case errc::chunk_malformed: return "chunk_malformed";
        case errc::trailer_malformed: return "trailer_malformed";
        case errc::client_too_slow: return "client_too_slow";
        case errc::connection_lost: return "connection_lost";
        case errc::xml_malformed: return "xml_malformed";
    }
    return "unknown_error";
}

}  // namespace taicang
