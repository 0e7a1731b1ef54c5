// The object service: buckets, objects, multipart, listing, with strong read-after-write.
// Threads: the shard's executor (callers elsewhere use run_on()). Lifetime: writers and readers it
// gives out must be destroyed on the shard's executor before stop(); stop() waits for operations in
// flight. Promise: an operation that answers success is durable and visible; one that answers
// errc::outcome_unknown or is interrupted happened or not, wholly. Refusals that rest on a pending
// record wait until that record is durable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/buffer.h"
#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/object/types.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

class index;
class journal;
class sequencer;

/// Receives a body. Use: write() any number of times, then commit() once, or destroy to abandon
/// (what was written is reclaimed). One call at a time.
class object_writer {
  public:
    object_writer() = default;
    object_writer(const object_writer&) = delete;
    object_writer& operator=(const object_writer&) = delete;
    virtual ~object_writer() = default;
    /// Takes the next bytes of the body. Returns when the writer can take more (back pressure).
    virtual task<result<void>> write(buffer bytes) = 0;
    /// A checksum that came in a trailer, before commit().
    virtual void expect(stored_checksum trailer) = 0;
    /// Checks expectations and conditions, makes everything durable and visible.
    virtual task<result<put_result>> commit() = 0;
};

/// Gives an object's bytes in order. Keeps what it resolved until it is destroyed, overwritten or
/// deleted meanwhile or not.
class object_reader {
  public:
    object_reader() = default;
    object_reader(const object_reader&) = delete;
    object_reader& operator=(const object_reader&) = delete;
    virtual ~object_reader() = default;
    [[nodiscard]] virtual const object_info& info() const = 0;
    /// The resolved range: first byte and count. The whole object without a range.
    [[nodiscard]] virtual std::uint64_t first() const = 0;
    [[nodiscard]] virtual std::uint64_t length() const = 0;
    [[nodiscard]] virtual bool is_range() const = 0;
    /// The next bytes, verified; an empty buffer at the end. Reads ahead by a bounded amount.
    virtual task<result<buffer>> next() = 0;
};

struct put_request {
    std::string bucket, key;
    put_attributes attributes;
    put_expectations expected;
    conditions when;                      ///< if_match / if_none_match on the current version
    std::optional<digest_kind> checksum;  ///< computed and kept beside the ETag
    /// Digests of the whole body that the caller computed already, on its own thread: then small
    /// bodies are not hashed again. Those not given are computed.
    std::optional<content_digests> known_digests;
};

struct upload_request {
    std::string bucket, key;
    put_attributes attributes;
    std::optional<digest_kind> checksum;
    bool checksum_full_object = false;
};

struct part_request {
    std::string bucket, key, upload_id;
    std::uint32_t number = 0;
    put_expectations expected;
    std::optional<digest_kind> checksum;  ///< computed, for a trailer that will be expected
};

struct copy_request {
    std::string source_bucket, source_key;
    std::optional<std::string> source_version_id;
    conditions source_when;
    std::string bucket, key;
    bool replace_attributes = false;  ///< x-amz-metadata-directive: REPLACE
    put_attributes attributes;        ///< used when replacing; class always
    bool class_given = false;
    conditions when;
};

struct copy_part_request {
    std::string source_bucket, source_key;
    std::optional<std::string> source_version_id;
    conditions source_when;
    std::optional<range_request> range;
    std::string bucket, key, upload_id;
    std::uint32_t number = 0;
};

struct delete_outcome {
    std::string key;
    std::optional<error> failure;
    bool existed = false;
};

class object_service {
  public:
    object_service() = default;
    object_service(const object_service&) = delete;
    object_service& operator=(const object_service&) = delete;
    virtual ~object_service() = default;

    // Buckets
    virtual task<result<bucket_row>> create_bucket(std::string name, std::string owner,
                                                   std::string region) = 0;
    virtual task<result<void>> delete_bucket(std::string name) = 0;
    virtual task<result<bucket_row>> find_bucket(std::string name) = 0;
    virtual task<result<std::vector<bucket_row>>> list_buckets() = 0;

    // Objects
    /// Checks the bucket and the key at once, so that a hopeless body is not sent.
    virtual task<result<std::unique_ptr<object_writer>>> begin_put(put_request request) = 0;
    /// begin_put, write and commit of a body that is all there.
    virtual task<result<put_result>> put(put_request request, buffer body) = 0;
    virtual task<result<std::unique_ptr<object_reader>>> open(open_request request) = 0;
    virtual task<result<delete_outcome>> remove(std::string bucket, std::string key,
                                                std::optional<std::string> version_id,
                                                conditions when) = 0;
    virtual task<result<std::vector<delete_outcome>>> remove_many(
        std::string bucket, std::vector<std::string> keys) = 0;
    /// By reference: bytes are not copied within the hub (unless the class asks for another tier).
    virtual task<result<object_info>> copy(copy_request request) = 0;
    virtual task<result<list_page>> list(std::string bucket, list_request request) = 0;

    // Multipart
    virtual task<result<upload_row>> create_upload(upload_request request) = 0;
    virtual task<result<std::unique_ptr<object_writer>>> begin_part(part_request request) = 0;
    virtual task<result<part_row>> copy_part(copy_part_request request) = 0;
    virtual task<result<object_info>> complete_upload(std::string bucket, std::string key,
                                                      std::string upload_id,
                                                      std::vector<completed_part> parts,
                                                      conditions when) = 0;
    virtual task<result<void>> abort_upload(std::string bucket, std::string key,
                                            std::string upload_id) = 0;
    virtual task<result<part_list_page>> list_parts(std::string bucket, std::string key,
                                                    std::string upload_id, std::uint32_t after,
                                                    std::size_t parts_max) = 0;
    virtual task<result<upload_list_page>> list_uploads(std::string bucket,
                                                        upload_list_request request) = 0;

    /// Waits for operations in flight and the sequencer.
    virtual task<void> stop() = 0;
};

struct object_service_options {
    /// Tier of a storage class; empty: the class is not kept here (errc::unsupported).
    std::optional<tier_id> standard = tier_id::nvme;
    std::optional<tier_id> standard_ia = tier_id::hdd;
    /// Of every part but the last; tests make it small.
    std::uint64_t part_bytes_min = limits::part_bytes_min;
};

/// The one implementation. Borrows all it is given; `decisions` has loaded.
std::unique_ptr<object_service> make_object_service(environment& env, sequencer& decisions,
                                                    index& rows, journal& log,
                                                    stripe_store& stripes,
                                                    object_service_options options);

}  // namespace taicang
