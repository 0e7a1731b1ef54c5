// Copies. By reference: the new version names the same blobs, whose counts rise under their locks
// in the record that puts the version; if one is gone by then the source is read again. By bytes
// where references cannot be shared: another tier, or a part that is not a whole object.
#include "storage/base/limits.h"
#include "storage/object/put_checks.h"
#include "storage/object/service_impl.h"

namespace taicang {

namespace {

error copies_to_itself() {
    return error(errc::invalid_argument,
                 "This copy request is illegal because it is trying to copy an object to itself "
                 "without changing the object's metadata, storage class, website redirect location "
                 "or encryption attributes.");
}

error source_too_large() {
    return error(errc::invalid_argument,
                 "The specified copy source is larger than the maximum allowable size for a copy "
                 "source: " +
                     std::to_string(limits::copy_bytes_max));
}

/// The attributes that the copy has.
put_attributes attributes_of(const copy_request& request, const version_row& source) {
    put_attributes made = request.attributes;
    if (!request.replace_attributes) {
        made.headers = source.headers;
        made.user_metadata = source.user_metadata;
        made.tags = source.tags;
    }
    if (!request.class_given) made.klass = storage_class::standard;
    return made;
}

/// A version of the same bytes.
version_row copied_version(put_attributes attributes, const version_row& source) {
    version_row row = version_of(std::move(attributes));
    row.size = source.size;
    row.etag = source.etag;
    row.checksum = source.checksum;
    row.blobs = source.blobs;
    row.part_sizes = source.part_sizes;
    return row;
}

bool changes_nothing(const copy_request& request, const version_row& source) {
    return request.source_bucket == request.bucket && request.source_key == request.key &&
           !request.replace_attributes &&
           (!request.class_given || request.attributes.klass == source.klass);
}

/// An ETag that is the MD5 of the bytes.
bool is_plain_etag(const std::string& etag) {
    return etag.find('-') == std::string::npos;
}

}  // namespace

task<result<object_info>> shard_objects::copy(copy_request request) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    TC_CO_TRY(check_key(request.key));
    auto bucket = co_await existing_bucket(request.bucket);
    if (!bucket) co_return std::move(bucket).error();
    for (std::size_t attempt = 1;; ++attempt) {
        auto source =
            co_await locate(request.source_bucket, request.source_key, request.source_version_id);
        if (!source) co_return std::move(source).error();
        const version_row& found = source->info.version;
        TC_CO_TRY(check_source_conditions(request.source_when, found));
        if (found.size > limits::copy_bytes_max) co_return source_too_large();
        if (changes_nothing(request, found)) co_return copies_to_itself();
        version_row row = copied_version(attributes_of(request, found), found);
        TC_CO_TRY_ASSIGN(from, tier_of(found.klass));
        TC_CO_TRY_ASSIGN(to, tier_of(row.klass));
        if (from != to && found.size != 0) {
            auto copied = co_await copy_by_bytes(request);
            co_return copied;
        }
        auto copied = co_await copy_by_reference(request, *bucket, std::move(row));
        if (!copied.is(errc::conflict) || attempt == limits::copy_attempts_max) co_return copied;
        // The source was found as applied; what took its place is pending.
        TC_CO_TRY(co_await decisions_.settled(log_.last_appended()));
    }
}

task<result<object_info>> shard_objects::copy_by_reference(const copy_request& request,
                                                           bucket_id bucket, version_row row) {
    object_info info;
    info.key = request.key;
    info.version = row;
    version_change version;
    version.bucket = bucket;
    version.key = request.key;
    version.when = request.when;
    version.references.add(row.blobs);
    version.row = std::move(row);
    std::vector<std::string> names{key_locks::key_name(bucket, request.key)};
    name_lock held = co_await decisions_.lock(std::move(names));
    auto placed = co_await put_version(std::move(version), std::move(held));
    if (!placed) co_return std::move(placed).error();
    info.position = placed->position;
    info.version.modified = placed->modified;
    info.version.clock = placed->clock;
    co_return std::move(info);
}

task<result<object_info>> shard_objects::copy_by_bytes(const copy_request& request) {
    open_request wanted;
    wanted.bucket = request.source_bucket;
    wanted.key = request.source_key;
    wanted.version_id = request.source_version_id;
    auto reader = co_await open(std::move(wanted));
    if (!reader) co_return std::move(reader).error();
    // What is read is what was opened, whatever was looked at before.
    const version_row& source = (*reader)->info().version;
    TC_CO_TRY(check_source_conditions(request.source_when, source));
    if (source.size > limits::copy_bytes_max) co_return source_too_large();
    put_request target;
    target.bucket = request.bucket;
    target.key = request.key;
    target.attributes = attributes_of(request, source);
    target.when = request.when;
    target.expected.length = source.size;
    if (source.checksum) target.checksum = source.checksum->kind;
    object_info info;
    info.key = request.key;
    info.version = version_of(target.attributes);
    info.version.size = source.size;
    auto writer = co_await begin_put(std::move(target));
    if (!writer) co_return std::move(writer).error();
    TC_CO_TRY(co_await pour(**reader, **writer));
    auto placed = co_await (*writer)->commit();
    if (!placed) co_return std::move(placed).error();
    info.position = placed->position;
    info.version.etag = placed->etag;
    info.version.checksum = placed->checksum;
    info.version.modified = placed->modified;
    co_return std::move(info);
}

task<result<bool>> shard_objects::shares_as_part(const version_row& source,
                                                 const upload_row& upload) {
    if (source.blobs.empty() || !is_plain_etag(source.etag)) co_return false;
    if (upload.checksum_kind && !(source.checksum && source.checksum->full_object &&
                                  source.checksum->kind == *upload.checksum_kind))
        co_return false;
    TC_CO_TRY_ASSIGN(tier, tier_of(upload.version.klass));
    for (const blob_ref& one : source.blobs) {
        auto found = co_await rows_.get(index_key::blob(one.blob));
        if (!found) co_return std::move(found).error();
        if (!*found) co_return false;
        auto row = decode_blob_row(as_bytes(**found));
        if (!row) co_return std::move(row).error();
        // Small objects in the journal are written anew: parts lie in stripes only.
        if (row->journal || row->tier != tier) co_return false;
    }
    co_return true;
}

task<result<part_row>> shard_objects::copy_part(copy_part_request request) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    part_request target;
    target.bucket = request.bucket;
    target.key = request.key;
    target.upload_id = request.upload_id;
    target.number = request.number;
    auto writer = co_await begin_part(std::move(target));
    if (!writer) co_return std::move(writer).error();
    open_request wanted;
    wanted.bucket = request.source_bucket;
    wanted.key = request.source_key;
    wanted.version_id = request.source_version_id;
    wanted.range = request.range;
    auto reader = co_await open(std::move(wanted));
    if (!reader) co_return std::move(reader).error();
    const version_row& source = (*reader)->info().version;
    TC_CO_TRY(check_source_conditions(request.source_when, source));
    if (request.range && request.range->last && request.range->first &&
        *request.range->last >= source.size) {
        co_return error(errc::range_not_satisfiable, "the range ends after the source's " +
                                                         std::to_string(source.size) + " bytes");
    }
    if ((*reader)->length() > limits::copy_bytes_max) co_return source_too_large();
    if ((*reader)->length() == source.size) {
        auto shared = co_await share_part(request, source);
        if (!shared) co_return std::move(shared).error();
        if (*shared) co_return std::move(**shared);
    }
    TC_CO_TRY(co_await pour(**reader, **writer));
    auto placed = co_await (*writer)->commit();
    if (!placed) co_return std::move(placed).error();
    part_row part;
    part.number = request.number;
    part.size = (*reader)->length();
    part.etag = placed->etag;
    part.checksum = placed->checksum;
    part.modified = placed->modified;
    co_return std::move(part);
}

/// A part that names the source's blobs; none when it has to be copied.
task<result<std::optional<part_row>>> shard_objects::share_part(const copy_part_request& request,
                                                                const version_row& source) {
    std::optional<part_row> none;
    auto bucket = co_await existing_bucket(request.bucket);
    if (!bucket) co_return std::move(bucket).error();
    auto upload = co_await existing_upload(*bucket, request.key, request.upload_id);
    if (!upload) co_return std::move(upload).error();
    auto shares = co_await shares_as_part(source, *upload);
    if (!shares) co_return std::move(shares).error();
    if (!*shares) co_return std::move(none);
    part_row part;
    part.number = request.number;
    part.size = source.size;
    part.etag = source.etag;
    if (upload->checksum_kind) part.checksum = source.checksum;
    part.blobs = source.blobs;
    reference_changes references;
    references.add(part.blobs);
    decision change;
    auto placed = co_await put_part(*bucket, request.key, request.upload_id, std::move(part),
                                    std::move(change), std::move(references));
    // The source went away meanwhile; its bytes are still held by the reader.
    if (placed.is(errc::conflict)) co_return std::move(none);
    if (!placed) co_return std::move(placed).error();
    co_return std::optional<part_row>(std::move(*placed));
}

}  // namespace taicang
