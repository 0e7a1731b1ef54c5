// A journal record: what every mutation is. The header is fixed and chained; the body holds the
// effects and stays for ever; the payload (bytes of small objects) may be dropped once packing has
// moved them. Values; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/ids.h"

namespace taicang {

/// What a record is for; the body's grammar (storage/index/effects.h) is the same for all.
enum class record_kind : std::uint16_t {
    mutation = 1,   ///< a client's or admin's change
    job = 2,        ///< upkeep: moves, group life, purges
    heartbeat = 3,  ///< no effects; moves clocks and frontiers
};

inline constexpr std::uint16_t record_flag_skippable =
    1;  ///< a reader that does not know the kind may pass over it

struct record_header {
    lsn position;
    hybrid_clock clock;
    hub_id origin;
    shard_id shard;
    set_id set;  ///< 0: in no replication set
    std::uint64_t set_sequence = 0;
    record_kind kind{};
    std::uint16_t flags = 0;
    std::uint32_t body_length = 0;
    std::uint32_t payload_length = 0;
    sha256_digest body_digest{};
    sha256_digest payload_digest{};  ///< all zero when payload_length is 0
};

/// What a caller hands to append(). The payload is borrowed from `payload_owner`, kept until the
/// record is durable.
struct record_draft {
    record_kind kind = record_kind::mutation;
    std::uint16_t flags = 0;
    hybrid_clock clock;
    hub_id origin;
    set_id set;
    std::uint64_t set_sequence = 0;
    std::string body;
    bytes_view payload;
    sha256_digest
        payload_digest{};  ///< of the payload; the caller has it already (it is the blob's digest)
    std::shared_ptr<void> payload_owner;
};

/// A record as read back. `payload` is empty when it was dropped or not asked for.
struct journal_record {
    record_header header;
    std::string body;
    std::string payload;
};

}  // namespace taicang
