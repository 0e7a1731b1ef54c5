// Multipart uploads: begun, completed, aborted. Completing touches references only: the version
// takes the parts' blobs over, in order, in one record that also ends the upload.
#include <algorithm>
#include <array>
#include <map>

#include "storage/base/limits.h"
#include "storage/object/checksums.h"
#include "storage/object/put_checks.h"
#include "storage/object/service_impl.h"

namespace taicang {

namespace {

/// Ids of one key sort by the time their upload began.
std::string make_upload_id(hybrid_clock began, random_source& random) {
    std::array<std::byte, 16> bytes{};
    random.fill(bytes);
    for (std::size_t i = 0; i < sizeof(began.value); ++i)
        bytes[i] = static_cast<std::byte>(began.value >> (56 - 8 * i));
    return to_hex(bytes);
}

error invalid_part(std::uint32_t number, const char* why) {
    return error(errc::invalid_part, "part " + std::to_string(number) + " " + why +
                                         "; list the parts and complete with what is there");
}

result<void> check_part_list(const std::vector<completed_part>& parts) {
    if (parts.empty()) {
        return error(errc::invalid_argument, "an upload is completed with at least one part");
    }
    if (parts.size() > limits::part_number_max) {
        return error(errc::invalid_argument,
                     "an upload has at most " + std::to_string(limits::part_number_max) + " parts");
    }
    for (std::size_t i = 1; i < parts.size(); ++i) {
        if (parts[i].number <= parts[i - 1].number) {
            return error(errc::invalid_part_order,
                         "the parts are not in ascending order of their numbers");
        }
    }
    return ok();
}

/// What a completed upload is made of.
struct assembled {
    std::vector<part_row> chosen;
    std::vector<part_row> unused;
    std::uint64_t size = 0;
};

result<void> check_part(const completed_part& wanted, const part_row& found, bool last,
                        std::uint64_t bytes_min) {
    if (wanted.etag != found.etag) return invalid_part(wanted.number, "has another ETag");
    if (wanted.checksum && found.checksum && wanted.checksum->kind == found.checksum->kind &&
        wanted.checksum->value != found.checksum->value)
        return invalid_part(wanted.number, "has another checksum");
    if (!last && found.size < bytes_min) {
        return error(errc::part_too_small,
                     "part " + std::to_string(found.number) + " has " + std::to_string(found.size) +
                         " bytes; every part but the last needs " + std::to_string(bytes_min));
    }
    return ok();
}

result<assembled> assemble(const std::vector<completed_part>& wanted, std::vector<part_row> there,
                           std::uint64_t bytes_min) {
    assembled object;
    std::size_t next = 0;
    for (part_row& part : there) {
        if (next == wanted.size() || part.number != wanted[next].number) {
            if (next < wanted.size() && part.number > wanted[next].number) break;
            object.unused.push_back(std::move(part));
            continue;
        }
        TC_TRY(check_part(wanted[next], part, next + 1 == wanted.size(), bytes_min));
        object.size += part.size;
        object.chosen.push_back(std::move(part));
        ++next;
    }
    if (next < wanted.size()) return invalid_part(wanted[next].number, "was not uploaded");
    if (object.size > limits::object_bytes_max)
        return error(errc::object_too_large, "an object has at most 5 TiB");
    return object;
}

std::optional<stored_checksum> whole_checksum(const upload_row& upload,
                                              const std::vector<part_row>& parts) {
    if (!upload.checksum_kind) return std::nullopt;
    const digest_kind kind = *upload.checksum_kind;
    const bool full = upload.checksum_full_object && is_combinable(kind);
    std::vector<std::string> values;
    for (const part_row& part : parts) {
        if (!part.checksum) return std::nullopt;
        values.push_back(part.checksum->value);
    }
    if (!full) return stored_checksum{kind, false, composite_checksum(kind, values)};
    crc_combiner whole(kind);
    for (std::size_t i = 0; i < parts.size(); ++i)
        whole.append(values[i], parts[i].size);
    return stored_checksum{kind, true, whole.value()};
}

version_row assembled_version(const upload_row& upload, const assembled& object) {
    version_row row = upload.version;
    row.size = object.size;
    row.checksum = whole_checksum(upload, object.chosen);
    std::vector<std::string> etags;
    for (const part_row& part : object.chosen) {
        etags.push_back(part.etag);
        row.part_sizes.push_back(part.size);
        row.blobs.insert(row.blobs.end(), part.blobs.begin(), part.blobs.end());
    }
    row.etag = multipart_etag(etags);
    return row;
}

}  // namespace

task<result<upload_row>> shard_objects::create_upload(upload_request request) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    TC_CO_TRY(check_key(request.key));
    TC_CO_TRY(tier_of(request.attributes.klass));
    auto bucket = co_await existing_bucket(std::move(request.bucket));
    if (!bucket) co_return std::move(bucket).error();
    upload_row upload;
    upload.upload_id = make_upload_id(decisions_.now(), env_.random);
    upload.bucket = *bucket;
    upload.key = std::move(request.key);
    upload.created = env_.home.wall_now();
    upload.owner = request.attributes.owner;
    upload.version = version_of(std::move(request.attributes));
    upload.checksum_kind = request.checksum;
    upload.checksum_full_object = request.checksum_full_object;
    decision change;
    change.bucket = *bucket;
    change.effects.push_back(effect::upload_put{upload});
    auto committed = co_await decisions_.commit(std::move(change));
    if (!committed) co_return std::move(committed).error();
    co_return std::move(upload);
}

task<result<std::vector<part_row>>> shard_objects::all_parts(std::string upload_id) {
    // The upload's lock keeps new decisions on it away; once those before are applied the index
    // has them all.
    TC_CO_TRY(co_await decisions_.settled(log_.last_appended()));
    std::vector<part_row> parts;
    const std::string prefix = index_key::part_prefix(upload_id);
    auto read = co_await rows_.with_cursor([&parts, &prefix](index_cursor& cursor) -> result<void> {
        for (cursor.seek(prefix); cursor.valid() && cursor.key().starts_with(prefix);
             cursor.next()) {
            TC_TRY_ASSIGN(part, decode_part_row(as_bytes(cursor.value())));
            parts.push_back(std::move(part));
        }
        return cursor.status();
    });
    if (!read) co_return std::move(read).error();
    co_return std::move(parts);
}

/// A completion that was repeated because its answer was lost: the object is there already.
task<result<std::optional<object_info>>> shard_objects::completed_before(
    bucket_id bucket, std::string key, const std::vector<completed_part>& parts) {
    std::vector<std::string> etags;
    for (const completed_part& part : parts)
        etags.push_back(part.etag);
    auto seen = co_await decisions_.current_version(bucket, key);
    if (!seen) co_return std::move(seen).error();
    std::optional<object_info> before;
    if (seen->version && seen->version->part_sizes.size() == parts.size() &&
        seen->version->etag == multipart_etag(etags)) {
        TC_CO_TRY(co_await decisions_.settled(seen->pending));
        before = object_info{std::move(key), seen->position, std::move(*seen->version)};
    }
    co_return std::move(before);
}

task<result<object_info>> shard_objects::complete_upload(std::string bucket, std::string key,
                                                         std::string upload_id,
                                                         std::vector<completed_part> parts,
                                                         conditions when) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    TC_CO_TRY(check_key(key));
    TC_CO_TRY(check_part_list(parts));
    auto found = co_await existing_bucket(std::move(bucket));
    if (!found) co_return std::move(found).error();
    std::vector<std::string> names{key_locks::key_name(*found, key),
                                   key_locks::upload_name(upload_id)};
    name_lock held = co_await decisions_.lock(std::move(names));
    auto upload = co_await existing_upload(*found, key, upload_id);
    if (upload.is(errc::upload_not_found)) {
        auto before = co_await completed_before(*found, key, parts);
        if (!before) co_return std::move(before).error();
        if (*before) co_return std::move(**before);
    }
    if (!upload) co_return std::move(upload).error();
    auto there = co_await all_parts(upload_id);
    if (!there) co_return std::move(there).error();
    TC_CO_TRY_ASSIGN(object, assemble(parts, std::move(*there), options_.part_bytes_min));
    version_change version;
    version.bucket = *found;
    version.key = key;
    version.when = std::move(when);
    version.row = assembled_version(*upload, object);
    if (version.row.etag.empty())
        co_return error(errc::corrupt,
                        "index: the ETag of a part is malformed; run `taicang fsck`");
    std::vector<any_effect>& effects = version.change.effects;
    // The version takes over the references of the parts it names; those it does not are given up.
    for (const part_row& part : object.chosen)
        effects.push_back(effect::part_drop{upload_id, part.number});
    for (const part_row& part : object.unused) {
        effects.push_back(effect::part_drop{upload_id, part.number});
        version.references.remove(part.blobs);
    }
    effects.push_back(effect::upload_drop{*found, key, upload_id});
    object_info info;
    info.key = std::move(key);
    info.version = version.row;
    auto placed = co_await put_version(std::move(version), std::move(held));
    if (!placed) co_return std::move(placed).error();
    info.position = placed->position;
    info.version.modified = placed->modified;
    info.version.clock = placed->clock;
    co_return std::move(info);
}

task<result<void>> shard_objects::drop_upload(upload_row upload, std::optional<bucket_id> alive) {
    auto there = co_await all_parts(upload.upload_id);
    if (!there) co_return std::move(there).error();
    std::size_t next = 0;
    for (bool last = false; !last;) {
        decision change;
        change.bucket = alive;
        change.frees = true;
        reference_changes references;
        std::size_t size = 0;
        // Rows of shared blobs stay and go into the record whole; a few at a time always fit.
        for (; next < there->size() && size < limits::record_body_bytes_target; ++next) {
            const part_row& part = (*there)[next];
            references.remove(part.blobs);
            change.effects.push_back(effect::part_drop{upload.upload_id, part.number});
            size += upload.upload_id.size() + part.blobs.size() * limits::dropped_blob_bytes +
                    part.size / digest_leaf_size * sizeof(sha256_digest);
        }
        last = next == there->size();
        if (last) {
            change.effects.push_back(
                effect::upload_drop{upload.bucket, upload.key, upload.upload_id});
        }
        name_lock blobs;
        if (!references.empty()) {
            auto names = references.lock_names();
            blobs = co_await decisions_.lock(std::move(names));
            TC_CO_TRY(co_await references.resolve(decisions_, change.effects));
        }
        auto committed = co_await decisions_.commit(std::move(change), std::move(blobs));
        if (!committed) co_return std::move(committed).error();
        if (!references.empty()) co_await references.give_back(decisions_);
    }
    co_return ok();
}

task<result<void>> shard_objects::abort_upload(std::string bucket, std::string key,
                                               std::string upload_id) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    auto found = co_await existing_bucket(std::move(bucket));
    if (!found) co_return std::move(found).error();
    std::vector<std::string> names{key_locks::upload_name(upload_id)};
    const name_lock held = co_await decisions_.lock(std::move(names));
    auto upload = co_await existing_upload(*found, std::move(key), upload_id);
    if (!upload) co_return std::move(upload).error();
    co_return co_await drop_upload(std::move(*upload), *found);
}

}  // namespace taicang
