// DELETE: the current row goes with its references in one record; deleting what is not there is
// fine. Crash order: record durable -> applied -> answered; bytes are freed later, by group.
#include <algorithm>
#include <set>
#include <string_view>

#include "storage/base/limits.h"
#include "storage/object/service_impl.h"

namespace taicang {

namespace {

// What a deleted key and each of its blobs add to a record, about.
constexpr std::size_t removal_bytes_fixed = 160;
constexpr std::size_t removal_bytes_per_blob = 48;

/// Ends a key's current version in a decision.
void end_version(shard_objects& service, const sequencer::seen_version& seen, bucket_id bucket,
                 const std::string& key, decision& change, reference_changes& references) {
    service.supersede(seen, bucket, key, change, references);
    if (!service.decisions_.keeps_superseded()) return;
    version_row ended;
    ended.tombstone = true;
    ended.clock = service.decisions_.now();
    ended.modified = service.env_.home.wall_now();
    change.effects.push_back(effect::version_put{bucket, key, std::move(ended)});
}

}  // namespace

task<result<delete_outcome>> shard_objects::remove(std::string bucket, std::string key,
                                                   std::optional<std::string> version_id,
                                                   conditions when) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    TC_CO_TRY(check_key(key));
    if (version_id && !is_version_id(*version_id)) {
        co_return error(errc::invalid_argument, "\"" + *version_id + "\" is not a version id");
    }
    auto found = co_await existing_bucket(std::move(bucket));
    if (!found) co_return std::move(found).error();
    delete_outcome outcome;
    outcome.key = key;
    std::vector<std::string> names{key_locks::key_name(*found, key)};
    name_lock held = co_await decisions_.lock(std::move(names));
    auto seen = co_await decisions_.current_version(*found, key);
    if (!seen) co_return std::move(seen).error();
    auto allowed = check_write_conditions(when, seen->version ? &*seen->version : nullptr);
    if (!allowed) {
        held.release();
        error why = std::move(allowed).error();
        co_return co_await refused(std::move(why), seen->pending);
    }
    const bool named =
        !version_id ||
        (seen->version && is_version_id_of(*version_id, *seen->version, seen->position));
    if (!seen->version || !named) {
        held.release();
        TC_CO_TRY(co_await decisions_.settled(seen->pending));
        co_return std::move(outcome);
    }
    outcome.existed = true;
    decision change;
    change.bucket = *found;
    change.frees = true;
    reference_changes references;
    end_version(*this, *seen, *found, key, change, references);
    if (!references.empty()) {
        auto blob_names = references.lock_names();
        name_lock blobs = co_await decisions_.lock(std::move(blob_names));
        held.absorb(std::move(blobs));
        TC_CO_TRY(co_await references.resolve(decisions_, change.effects));
    }
    auto committed = co_await decisions_.commit(std::move(change), std::move(held));
    if (!committed) co_return std::move(committed).error();
    if (!references.empty()) co_await references.give_back(decisions_);
    co_return std::move(outcome);
}

task<result<std::vector<delete_outcome>>> shard_objects::remove_many(
    std::string bucket, std::vector<std::string> keys) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    if (keys.size() > limits::delete_keys_max) {
        co_return error(errc::invalid_argument, "one request deletes at most " +
                                                    std::to_string(limits::delete_keys_max) +
                                                    " keys; split it");
    }
    auto found = co_await existing_bucket(std::move(bucket));
    if (!found) co_return std::move(found).error();
    std::vector<delete_outcome> outcomes;
    outcomes.reserve(keys.size());
    for (std::string& key : keys) {
        delete_outcome outcome;
        auto fits = check_key(key);
        if (!fits) outcome.failure = std::move(fits).error();
        outcome.key = std::move(key);
        outcomes.push_back(std::move(outcome));
    }
    std::size_t next = 0;
    while (next < outcomes.size()) {
        const std::size_t before = next;
        auto removed = co_await remove_some(*found, outcomes, next);
        if (removed) continue;
        if (before == 0) co_return std::move(removed).error();
        // What went before is deleted; the rest is told one by one.
        for (std::size_t i = before; i < outcomes.size(); ++i)
            if (!outcomes[i].failure) outcomes[i].failure = removed.error();
        break;
    }
    co_return std::move(outcomes);
}

/// One record's worth of keys to delete: [first, last) of the outcomes.
struct shard_objects::removal {
    decision change;
    reference_changes references;
    lsn pending{0};
    std::size_t last = 0;
};

/// Decides the deletion of the keys from `first` on, up to `last` or what one record is likely to
/// take.
task<result<shard_objects::removal>> shard_objects::decide_removal(
    bucket_id bucket, std::vector<delete_outcome>& outcomes, std::size_t first, std::size_t last) {
    removal planned;
    planned.change.bucket = bucket;
    planned.change.frees = true;
    std::set<std::string_view> done;
    std::size_t size = 0;
    planned.last = first;
    for (; planned.last < last && size < limits::record_body_bytes_target; ++planned.last) {
        delete_outcome& one = outcomes[planned.last];
        one.existed = false;
        if (one.failure || !done.insert(one.key).second) continue;
        auto seen = co_await decisions_.current_version(bucket, one.key);
        if (!seen) co_return std::move(seen).error();
        planned.pending = std::max(planned.pending, seen->pending);
        if (!seen->version) continue;
        one.existed = true;
        size += 2 * one.key.size() + removal_bytes_fixed +
                seen->version->blobs.size() * removal_bytes_per_blob;
        end_version(*this, *seen, bucket, one.key, planned.change, planned.references);
    }
    co_return std::move(planned);
}

/// Deletes as many keys, from `next` on, as one record takes.
task<result<void>> shard_objects::remove_some(bucket_id bucket,
                                              std::vector<delete_outcome>& outcomes,
                                              std::size_t& next) {
    std::vector<std::string> names;
    for (std::size_t i = next; i < outcomes.size(); ++i)
        if (!outcomes[i].failure) names.push_back(key_locks::key_name(bucket, outcomes[i].key));
    name_lock held = co_await decisions_.lock(std::move(names));
    std::size_t last = outcomes.size();
    for (;;) {
        auto planned = co_await decide_removal(bucket, outcomes, next, last);
        if (!planned) co_return std::move(planned).error();
        decision& change = planned->change;
        name_lock blobs;
        if (!planned->references.empty()) {
            auto blob_names = planned->references.lock_names();
            blobs = co_await decisions_.lock(std::move(blob_names));
            TC_CO_TRY(co_await planned->references.resolve(decisions_, change.effects));
        }
        if (!planned->references.empty() && planned->last - next > 1) {
            // Blobs that others name stay, with whole rows in the record: fewer keys at a time.
            last = next + (planned->last - next) / 2;
            continue;
        }
        next = planned->last;
        held.absorb(std::move(blobs));
        if (change.effects.empty()) {
            held.release();
            co_return co_await decisions_.settled(planned->pending);
        }
        auto committed = co_await decisions_.commit(std::move(change), std::move(held));
        if (!committed) co_return std::move(committed).error();
        co_await planned->references.give_back(decisions_);
        co_return ok();
    }
}

}  // namespace taicang
