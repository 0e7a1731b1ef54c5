// What the verbs share: finding buckets, versions and tiers, and putting a version over another.
#include "storage/base/limits.h"
#include "storage/object/service_impl.h"

namespace taicang {

std::unique_ptr<object_service> make_object_service(environment& env, sequencer& decisions,
                                                    index& rows, journal& log,
                                                    stripe_store& stripes,
                                                    object_service_options options) {
    return std::make_unique<shard_objects>(env, decisions, rows, log, stripes, options);
}

shard_objects::shard_objects(environment& env, sequencer& decisions, index& rows, journal& log,
                             stripe_store& stripes, object_service_options options)
    : env_(env),
      decisions_(decisions),
      rows_(rows),
      log_(log),
      stripes_(stripes),
      options_(options) {}

error shutting_down() {
    return error(errc::stopped, "the hub is shutting down; repeat the request later");
}

task<void> shard_objects::stop() {
    co_await gate_.close();
    co_await decisions_.stop();
}

task<error> shard_objects::refused(error why, lsn pending) {
    auto settled = co_await decisions_.settled(pending);
    if (!settled) co_return std::move(settled).error();
    co_return why;
}

task<result<bucket_id>> shard_objects::existing_bucket(std::string name) {
    const auto seen = decisions_.find_bucket(name);
    if (seen.id) co_return *seen.id;
    error why =
        error(errc::bucket_not_found, "there is no bucket \"" + name + "\"; create it first");
    co_return co_await refused(std::move(why), seen.pending);
}

result<tier_id> shard_objects::tier_of(storage_class klass) const {
    std::optional<tier_id> tier;
    if (klass == storage_class::standard) tier = options_.standard;
    if (klass == storage_class::standard_ia) tier = options_.standard_ia;
    if (!tier) {
        return error(errc::unsupported,
                     "this hub keeps no such storage class; use STANDARD or STANDARD_IA");
    }
    return *tier;
}

namespace {

error no_such_key(const std::string& key) {
    return error(errc::key_not_found, "there is no object \"" + key + "\"");
}

/// True when a row is what S3 shows as an object.
bool is_object(const version_row& row) {
    return !row.tombstone && !row.delete_marker;
}

}  // namespace

task<result<located_version>> shard_objects::locate(std::string bucket, std::string key,
                                                    std::optional<std::string> version_id) {
    const auto seen = decisions_.find_bucket(bucket);
    if (!seen.id) {
        error why = error(errc::bucket_not_found, "there is no bucket \"" + bucket + "\"");
        co_return co_await refused(std::move(why), seen.pending);
    }
    if (seen.pending.value != 0) TC_CO_TRY(co_await decisions_.settled(seen.pending));
    if (version_id && !is_version_id(*version_id)) {
        co_return error(errc::invalid_argument, "\"" + *version_id + "\" is not a version id");
    }
    // What was answered for is applied, so the index alone knows all that this must see.
    auto found = co_await rows_.first_with_prefix(index_key::version_prefix(*seen.id, key));
    if (!found) co_return std::move(found).error();
    if (!*found) co_return no_such_key(key);
    const auto parts = index_key::parse_version((*found)->key);
    if (!parts)
        co_return error(errc::corrupt,
                        "index: a version row's key cannot be read; run `taicang fsck`");
    auto row = decode_version_row(as_bytes((*found)->value));
    if (!row) co_return std::move(row).error();
    if (!is_object(*row)) co_return no_such_key(key);
    if (version_id && !is_version_id_of(*version_id, *row, parts->position)) {
        co_return error(errc::key_not_found,
                        "object \"" + key + "\" has no version \"" + *version_id + "\"");
    }
    located_version located;
    located.bucket = *seen.id;
    located.info.key = std::move(key);
    located.info.position = parts->position;
    located.info.version = std::move(*row);
    co_return std::move(located);
}

void shard_objects::supersede(const sequencer::seen_version& seen, bucket_id bucket,
                              const std::string& key, decision& change,
                              reference_changes& references) const {
    if (seen.position.value == 0) return;
    if (decisions_.keeps_superseded()) {
        change.effects.push_back(effect::version_retire{bucket, key, seen.position});
        return;
    }
    // Nothing lies below: a row that was superseded before was purged at once.
    TC_ASSERT_WHY(seen.version, "a tombstone without a retired row below it");
    references.remove(seen.version->blobs);
    change.effects.push_back(effect::version_purge{bucket, key, seen.position});
}

task<result<placed_version>> shard_objects::put_version(version_change version, name_lock held) {
    auto seen = co_await decisions_.current_version(version.bucket, version.key);
    if (!seen) co_return std::move(seen).error();
    auto allowed = check_write_conditions(version.when, seen->version ? &*seen->version : nullptr);
    if (!allowed) {
        held.release();
        error why = std::move(allowed).error();
        co_return co_await refused(std::move(why), seen->pending);
    }
    decision& change = version.change;
    supersede(*seen, version.bucket, version.key, change, version.references);
    if (!version.references.empty()) {
        auto names = version.references.lock_names();
        name_lock blobs = co_await decisions_.lock(std::move(names));
        held.absorb(std::move(blobs));
        TC_CO_TRY(co_await version.references.resolve(decisions_, change.effects));
    }
    placed_version placed;
    version.row.clock = placed.clock = decisions_.now();
    version.row.modified = placed.modified = env_.home.wall_now();
    change.bucket = version.bucket;
    change.effects.push_back(
        effect::version_put{version.bucket, std::move(version.key), std::move(version.row)});
    auto committed = co_await decisions_.commit(std::move(change), std::move(held));
    if (!committed) co_return std::move(committed).error();
    placed.position = *committed;
    if (!version.references.empty()) co_await version.references.give_back(decisions_);
    co_return placed;
}

task<result<void>> shard_objects::pour(object_reader& from, object_writer& into) {
    for (;;) {
        auto bytes = co_await from.next();
        if (!bytes) co_return std::move(bytes).error();
        if (bytes->empty()) co_return ok();
        auto taken = co_await into.write(std::move(*bytes));
        if (!taken) co_return std::move(taken).error();
    }
}

}  // namespace taicang
