// The object service of a shard, for its own .cc files only: one file a family of verbs, what they
// share is here. Threads: the shard's executor. Lifetime: borrows all it is given; writers and
// readers it gave out die before stop(). Every operation holds the gate, so stop() waits for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/async.h"
#include "storage/index/index.h"
#include "storage/journal/journal.h"
#include "storage/object/blob_refs.h"
#include "storage/object/body_writer.h"
#include "storage/object/conditions.h"
#include "storage/object/names.h"
#include "storage/object/object_service.h"

namespace taicang {

/// Holds a gate for a scope; false when it is closed.
class gate_hold {
  public:
    explicit gate_hold(gate& where) : where_(where.try_enter() ? &where : nullptr) {}
    ~gate_hold() {
        if (where_ != nullptr) where_->leave();
    }
    gate_hold(const gate_hold&) = delete;
    gate_hold& operator=(const gate_hold&) = delete;
    explicit operator bool() const noexcept { return where_ != nullptr; }

  private:
    gate* where_;
};

error shutting_down();

/// A version as applied, found for a reader or a copy.
struct located_version {
    bucket_id bucket;
    object_info info;
};

/// A new version of a key on its way into a record.
struct version_change {
    bucket_id bucket;
    std::string key;
    version_row row;
    conditions when;
    decision change;               ///< effects and payload so far
    reference_changes references;  ///< beside those of the version that is superseded
};

/// Where and when a version was put.
struct placed_version {
    lsn position;
    timestamp_ns modified = 0;
    hybrid_clock clock;
};

class shard_objects final : public object_service {
  public:
    shard_objects(environment& env, sequencer& decisions, index& rows, journal& log,
                  stripe_store& stripes, object_service_options options);

    task<result<bucket_row>> create_bucket(std::string name, std::string owner,
                                           std::string region) override;
    task<result<void>> delete_bucket(std::string name) override;
    task<result<bucket_row>> find_bucket(std::string name) override;
    task<result<std::vector<bucket_row>>> list_buckets() override;
    task<result<std::unique_ptr<object_writer>>> begin_put(put_request request) override;
    task<result<put_result>> put(put_request request, buffer body) override;
    task<result<std::unique_ptr<object_reader>>> open(open_request request) override;
    task<result<delete_outcome>> remove(std::string bucket, std::string key,
                                        std::optional<std::string> version_id,
                                        conditions when) override;
    task<result<std::vector<delete_outcome>>> remove_many(std::string bucket,
                                                          std::vector<std::string> keys) override;
    task<result<object_info>> copy(copy_request request) override;
    task<result<list_page>> list(std::string bucket, list_request request) override;
    task<result<upload_row>> create_upload(upload_request request) override;
    task<result<std::unique_ptr<object_writer>>> begin_part(part_request request) override;
    task<result<part_row>> copy_part(copy_part_request request) override;
    task<result<object_info>> complete_upload(std::string bucket, std::string key,
                                              std::string upload_id,
                                              std::vector<completed_part> parts,
                                              conditions when) override;
    task<result<void>> abort_upload(std::string bucket, std::string key,
                                    std::string upload_id) override;
    task<result<part_list_page>> list_parts(std::string bucket, std::string key,
                                            std::string upload_id, std::uint32_t after,
                                            std::size_t parts_max) override;
    task<result<upload_list_page>> list_uploads(std::string bucket,
                                                upload_list_request request) override;
    task<void> stop() override;

    // For writers, readers and the steps of the verbs.

    /// The bucket as decided; errc::bucket_not_found once that is durable.
    task<result<bucket_id>> existing_bucket(std::string name);
    /// Where new bytes of a class go; errc::unsupported.
    [[nodiscard]] result<tier_id> tier_of(storage_class klass) const;
    /// The current version (or the one named) as applied; errc::key_not_found.
    task<result<located_version>> locate(std::string bucket, std::string key,
                                         std::optional<std::string> version_id);
    /// Puts a version over the current one, under the key's lock, which `held` has: conditions,
    /// references, record. Answers with the version's position.
    task<result<placed_version>> put_version(version_change version, name_lock held);
    /// Adds what becomes of the current row when another takes its place.
    void supersede(const sequencer::seen_version& seen, bucket_id bucket, const std::string& key,
                   decision& change, reference_changes& references) const;
    /// Answers a refusal that rests on pending records once these are durable.
    task<error> refused(error why, lsn pending);
    /// Reads an object's range and writes it on, where references cannot be shared.
    task<result<void>> pour(object_reader& from, object_writer& into);

    /// The upload as decided, under its lock; errc::upload_not_found.
    task<result<upload_row>> existing_upload(bucket_id bucket, std::string key,
                                             std::string upload_id);
    /// All parts of an upload, in order, decided ones included. The caller holds the upload's lock.
    task<result<std::vector<part_row>>> all_parts(std::string upload_id);
    /// Puts a part in the place of one of the same number.
    task<result<part_row>> put_part(bucket_id bucket, std::string key, std::string upload_id,
                                    part_row part, decision change, reference_changes references);
    /// Drops an upload and its parts in bounded records. `bucket` unset: the bucket is ending.
    task<result<void>> drop_upload(upload_row upload, std::optional<bucket_id> alive);

    environment& env_;
    sequencer& decisions_;
    index& rows_;
    journal& log_;
    stripe_store& stripes_;
    const object_service_options options_;
    gate gate_;

  private:
    task<result<void>> end_bucket(bucket_row row, lsn made_at);
    task<result<void>> end_uploads(bucket_id bucket);
    struct removal;
    task<result<removal>> decide_removal(bucket_id bucket, std::vector<delete_outcome>& outcomes,
                                         std::size_t first, std::size_t last);
    task<result<void>> remove_some(bucket_id bucket, std::vector<delete_outcome>& outcomes,
                                   std::size_t& next);
    task<result<object_info>> copy_by_reference(const copy_request& request, bucket_id bucket,
                                                version_row row);
    task<result<object_info>> copy_by_bytes(const copy_request& request);
    task<result<bool>> shares_as_part(const version_row& source, const upload_row& upload);
    task<result<std::optional<part_row>>> share_part(const copy_part_request& request,
                                                     const version_row& source);
    task<result<std::optional<object_info>>> completed_before(
        bucket_id bucket, std::string key, const std::vector<completed_part>& parts);
};

}  // namespace taicang
