// Ids of everything, as distinct types so that one is never passed for another. DESIGN section 3
// gives their meaning. Values only; any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace taicang {

/// A number with a meaning. `Tag` makes the types distinct.
template <class Tag, class Number>
struct strong_id {
    Number value{};
    constexpr strong_id() = default;
    constexpr explicit strong_id(Number number) : value(number) {}
    auto operator<=>(const strong_id&) const = default;
};

/// Log sequence number: position of a record in its shard's journal. The first record is 1; 0 is
/// "before all".
using lsn = strong_id<struct lsn_tag, std::uint64_t>;
using hub_id = strong_id<struct hub_tag, std::uint16_t>;
/// A part of the namespace with one journal and one index. The embedded hub has shard 0.
using shard_id = strong_id<struct shard_tag, std::uint32_t>;
using set_id = strong_id<struct set_tag, std::uint32_t>;
using tenant_id = strong_id<struct tenant_tag, std::uint32_t>;
/// Never a bucket's name in a key: a bucket deleted and made again is another bucket.
using bucket_id = strong_id<struct bucket_tag, std::uint64_t>;
using blob_id = strong_id<struct blob_tag, std::uint64_t>;
using group_id = strong_id<struct group_tag, std::uint64_t>;
using segment_id = strong_id<struct segment_tag, std::uint64_t>;
/// Four epochs with four names (DESIGN 3).
using ensemble_epoch = strong_id<struct ensemble_epoch_tag, std::uint64_t>;
using shard_term = strong_id<struct shard_term_tag, std::uint64_t>;
using set_epoch = strong_id<struct set_epoch_tag, std::uint64_t>;
using generation = strong_id<struct generation_tag, std::uint64_t>;
using membership_epoch = strong_id<struct membership_epoch_tag, std::uint64_t>;

/// Ids that a shard hands out carry its term, so two leaders of a shard can never give the same
/// one. 24 bits of term, 40 bits of counter; both asserted by the id source.
inline constexpr unsigned id_counter_bits = 40;

/// 128 random bits (RFC 4122 version 4) naming a device or a hub for ever.
struct uuid {
    std::array<std::byte, 16> bytes{};
    auto operator<=>(const uuid&) const = default;
    [[nodiscard]] bool is_nil() const noexcept { return *this == uuid{}; }
    /// 8-4-4-4-12 lower-case hex.
    [[nodiscard]] std::string text() const;
};

/// Wall time in ns since 1970 UTC; 0 is "never".
using timestamp_ns = std::int64_t;

/// Hybrid logical clock: wall ns in the upper bits, a counter in the lower 16 of the sub-64us part.
/// Order agrees with causality on a hub and, by exchange, between hubs.
using hybrid_clock = strong_id<struct hybrid_clock_tag, std::uint64_t>;

template <class Id>
struct id_hash {
    std::size_t operator()(const Id& id) const noexcept {
        return std::hash<decltype(id.value)>{}(id.value);
    }
};
struct uuid_hash {
    std::size_t operator()(const uuid& id) const noexcept;
};

}  // namespace taicang
