// Parts of multipart uploads. A part's bytes always go to stripes, so that only objects of one PUT
// rest in the journal. A part that is sent again takes the place of the one before. Crash order: as
// for PUT; the part row names the blob, the upload's lock orders parts against completion and
// abort.
#include <algorithm>

#include "storage/base/limits.h"
#include "storage/object/put_checks.h"
#include "storage/object/service_impl.h"

namespace taicang {

namespace {

error no_such_upload() {
    return error(errc::upload_not_found,
                 "there is no such upload in progress: it was completed or aborted, or its id is "
                 "wrong");
}

class part_writer final : public object_writer {
  public:
    part_writer(shard_objects& service, part_request request, bucket_id bucket,
                std::optional<digest_kind> checksum, body_options options)
        : service_(service),
          request_(std::move(request)),
          bucket_(bucket),
          checksum_(checksum),
          body_(service.env_, service.stripes_, service.gate_, service.decisions_.next_blob_id(),
                std::move(options)) {}

    task<result<void>> write(buffer bytes) override {
        const gate_hold hold(service_.gate_);
        if (!hold) co_return shutting_down();
        auto taken = co_await body_.write(std::move(bytes));
        co_return taken;
    }
    void expect(stored_checksum trailer) override {
        body_.want(trailer.kind);
        request_.expected.checksum = std::move(trailer);
    }
    task<result<put_result>> commit() override;

  private:
    shard_objects& service_;
    part_request request_;
    const bucket_id bucket_;
    const std::optional<digest_kind> checksum_;  // what the upload keeps of every part
    body_writer body_;
};

task<result<put_result>> part_writer::commit() {
    const gate_hold hold(service_.gate_);
    if (!hold) co_return shutting_down();
    auto finished = co_await body_.finish();
    if (!finished) co_return std::move(finished).error();
    written_body& body = *finished;
    TC_CO_TRY(check_expectations(request_.expected, body));
    part_row part;
    part.number = request_.number;
    part.size = body.size;
    part.etag = to_hex(as_bytes(body.digests.md5));
    if (checksum_) part.checksum = stored_checksum{*checksum_, true, body.digests.of(*checksum_)};
    decision change;
    if (body.blob) {
        part.blobs.push_back(blob_ref{body_.blob(), body.size});
        put_blob(body_.blob(), std::move(*body.blob), change.effects);
    }
    auto placed = co_await service_.put_part(bucket_, request_.key, request_.upload_id,
                                             std::move(part), std::move(change), {});
    if (!placed) co_return std::move(placed).error();
    put_result answer;
    answer.etag = placed->etag;
    answer.checksum = placed->checksum;
    answer.modified = placed->modified;
    co_return std::move(answer);
}

result<void> check_part_number(std::uint32_t number) {
    if (number >= 1 && number <= limits::part_number_max) return ok();
    return error(errc::invalid_argument,
                 "part numbers are 1 to " + std::to_string(limits::part_number_max));
}

/// The upload says which checksum its parts have.
result<void> check_part_checksum(const put_expectations& expected, const upload_row& upload) {
    if (!expected.checksum || !upload.checksum_kind ||
        expected.checksum->kind == *upload.checksum_kind)
        return ok();
    return error(errc::invalid_argument,
                 "the part's checksum is of another kind than the upload was created with");
}

}  // namespace

task<result<upload_row>> shard_objects::existing_upload(bucket_id bucket, std::string key,
                                                        std::string upload_id) {
    auto seen = co_await decisions_.row(index_key::upload(bucket, key, upload_id));
    if (!seen) co_return std::move(seen).error();
    if (!seen->value) co_return co_await refused(no_such_upload(), seen->pending);
    co_return decode_upload_row(as_bytes(*seen->value));
}

task<result<std::unique_ptr<object_writer>>> shard_objects::begin_part(part_request request) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    TC_CO_TRY(check_key(request.key));
    TC_CO_TRY(check_part_number(request.number));
    auto bucket = co_await existing_bucket(request.bucket);
    if (!bucket) co_return std::move(bucket).error();
    auto upload = co_await existing_upload(*bucket, request.key, request.upload_id);
    if (!upload) co_return std::move(upload).error();
    TC_CO_TRY(check_part_checksum(request.expected, *upload));
    body_options options;
    TC_CO_TRY_ASSIGN(tier, tier_of(upload->version.klass));
    options.tier = tier;
    options.may_inline = false;
    options.length = request.expected.length;
    options.bytes_max = limits::part_bytes_max;
    options.digests = digests_to_compute(upload->checksum_kind, request.expected);
    if (request.checksum) options.digests.add(*request.checksum);
    if (options.length && *options.length > options.bytes_max) {
        co_return error(errc::object_too_large, "one part has at most 5 GiB; make smaller parts");
    }
    std::unique_ptr<object_writer> writer = std::make_unique<part_writer>(
        *this, std::move(request), *bucket, upload->checksum_kind, std::move(options));
    co_return std::move(writer);
}

task<result<part_row>> shard_objects::put_part(bucket_id bucket, std::string key,
                                               std::string upload_id, part_row part,
                                               decision change, reference_changes references) {
    std::vector<std::string> names{key_locks::upload_name(upload_id)};
    name_lock held = co_await decisions_.lock(std::move(names));
    auto upload = co_await existing_upload(bucket, std::move(key), upload_id);
    if (!upload) co_return std::move(upload).error();
    auto seen = co_await decisions_.row(index_key::part(upload_id, part.number));
    if (!seen) co_return std::move(seen).error();
    if (seen->value) {
        auto before = decode_part_row(as_bytes(*seen->value));
        if (!before) co_return std::move(before).error();
        references.remove(before->blobs);
    }
    if (!references.empty()) {
        auto blob_names = references.lock_names();
        name_lock blobs = co_await decisions_.lock(std::move(blob_names));
        held.absorb(std::move(blobs));
        TC_CO_TRY(co_await references.resolve(decisions_, change.effects));
    }
    part.modified = env_.home.wall_now();
    change.bucket = bucket;
    change.effects.push_back(effect::part_put{std::move(upload_id), part});
    auto committed = co_await decisions_.commit(std::move(change), std::move(held));
    if (!committed) co_return std::move(committed).error();
    if (!references.empty()) co_await references.give_back(decisions_);
    co_return std::move(part);
}

task<result<part_list_page>> shard_objects::list_parts(std::string bucket, std::string key,
                                                       std::string upload_id, std::uint32_t after,
                                                       std::size_t parts_max) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    auto found = co_await existing_bucket(std::move(bucket));
    if (!found) co_return std::move(found).error();
    auto upload = co_await existing_upload(*found, std::move(key), upload_id);
    if (!upload) co_return std::move(upload).error();
    part_list_page page;
    page.upload = std::move(*upload);
    if (parts_max == 0 || after >= limits::part_number_max) co_return std::move(page);
    parts_max = std::min(parts_max, limits::list_keys_max);
    const std::string prefix = index_key::part_prefix(upload_id);
    const std::string from = index_key::part(upload_id, after + 1);
    auto read = co_await rows_.with_cursor([&](index_cursor& cursor) -> result<void> {
        for (cursor.seek(from); cursor.valid() && cursor.key().starts_with(prefix); cursor.next()) {
            if (page.parts.size() == parts_max) {
                page.truncated = true;
                break;
            }
            TC_TRY_ASSIGN(part, decode_part_row(as_bytes(cursor.value())));
            page.parts.push_back(std::move(part));
        }
        return cursor.status();
    });
    if (!read) co_return std::move(read).error();
    co_return std::move(page);
}

}  // namespace taicang
