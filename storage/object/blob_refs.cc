#include "storage/object/blob_refs.h"

#include <limits>
#include <optional>

#include "storage/base/canary.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"

namespace taicang {

void reference_changes::change(const std::vector<blob_ref>& blobs, std::int64_t by) {
    for (const blob_ref& one : blobs)
        by_blob_[one.blob] += by;
}

bool reference_changes::empty() const {
    for (const auto& [blob, by] : by_blob_) {
        if (by != 0) return false;
    }
    return true;
}

std::vector<std::string> reference_changes::lock_names() const {
    std::vector<std::string> names;
    for (const auto& [blob, by] : by_blob_) {
        if (by != 0) names.push_back(key_locks::blob_name(blob));
    }
    return names;
}

namespace {

using live_changes = std::map<group_id, std::int64_t>;

void count_pieces(const blob_row& row, std::int64_t sign, live_changes& live) {
    for (const piece& one : row.pieces)
        live[one.group] += sign * std::int64_t{one.length};
}

void put_live(const live_changes& live, std::vector<any_effect>& effects) {
    for (const auto& [group, delta] : live) {
        if (delta != 0) effects.push_back(effect::group_live{group, delta});
    }
}

std::string blob_text(blob_id blob) {
    return "blob " + std::to_string(blob.value);
}

/// True when the blob goes with this change of its count.
bool last_reference(std::int64_t left) {
    return left == 0 || canary::active(canary::bug::free_referenced_blob);
}

result<void> change_blob(blob_id blob, blob_row row, std::int64_t by, live_changes& live,
                         std::vector<any_effect>& effects) {
    const std::int64_t left = std::int64_t{row.references} + by;
    if (left < 0) {
        return error(errc::corrupt, "index: " + blob_text(blob) +
                                        " has fewer references than versions name it; run "
                                        "`taicang fsck`");
    }
    TC_ASSERT(left <= std::numeric_limits<std::uint32_t>::max());
    if (by < 0 && last_reference(left)) {
        count_pieces(row, -1, live);
        effects.push_back(effect::blob_drop{blob});
        return ok();
    }
    row.references = static_cast<std::uint32_t>(left);
    effects.push_back(effect::blob_put{blob, std::move(row)});
    return ok();
}

}  // namespace

task<result<void>> reference_changes::resolve_all(sequencer& decisions, bool gains,
                                                  std::vector<any_effect>& effects) {
    live_changes live;
    std::size_t size = effects_bytes_estimate(effects);
    for (auto at = by_blob_.begin(); at != by_blob_.end();) {
        const auto [blob, by] = *at;
        if (by == 0 || (by > 0) != gains) {
            ++at;
            continue;
        }
        if (!gains && size >= limits::record_body_bytes_target) break;
        auto seen = co_await decisions.row(index_key::blob(blob));
        if (!seen) co_return std::move(seen).error();
        if (!seen->value && gains) {
            TC_MARK("object.copy_source_gone");
            co_return error(errc::conflict, "the source of the copy changed meanwhile");
        }
        if (!seen->value) {
            co_return error(errc::corrupt, "index: " + blob_text(blob) +
                                               " is named by a version but has no row; run "
                                               "`taicang fsck`");
        }
        auto row = decode_blob_row(as_bytes(*seen->value));
        if (!row) co_return std::move(row).error();
        TC_CO_TRY(change_blob(blob, std::move(*row), by, live, effects));
        size += effect_bytes_estimate(effects.back());
        at = by_blob_.erase(at);
    }
    put_live(live, effects);
    co_return ok();
}

task<result<void>> reference_changes::resolve(sequencer& decisions,
                                              std::vector<any_effect>& effects) {
    TC_CO_TRY(co_await resolve_all(decisions, true, effects));
    co_return co_await resolve_all(decisions, false, effects);
}

task<result<void>> reference_changes::give_some_back(sequencer& decisions) {
    TC_MARK("object.references_over_several_records");
    auto names = lock_names();
    name_lock held = co_await decisions.lock(std::move(names));
    decision change;
    change.frees = true;
    TC_CO_TRY(co_await resolve(decisions, change.effects));
    auto committed = co_await decisions.commit(std::move(change), std::move(held));
    if (!committed) co_return std::move(committed).error();
    co_return ok();
}

task<void> reference_changes::give_back(sequencer& decisions) {
    while (!empty()) {
        auto given = co_await give_some_back(decisions);
        if (given) continue;
        log_event(log_level::warn, "references_not_given_back")
            .with("blobs", by_blob_.size())
            .with("reason", given.error().message)
            .with("next", "run taicang fsck: their space is not freed by itself");
        co_return;
    }
}

void put_blob(blob_id blob, blob_row row, std::vector<any_effect>& effects) {
    live_changes live;
    count_pieces(row, 1, live);
    effects.push_back(effect::blob_put{blob, std::move(row)});
    put_live(live, effects);
}

task<result<prepared_change>> remove_version(sequencer& decisions,
                                             index_key::retired_parts retired) {
    const index_key::version_parts& version = retired.version;
    prepared_change prepared;
    std::vector<any_effect>& effects = prepared.change.effects;
    auto seen =
        co_await decisions.row(index_key::version(version.bucket, version.key, version.position));
    if (!seen) co_return std::move(seen).error();
    if (seen->value) {
        auto row = decode_version_row(as_bytes(*seen->value));
        if (!row) co_return std::move(row).error();
        reference_changes references;
        references.remove(row->blobs);
        if (!references.empty()) {
            auto names = references.lock_names();
            prepared.held = co_await decisions.lock(std::move(names));
            TC_CO_TRY(co_await references.resolve(decisions, effects));
            prepared.left = std::move(references);
        }
        effects.push_back(effect::version_purge{version.bucket, version.key, version.position});
    }
    // Rows below a tombstone go oldest first, so once the row that it ended goes nothing is left
    // that it has to hide.
    auto current = co_await decisions.current_version(version.bucket, version.key);
    if (!current) co_return std::move(current).error();
    if (!current->version && current->position == retired.when) {
        effects.push_back(effect::version_purge{version.bucket, version.key, retired.when});
    }
    co_return std::move(prepared);
}

namespace {

constexpr std::size_t effect_bytes_fixed = 64;

struct size_of_effect {
    std::size_t operator()(const effect::version_put& e) const {
        std::size_t bytes = e.key.size() + e.row.blobs.size() * 20 + e.row.part_sizes.size() * 10;
        for (const auto& [name, value] : e.row.user_metadata)
            bytes += name.size() + value.size() + 6;
        for (const auto& [name, value] : e.row.tags)
            bytes += name.size() + value.size() + 6;
        const content_headers& headers = e.row.headers;
        bytes += headers.content_type.size() + headers.content_encoding.size() +
                 headers.content_disposition.size() + headers.content_language.size() +
                 headers.cache_control.size() + headers.expires.size();
        return bytes + e.row.etag.size() + e.row.owner.size() + 256;
    }
    std::size_t operator()(const effect::blob_put& e) const {
        return 160 + e.row.leaves.size() * sizeof(sha256_digest) + e.row.pieces.size() * 40;
    }
    std::size_t operator()(const effect::version_purge& e) const { return e.key.size() + 40; }
    std::size_t operator()(const effect::version_retire& e) const { return e.key.size() + 40; }
    std::size_t operator()(const effect::part_put& e) const {
        return e.upload_id.size() + e.row.blobs.size() * 20 + 200;
    }
    std::size_t operator()(const effect::part_drop& e) const { return e.upload_id.size() + 20; }
    std::size_t operator()(const effect::upload_drop& e) const {
        return e.upload_id.size() + e.key.size() + 30;
    }
    template <class Other>
    std::size_t operator()(const Other&) const {
        return effect_bytes_fixed;
    }
};

}  // namespace

std::size_t effect_bytes_estimate(const any_effect& effect) {
    return std::visit(size_of_effect{}, effect);
}

std::size_t effects_bytes_estimate(const std::vector<any_effect>& effects) {
    std::size_t bytes = 0;
    for (const any_effect& one : effects)
        bytes += effect_bytes_estimate(one);
    return bytes;
}

}  // namespace taicang
