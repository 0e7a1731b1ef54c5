// The one table of error numbers. Rooms own ranges of a hundred; the number is stable, shown by the
// CLI and in logs. Thread safe (values only).
#pragma once

#include <cstdint>
#include <string_view>

namespace taicang {

/// What went wrong. Ranges: 1-99 common, 100 io, 200 device, 300 journal, 400 stripe, 500 index,
/// 600 object, 700 upkeep, 800 s3gw, 900 tools.
enum class errc : std::uint16_t {
    // common
    invalid_argument = 1,  ///< the caller's fault; repeating it cannot help
    not_found = 2,         ///< the named thing does not exist
    already_exists = 3,    ///< the name is taken
    corrupt = 4,           ///< a checksum or structure check failed: bytes are not what was written
    no_space = 5,          ///< the disk or quota is full; never a fault of a device
    busy = 6,              ///< a named limit is reached; repeating later can help
    timed_out = 7,         ///< a deadline passed; the outcome may be unknown
    cancelled = 8,         ///< stopped on purpose; not a failure
    unsupported = 9,       ///< known, but not built or not possible here
    outcome_unknown = 10,  ///< it may or may not have happened; recovery decides
    stopped = 11,          ///< the service is shutting down
    permission_denied = 12,    ///< the operating system or a policy refused
    version_unsupported = 13,  ///< an on-disk feature this build does not know
    // io
    io_failed = 100,  ///< the disk answered with an error
    io_short = 101,   ///< fewer bytes than asked for
    // device
    device_foreign = 200,  ///< a device of another hub
    device_stale = 201,    ///< a device whose membership_epoch is behind
    device_swapped = 202,  ///< a device in another's place
    device_fenced = 203,   ///< fenced after a fault
    device_missing = 204,  ///< a member that is not there
    quorum_lost = 205,     ///< fewer devices than the operation needs
    term_lost = 206,       ///< a higher shard_term or boot number exists
    // journal
    journal_damaged = 300,  ///< a gap at or below the last acknowledged LSN
    journal_full = 301,     ///< the journal's cap is reached; packing must catch up
    // stripe
    stripe_unreadable = 400,  ///< fewer than k good chunks
    stripe_narrow = 401,      ///< fewer than m+1 devices: no writes
    // index
    index_lost = 500,  ///< the index directory is missing or unreadable
    // object
    bucket_not_found = 600,
    bucket_exists = 601,  ///< exists and belongs to the caller
    bucket_not_empty = 602,
    key_not_found = 603,
    upload_not_found = 604,
    precondition_failed = 605,
    not_modified = 606,
    invalid_part = 607,
    invalid_part_order = 608,
    part_too_small = 609,
    object_too_large = 610,
    range_not_satisfiable = 611,
    digest_mismatch = 612,  ///< the body does not match the digest the client sent
    incomplete_body = 613,  ///< fewer bytes than announced
    key_too_long = 614,
    bucket_name_invalid = 615,
    conflict = 616,  ///< lost against a concurrent change
    too_many_buckets = 617,
    // s3gw
    request_malformed = 800,        ///< framing or form of a request is wrong
    signature_mismatch = 801,       ///< a chunk's or trailer's signature is wrong
    payload_digest_mismatch = 802,  ///< the body is not what x-amz-content-sha256 says
    chunk_malformed = 803,          ///< aws-chunked framing is wrong
    trailer_malformed = 804,        ///< a trailing header is wrong or missing
    client_too_slow = 805,          ///< the client did not send or take bytes in time
    connection_lost = 806,          ///< the client went away
    xml_malformed = 807,            ///< an XML body is not well-formed or does not fit its schema
};

/// The number's stable name, e.g. "journal_damaged".
std::string_view errc_name(errc code) noexcept;

}  // namespace taicang
