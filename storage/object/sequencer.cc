#include "storage/object/sequencer.h"

#include <algorithm>
#include <limits>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/index/keys.h"
#include "storage/object/sequencer_impl.h"

namespace taicang {

std::unique_ptr<sequencer> sequencer::make(environment& env, journal& log, index& rows,
                                           stripe_store& stripes, shard_term term, hub_id hub) {
    return std::make_unique<shard_sequencer>(env, log, rows, stripes, term, hub);
}

shard_sequencer::shard_sequencer(environment& env, journal& log, index& rows, stripe_store& stripes,
                                 shard_term term, hub_id hub)
    : env_(env),
      log_(log),
      rows_(rows),
      stripes_(stripes),
      term_(term),
      hub_(hub),
      applied_(rows.applied()),
      durable_(rows.applied()),
      commits_(env.metrics.counter("taicang_commits_total", "Decisions made durable and applied.")),
      commit_latency_(env.metrics.histogram("taicang_commit_seconds",
                                            "From decision to durable and applied.")) {
    TC_ASSERT(term.value < (1ULL << (64 - id_counter_bits)));
}

namespace {

result<void> load_buckets(index_cursor& cursor, std::vector<std::pair<bucket_row, lsn>>& found) {
    const std::string prefix(1, static_cast<char>(index_key::family::bucket));
    std::string last_name;
    for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix); cursor.next()) {
        const auto parts = index_key::parse_bucket(cursor.key());
        if (!parts)
            return error(errc::corrupt,
                         "index: a bucket row's key cannot be read; run `taicang fsck`");
        if (parts->name == last_name) continue;  // an older row
        last_name = parts->name;
        TC_TRY_ASSIGN(row, decode_bucket_row(as_bytes(cursor.value())));
        if (!row.tombstone) found.emplace_back(std::move(row), parts->position);
    }
    return cursor.status();
}

result<void> load_live_bytes(index_cursor& cursor,
                             std::vector<std::pair<group_id, std::int64_t>>& found) {
    const std::string prefix(1, static_cast<char>(index_key::family::group_live));
    for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix); cursor.next()) {
        const auto group = index_key::parse_group(cursor.key());
        decoder value(as_bytes(cursor.value()));
        const std::int64_t live = value.i64();
        if (!group || !value.finished()) {
            return error(errc::corrupt,
                         "index: a live-bytes row cannot be read; run `taicang fsck`");
        }
        found.emplace_back(*group, live);
    }
    return cursor.status();
}

result<void> count_retired(index_cursor& cursor, std::uint64_t& count) {
    const std::string prefix(1, static_cast<char>(index_key::family::retired));
    for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix); cursor.next())
        ++count;
    return cursor.status();
}

}  // namespace

task<result<void>> shard_sequencer::load() {
    std::vector<std::pair<bucket_row, lsn>> buckets;
    std::vector<std::pair<group_id, std::int64_t>> live;
    std::uint64_t retired = 0;
    auto read = co_await rows_.with_cursor([&](index_cursor& cursor) -> result<void> {
        TC_TRY(load_buckets(cursor, buckets));
        TC_TRY(load_live_bytes(cursor, live));
        return count_retired(cursor, retired);
    });
    if (!read) co_return std::move(read).error();
    for (auto& [row, position] : buckets) {
        alive_buckets_.insert(row.id);
        std::string name = row.name;
        buckets_.emplace(std::move(name), known_bucket{std::move(row), position, lsn{0}});
    }
    for (const auto& [group, bytes] : live)
        live_bytes_[group] = bytes;
    retired_rows_ = retired;
    applied_ = rows_.applied();
    durable_ = log_.last_durable();
    TC_ASSERT_WHY(applied_ == durable_, "load() before the journal was replayed");
    log_.on_durable([this](lsn last) { became_durable(last); });
    log_.on_failure([this](const error& why) { journal_failed(why); });
    const bool started = spawn(gate_, apply_loop());
    TC_ASSERT(started);
    co_return ok();
}

task<name_lock> shard_sequencer::lock(std::vector<std::string> names) {
    return locks_.lock(std::move(names));
}

task<result<sequencer::seen_row>> shard_sequencer::row(std::string key) {
    if (const auto* pending = overlay_.find(key); pending != nullptr) {
        co_return seen_row{pending->value, pending->position};
    }
    auto stored = co_await rows_.get(std::move(key));
    if (!stored) co_return std::move(stored).error();
    co_return seen_row{std::move(*stored), lsn{0}};
}

task<result<std::vector<std::optional<std::string>>>> shard_sequencer::rows(
    std::vector<std::string> keys) {
    std::vector<std::optional<std::string>> seen(keys.size());
    std::vector<std::string> stored_keys;
    std::vector<std::size_t> stored_at;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (const auto* pending = overlay_.find(keys[i]); pending != nullptr) {
            seen[i] = pending->value;
            continue;
        }
        stored_keys.push_back(std::move(keys[i]));
        stored_at.push_back(i);
    }
    if (stored_keys.empty()) co_return seen;
    auto stored = co_await rows_.get_many(std::move(stored_keys));
    if (!stored) co_return std::move(stored).error();
    for (std::size_t i = 0; i < stored_at.size(); ++i)
        seen[stored_at[i]] = std::move((*stored)[i]);
    co_return seen;
}

namespace {

/// The first applied row under `prefix` that no pending record has removed.
result<void> first_left(index_cursor& cursor, const std::string& prefix,
                        const std::vector<std::string>& removed,
                        std::optional<index_entry>& found) {
    for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix); cursor.next()) {
        if (std::find(removed.begin(), removed.end(), cursor.key()) != removed.end()) continue;
        found = index_entry{std::string(cursor.key()), std::string(cursor.value())};
        return ok();
    }
    return cursor.status();
}

result<sequencer::seen_version> version_seen(const std::string& key, const std::string& value,
                                             lsn pending) {
    const auto parts = index_key::parse_version(key);
    if (!parts)
        return error(errc::corrupt,
                     "index: a version row's key cannot be read; run `taicang fsck`");
    TC_TRY_ASSIGN(row, decode_version_row(as_bytes(value)));
    sequencer::seen_version seen;
    seen.position = parts->position;
    seen.pending = pending;
    if (!row.tombstone) seen.version = std::move(row);
    return seen;
}

}  // namespace

task<result<sequencer::seen_version>> shard_sequencer::current_version(bucket_id bucket,
                                                                       std::string key) {
    const std::string prefix = index_key::version_prefix(bucket, key);
    const auto pending = overlay_.empty()
                             ? std::vector<std::pair<std::string, overlay::pending_row>>{}
                             : overlay_.with_prefix(prefix);
    std::vector<std::string> removed;
    lsn newest{0};
    for (const auto& [row_key, row] : pending) {
        newest = std::max(newest, row.position);
        // Pending rows are newer than all applied ones, and the newest sorts first.
        if (row.value) co_return version_seen(row_key, *row.value, row.position);
        removed.push_back(row_key);
    }
    std::optional<index_entry> found;
    if (removed.empty()) {
        auto first = co_await rows_.first_with_prefix(prefix);
        if (!first) co_return std::move(first).error();
        found = std::move(*first);
    } else {
        auto read = co_await rows_.with_cursor(
            [&](index_cursor& cursor) { return first_left(cursor, prefix, removed, found); });
        if (!read) co_return std::move(read).error();
    }
    if (!found) co_return seen_version{std::nullopt, lsn{0}, newest};
    co_return version_seen(found->key, found->value, newest);
}

sequencer::seen_bucket shard_sequencer::bucket(std::string_view name) const {
    const auto found = buckets_.find(name);
    if (found == buckets_.end()) return {std::nullopt, lsn{0}, find_bucket(name).pending};
    const known_bucket& known = found->second;
    return {known.row, known.made_at, known.changed > applied_ ? known.changed : lsn{0}};
}

sequencer::seen_bucket_id shard_sequencer::find_bucket(std::string_view name) const {
    const auto found = buckets_.find(name);
    if (found != buckets_.end()) {
        const known_bucket& known = found->second;
        return {known.row.id, known.changed > applied_ ? known.changed : lsn{0}};
    }
    const auto dropped = dropped_buckets_.find(name);
    const bool waits = dropped != dropped_buckets_.end() && dropped->second > applied_;
    return {std::nullopt, waits ? dropped->second : lsn{0}};
}

std::vector<bucket_row> shard_sequencer::buckets() const {
    std::vector<bucket_row> all;
    all.reserve(buckets_.size());
    for (const auto& [name, known] : buckets_)
        all.push_back(known.row);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return all;
}

task<void> shard_sequencer::close_bucket(bucket_id bucket) {
    while (closed_buckets_.contains(bucket))
        co_await room_.wait();
    closed_buckets_.emplace(bucket, false);
}

void shard_sequencer::end_bucket(bucket_id bucket) {
    const auto found = closed_buckets_.find(bucket);
    TC_ASSERT(found != closed_buckets_.end());
    found->second = true;
    room_.pulse();
}

void shard_sequencer::reopen_bucket(bucket_id bucket) {
    closed_buckets_.erase(bucket);
    room_.pulse();
}

namespace {

/// True when a key of the bucket has a current version. Rows below a tombstone are superseded and
/// wait only for views.
result<bool> any_left(index_cursor& cursor, bucket_id bucket) {
    const std::string prefix = index_key::version_bucket_prefix(bucket);
    std::string ended;
    for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix); cursor.next()) {
        const auto parts = index_key::parse_version(cursor.key());
        if (!parts)
            return error(errc::corrupt,
                         "index: a version row's key cannot be read; run `taicang fsck`");
        if (!ended.empty() && parts->key == ended) continue;
        TC_TRY_ASSIGN(row, decode_version_row(as_bytes(cursor.value())));
        if (!row.tombstone) return true;
        ended = parts->key;
    }
    TC_TRY(cursor.status());
    return false;
}

}  // namespace

task<result<bool>> shard_sequencer::bucket_is_empty(bucket_id bucket) {
    // The bucket is closed, so no decision on it is added meanwhile; once those pending are applied
    // the index alone tells, and no overlay has to be read from the pool's thread.
    auto settled_so_far = co_await settled(log_.last_appended());
    if (!settled_so_far) co_return std::move(settled_so_far).error();
    bool occupied = false;
    auto read =
        co_await rows_.with_cursor([&occupied, bucket](index_cursor& cursor) -> result<void> {
            TC_TRY_ASSIGN(found, any_left(cursor, bucket));
            occupied = found;
            return ok();
        });
    if (!read) co_return std::move(read).error();
    co_return !occupied;
}

std::optional<error> shard_sequencer::refusal() const {
    if (failed_) {
        return error(errc::stopped, "no write is taken until the hub is started again: " +
                                        failed_->message + "; see `taicang status`");
    }
    if (stopping_)
        return error(errc::stopped,
                     "the hub is shutting down; repeat the request elsewhere or later");
    return std::nullopt;
}

task<result<void>> shard_sequencer::admitted(std::uint64_t bytes, record_kind kind) {
    const nanoseconds began = env_.home.monotonic_now();
    for (;;) {
        if (auto refused = refusal()) co_return std::move(*refused);
        if (pending_.size() >= limits::journal_records_pending_max) {
            (void)co_await room_.wait_for(limits::journal_full_poll_ns);
            continue;
        }
        auto admitted_now = co_await log_.admit(bytes, kind);
        if (admitted_now || !admitted_now.is(errc::journal_full)) co_return admitted_now;
        if (env_.home.monotonic_now() - began > limits::journal_full_patience_ns) {
            co_return error(
                errc::busy,
                "the journal is full: packing cannot keep up with the writes; repeat the "
                "request later, and look at `taicang status` for what holds the journal");
        }
        (void)co_await room_.wait_for(limits::journal_full_poll_ns);
    }
}

task<result<lsn>> shard_sequencer::append(decision change) {
    std::string body = encode_effects(change.effects);
    if (body.size() > limits::record_body_bytes_max) {
        co_return error(errc::invalid_argument,
                        "one change has more effects than a journal record takes");
    }
    const record_kind admission = change.frees ? record_kind::job : change.kind;
    auto room = co_await admitted(body.size() + change.payload.bytes.size(), admission);
    if (!room) co_return std::move(room).error();
    if (change.bucket && !closed_buckets_.empty()) {
        auto open = co_await bucket_open(change.bucket);
        if (!open) co_return std::move(open).error();
    }
    // From here to the overlay nothing suspends: what is checked now holds when the record gets its
    // LSN.
    if (auto refused = refusal()) co_return std::move(*refused);
    if (change.bucket && !alive_buckets_.contains(*change.bucket)) {
        co_return error(errc::bucket_not_found, "the bucket was deleted meanwhile");
    }
    record_draft draft;
    draft.kind = change.kind;
    draft.clock = now();
    draft.origin = hub_;
    draft.body = std::move(body);
    draft.payload = change.payload.bytes;
    draft.payload_digest = change.payload.digest;
    draft.payload_owner = std::move(change.payload.owner);
    const lsn position = log_.append(std::move(draft));
    pending_record pending;
    pending.position = position;
    pending.rows = rows_of(change.effects, position);
    pending.marks = overlay_.add(pending.rows, position);
    pending_.push_back(std::move(pending));
    note_decided(change.effects, position);
    co_return position;
}

task<result<void>> shard_sequencer::bucket_open(const std::optional<bucket_id>& bucket) {
    for (;;) {
        const auto closed = closed_buckets_.find(*bucket);
        if (closed == closed_buckets_.end()) co_return ok();
        if (closed->second) {
            co_return error(errc::conflict,
                            "the bucket is being deleted; repeat the request to learn the outcome");
        }
        co_await room_.wait();
    }
}

void shard_sequencer::note_decided(const std::vector<any_effect>& effects, lsn position) {
    for (const any_effect& one : effects) {
        if (const auto* live = std::get_if<effect::group_live>(&one)) {
            live_bytes_[live->id] += live->delta;
        } else if (const auto* dropped = std::get_if<effect::group_drop>(&one)) {
            live_bytes_.erase(dropped->id);
        } else if (std::holds_alternative<effect::version_retire>(one)) {
            ++retired_rows_;
        } else if (std::holds_alternative<effect::retired_drop>(one)) {
            TC_ASSERT(retired_rows_ != 0);
            --retired_rows_;
        } else if (const auto* made = std::get_if<effect::bucket_put>(&one)) {
            alive_buckets_.insert(made->row.id);
            buckets_.insert_or_assign(made->row.name, known_bucket{made->row, position, position});
            dropped_buckets_.erase(made->row.name);
            buckets_changed_ = position;
        } else if (const auto* ended = std::get_if<effect::bucket_drop>(&one)) {
            const auto found = buckets_.find(ended->name);
            TC_ASSERT(found != buckets_.end());
            alive_buckets_.erase(found->second.row.id);
            buckets_.erase(found);
            dropped_buckets_[ended->name] = position;
            buckets_changed_ = position;
        }
    }
}

task<result<lsn>> shard_sequencer::commit(decision change) {
    return commit(std::move(change), name_lock());
}

task<result<lsn>> shard_sequencer::commit(decision change, name_lock held) {
    const nanoseconds began = env_.home.monotonic_now();
    auto position = co_await append(std::move(change));
    held.release();
    if (!position) co_return std::move(position).error();
    auto finished = co_await wait_applied(*position);
    if (!finished) co_return std::move(finished).error();
    commits_.add();
    commit_latency_.observe_ns(env_.home.monotonic_now() - began);
    co_return *position;
}

task<result<void>> shard_sequencer::group_opened(group_row row) {
    decision change;
    change.kind = record_kind::job;
    change.effects.push_back(effect::group_put{std::move(row)});
    auto position = co_await append(std::move(change));
    if (!position) co_return std::move(position).error();
    co_return ok();
}

task<result<void>> shard_sequencer::settled(lsn position) {
    return wait_applied(position);
}

std::uint64_t shard_sequencer::next_counter() {
    ++counter_;
    TC_ASSERT(counter_ < (1ULL << id_counter_bits));
    return term_.value << id_counter_bits | counter_;
}
blob_id shard_sequencer::next_blob_id() {
    return blob_id{next_counter()};
}
bucket_id shard_sequencer::next_bucket_id() {
    return bucket_id{next_counter()};
}

hybrid_clock shard_sequencer::now() {
    // Wall time with its low 16 bits (65 us) given to a counter; never equal, never backwards.
    const std::uint64_t wall =
        static_cast<std::uint64_t>(env_.home.wall_now()) & ~std::uint64_t{0xffff};
    last_clock_ = std::max(last_clock_ + 1, wall);
    return hybrid_clock{last_clock_};
}

void shard_sequencer::pin_view(lsn view) {
    pinned_views_.insert(view);
}
void shard_sequencer::unpin_view(lsn view) {
    const auto found = pinned_views_.find(view);
    TC_ASSERT(found != pinned_views_.end());
    pinned_views_.erase(found);
}
lsn shard_sequencer::min_pinned() const {
    return pinned_views_.empty() ? lsn{std::numeric_limits<std::uint64_t>::max()}
                                 : *pinned_views_.begin();
}

std::int64_t shard_sequencer::live_bytes(group_id group) const {
    const auto found = live_bytes_.find(group);
    return found == live_bytes_.end() ? 0 : found->second;
}

}  // namespace taicang
