// Every queue, buffer, loop and retry of the storage rooms has its named limit here. Units are in
// the names.
#pragma once

#include <cstddef>
#include <cstdint>

namespace taicang::limits {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;
inline constexpr std::uint64_t gib = 1024 * mib;

// --- object ---
inline constexpr std::size_t key_bytes_max = 1024;                 ///< S3
inline constexpr std::size_t user_metadata_bytes_max = 2 * kib;    ///< S3
inline constexpr std::size_t inline_object_bytes_max = 128 * kib;  ///< bigger bodies go to stripes
inline constexpr std::uint64_t object_bytes_max = 5ULL * 1024 * gib;
inline constexpr std::uint64_t part_bytes_max = 5 * gib;
inline constexpr std::uint64_t part_bytes_min = 5 * mib;
inline constexpr std::uint32_t part_number_max = 10'000;
inline constexpr std::size_t list_keys_max = 1000;
inline constexpr std::size_t delete_keys_max = 1000;
inline constexpr std::size_t buckets_max = 10'000;

inline constexpr std::uint64_t put_bytes_max = 5 * gib;   ///< of one body that is not multipart
inline constexpr std::uint64_t copy_bytes_max = 5 * gib;  ///< of the source of one copy
inline constexpr std::size_t bucket_name_bytes_min = 3;
inline constexpr std::size_t bucket_name_bytes_max = 63;
inline constexpr std::size_t runs_in_flight_max =
    4;  ///< of one body: being written or hashed, and the one filling
inline constexpr std::size_t run_memory_factor =
    3;  ///< a run's bytes and what coding adds, reserved
inline constexpr std::size_t hash_on_shard_bytes_max =
    16 * kib;  ///< smaller bodies are not worth a trip to another thread
inline constexpr std::size_t read_chunk_bytes_max = 4 * mib;  ///< one buffer of a reader
inline constexpr std::size_t read_ahead_chunks = 1;  ///< read while the caller sends the one before
inline constexpr std::size_t open_attempts_max =
    16;  ///< as blobs move or versions change under an open
inline constexpr std::size_t copy_attempts_max = 32;  ///< as the source changes under a copy
inline constexpr std::size_t same_key_nexts_max =
    4;  ///< superseded rows stepped over before a seek
inline constexpr std::size_t record_body_bytes_target =
    3 * mib;  ///< where one request's effects are split over records
inline constexpr std::size_t dropped_blob_bytes =
    64;  ///< in a record, about, for each blob given up
inline constexpr std::size_t bucket_end_attempts_max =
    1'000'000;  ///< rounds of aborting a bucket's uploads
inline constexpr std::int64_t memory_patience_ns =
    30'000'000'000;  ///< for room in the memory budget; then 503
inline constexpr std::int64_t journal_full_patience_ns = 10'000'000'000;  ///< then 503
inline constexpr std::int64_t journal_full_poll_ns = 20'000'000;
inline constexpr std::size_t apply_inline_rows_max =
    16;  ///< a bigger batch of rows is written by the index's own thread
inline constexpr std::size_t apply_rows_max =
    16'384;  ///< rows of one index batch (one record may exceed)

// --- upkeep ---
inline constexpr std::int64_t job_retry_wait_ns = 1'000'000'000;
inline constexpr std::int64_t job_throttled_wait_ns = 50'000'000;
inline constexpr std::size_t packed_blobs_max = 8192;       ///< blobs of one packed run
inline constexpr std::size_t packing_lookup_rows = 256;     ///< looked up at once
inline constexpr std::size_t packing_scan_bytes = 1 * mib;  ///< journal read of one packing step
inline constexpr double packing_lazy_fill = 0.25;  ///< below, packing lets the foreground go first
inline constexpr double packing_pressure_fill = 0.5;  ///< above, it packs runs that are not full
inline constexpr std::uint64_t checkpoints_per_journal =
    8;  ///< one each time this part of the journal was written
inline constexpr std::int64_t checkpoint_interval_ns = 300'000'000'000;
inline constexpr std::size_t reclaim_batch_rows = 1000;  ///< rows of one reclaim record
inline constexpr std::size_t compaction_groups_min = 4;  ///< mostly dead groups worth a compaction

inline constexpr std::int64_t packing_idle_wait_ns = 200'000'000;
inline constexpr std::int64_t device_check_wait_ns = 5'000'000'000;
inline constexpr std::int64_t reclaim_idle_wait_ns = 1'000'000'000;
inline constexpr std::int64_t checkpoint_idle_wait_ns = 250'000'000;
inline constexpr std::int64_t index_tidy_idle_wait_ns = 5'000'000'000;
inline constexpr std::uint64_t index_tidy_rows_many =
    100'000;  ///< deleted rows that are tidied while more are being deleted

// --- hub ---
inline constexpr std::size_t replay_read_bytes = 4 * mib;
inline constexpr std::uint64_t journal_share_of_tier = 16;  ///< of the fastest tier's raw capacity
inline constexpr std::uint64_t journal_bytes_least = 256 * mib;
inline constexpr std::uint64_t journal_bytes_most = 4 * gib;
inline constexpr double journal_fill_warning = 0.9;
inline constexpr std::size_t fsck_problems_max = 100;  ///< sentences kept; all are counted

// --- journal ---
inline constexpr std::size_t record_body_bytes_max = 4 * mib;  ///< effects of one record
inline constexpr std::size_t batch_bytes_max =
    1 * mib;  ///< what one group commit gathers (one record may exceed)
inline constexpr std::size_t journal_records_pending_max = 16'384;
inline constexpr std::size_t journal_pending_bytes_max =
    64 * mib;  ///< appended, not durable; admit() waits beyond
inline constexpr std::uint64_t journal_segment_bytes_max =
    1 * gib;                                               ///< offsets inside a segment are 32 bits
inline constexpr std::size_t journal_segments_max = 1024;  ///< named by one root
inline constexpr std::size_t journal_ensemble_members_max = 16;  ///< m+1
inline constexpr std::size_t journal_recent_bytes_max =
    16 * mib;  ///< newest batches kept in memory for readers
inline constexpr std::size_t journal_tables_bytes_max =
    32 * mib;  ///< tables that find a record in its segment
inline constexpr std::size_t journal_verify_on_shard_bytes_max =
    32 * kib;  ///< a bigger batch that was read is verified by a compute thread
inline constexpr std::size_t journal_recovery_window_bytes =
    1 * mib;  ///< read ahead per copy at open
inline constexpr std::size_t journal_read_window_bytes = 256 * kib;  ///< read ahead of read_from
inline constexpr std::size_t journal_read_places_max = 16;  ///< sequential readers remembered
inline constexpr std::size_t journal_repairs_pending_max =
    64;  ///< wrong copies queued to be written again

// --- stripe ---
inline constexpr std::size_t chunks_max = 32;        ///< k+m
inline constexpr std::size_t block_bytes = 4 * kib;  ///< checksum granule
inline constexpr std::size_t stripe_unit_bytes_nvme = 128 * kib;
inline constexpr std::size_t stripe_unit_bytes_hdd = 1 * mib;
/// Data of one run: what the checksum table of one header covers even at k = 1, so that a run can
/// always be written again to a narrower group.
inline constexpr std::size_t run_data_blocks_max = 960;
inline constexpr std::size_t open_groups_max =
    4;  ///< of a tier and purpose; fewer where devices are few
inline constexpr std::size_t run_attempts_max =
    8;  ///< groups one run is tried on as devices fail under it
inline constexpr std::size_t durable_rounds_max =
    8;  ///< flushes of one make_durable() as devices fail under it
inline constexpr std::size_t whole_piece_read_bytes_max =
    128 * kib;  ///< smaller pieces are read and checked whole
inline constexpr std::size_t header_gap_blocks_max =
    8;  ///< data this near its header is read in one request
inline constexpr std::size_t scan_blocks =
    256;  ///< of a chunk, read at once in search of the next run's header
inline constexpr std::size_t encode_sub_block_bytes =
    32 * kib;  ///< of a chunk: copied, coded and summed while in cache
inline constexpr std::size_t encode_on_shard_bytes_max =
    128 * kib;  ///< of data: a bigger run is encoded by a compute thread
inline constexpr std::uint64_t reserve_groups_max =
    4;  ///< free groups of a tier kept for deletes, packing, checkpoints
inline constexpr std::uint64_t reserve_groups_share =
    16;  ///< at most one in so many of a small tier's groups

// --- index ---
inline constexpr std::size_t checkpoints_kept = 2;
inline constexpr std::size_t checkpoint_inline_bytes_max =
    4 * kib;  ///< smaller files lie in the manifest
inline constexpr std::uint64_t checkpoint_manifest_bytes_max = 64 * mib;
inline constexpr std::int64_t checkpoint_memory_patience_ns =
    30'000'000'000;  ///< for the buffer of one run
inline constexpr std::size_t index_deleted_ranges_max =
    256;  ///< ranges in which deletions are counted; twice as many until they are joined
inline constexpr std::uint64_t index_tidy_rows_min =
    1000;  ///< deleted rows worth a compaction: what a page of a listing shows
inline constexpr std::uint64_t index_tidy_rows_per_deleted =
    8;  ///< rewritten at most for each deleted row, or byte for each new one
inline constexpr std::size_t index_recent_files_max =
    1;  ///< of level 0, left once writes are few: each costs every seek a block
inline constexpr std::uint64_t index_tidy_step_bytes = 64 * mib;  ///< of one compaction, about
inline constexpr std::size_t index_row_bytes_guess = 100;         ///< while no file tells

// --- device ---
inline constexpr std::size_t root_bytes_max = 1 * mib;
inline constexpr std::uint64_t filesystem_reserve_bytes_max =
    256 * mib;  ///< not taken by file devices
inline constexpr std::uint64_t filesystem_reserve_share =
    20;  ///< at most this part of the file system
inline constexpr std::int64_t device_lock_patience_ns =
    5'000'000'000;  ///< for a killed process to be gone
inline constexpr std::int64_t device_lock_poll_ns = 20'000'000;
inline constexpr std::size_t tier_devices_max = 1024;
inline constexpr std::size_t device_files_max = 4096;  ///< considered in one directory at start
inline constexpr std::uint64_t device_extents_max =
    65'536;  ///< places of one device: an 8 MiB directory
inline constexpr std::uint64_t device_capacity_bytes_min =
    256 * mib;  ///< when the capacity is chosen for the user
inline constexpr std::uint64_t extent_bytes_min = 64 * kib;
inline constexpr std::uint64_t extent_bytes_max = 256 * mib;
inline constexpr std::size_t device_warm_extents_max =
    32;  ///< freed places whose written space is kept for the next extents
inline constexpr std::size_t device_journal_warm_extents_max =
    8;  ///< of these, left alone by others than the journal while there are other places
inline constexpr std::uint64_t device_warm_unwritten_share =
    16;  ///< at most this part of a kept place was never written
inline constexpr std::uint64_t filesystem_roomy_share =
    8;  ///< space is kept only while this part of the file system is free
inline constexpr std::size_t device_zero_fill_bytes =
    1 * mib;                                                  ///< one write of pre-writing a place
inline constexpr std::size_t directory_read_bytes = 1 * mib;  ///< one read of loading a directory
inline constexpr std::uint64_t device_read_failures_max =
    128;  ///< within the window; past it the device is fenced
inline constexpr std::int64_t device_read_failure_window_ns = 600'000'000'000;
inline constexpr std::size_t device_reason_bytes_max = 240;  ///< of a member's reason in the root
inline constexpr std::size_t device_file_name_bytes_max = 255;
inline constexpr std::uint64_t boot_number_jump_after_loss =
    1024;  ///< above claims that --accept-loss could not read
inline constexpr std::uint64_t life_jump_after_damage =
    1 << 20;  ///< above lives that a damaged entry may have had

// --- io ---
inline constexpr std::size_t io_bytes_max =
    1 * gib;  ///< one operation on a file; larger ones are refused
inline constexpr unsigned open_files_max =
    4096;  ///< of one disk; the ring's table of registered files
inline constexpr unsigned io_interrupted_retries_max =
    1000;  ///< EINTR and EAGAIN of one operation (never of a flush)
inline constexpr std::size_t reactor_turn_items_max =
    4;  ///< of a queue, run before the disk is looked at again: its operations are the longest wait
inline constexpr std::uint64_t sim_events_max =
    50'000'000;  ///< of one simulation::run; more is a livelock

}  // namespace taicang::limits
