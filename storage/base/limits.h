// Every queue, buffer, loop and retry of the storage rooms has its named limit here. Units are in the names.
#pragma once

#include <cstddef>
#include <cstdint>

namespace taicang::limits {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;
inline constexpr std::uint64_t gib = 1024 * mib;

// --- object ---
inline constexpr std::size_t key_bytes_max = 1024;               ///< S3
inline constexpr std::size_t user_metadata_bytes_max = 2 * kib;  ///< S3
inline constexpr std::size_t inline_object_bytes_max = 128 * kib;  ///< bigger bodies go to stripes
inline constexpr std::uint64_t object_bytes_max = 5ULL * 1024 * gib;
inline constexpr std::uint64_t part_bytes_max = 5 * gib;
inline constexpr std::uint64_t part_bytes_min = 5 * mib;
inline constexpr std::uint32_t part_number_max = 10'000;
inline constexpr std::size_t list_keys_max = 1000;
inline constexpr std::size_t delete_keys_max = 1000;
inline constexpr std::size_t buckets_max = 10'000;

inline constexpr std::int64_t journal_full_patience_ns = 10'000'000'000;  ///< then 503
inline constexpr std::int64_t journal_full_poll_ns = 20'000'000;
inline constexpr std::size_t apply_rows_max = 16'384;            ///< rows of one index batch (one record may exceed)

// --- upkeep ---
inline constexpr std::int64_t job_retry_wait_ns = 1'000'000'000;
inline constexpr std::int64_t job_throttled_wait_ns = 50'000'000;

// --- journal ---
inline constexpr std::size_t record_body_bytes_max = 4 * mib;    ///< effects of one record
inline constexpr std::size_t batch_bytes_max = 1 * mib;          ///< what one group commit gathers (one record may exceed)
inline constexpr std::size_t journal_records_pending_max = 16'384;
inline constexpr std::size_t journal_pending_bytes_max = 64 * mib;      ///< appended, not durable; admit() waits beyond
inline constexpr std::uint64_t journal_segment_bytes_max = 1 * gib;     ///< offsets inside a segment are 32 bits
inline constexpr std::size_t journal_segments_max = 1024;               ///< named by one root
inline constexpr std::size_t journal_ensemble_members_max = 16;         ///< m+1
inline constexpr std::size_t journal_recent_bytes_max = 16 * mib;       ///< newest batches kept in memory for readers
inline constexpr std::size_t journal_tables_bytes_max = 32 * mib;       ///< tables that find a record in its segment
inline constexpr std::size_t journal_recovery_window_bytes = 1 * mib;   ///< read ahead per copy at open
inline constexpr std::size_t journal_read_window_bytes = 256 * kib;     ///< read ahead of read_from
inline constexpr std::size_t journal_read_places_max = 16;              ///< sequential readers remembered
inline constexpr std::size_t journal_repairs_pending_max = 64;          ///< wrong copies queued to be written again

// --- stripe ---
inline constexpr std::size_t chunks_max = 32;                    ///< k+m
inline constexpr std::size_t block_bytes = 4 * kib;              ///< checksum granule
inline constexpr std::size_t stripe_unit_bytes_nvme = 128 * kib;
inline constexpr std::size_t stripe_unit_bytes_hdd = 1 * mib;

// --- device ---
inline constexpr std::size_t root_bytes_max = 1 * mib;
inline constexpr std::size_t tier_devices_max = 1024;

// --- io ---
inline constexpr std::size_t io_bytes_max = 1 * gib;             ///< one operation on a file; larger ones are refused
inline constexpr unsigned open_files_max = 4096;                 ///< of one disk; the ring's table of registered files
inline constexpr std::size_t reactor_turn_items_max = 128;       ///< work run before the disk is looked at again
inline constexpr std::uint64_t sim_events_max = 50'000'000;      ///< of one simulation::run; more is a livelock

}  // namespace taicang::limits
