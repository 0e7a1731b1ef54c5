// PUT: a body, then a version that names it. Crash order: runs written and flushed (large bodies)
// -> record with blob row, version row and the end of what it supersedes (and the bytes of small
// bodies) durable on the ensemble -> applied -> answered. Before the record is durable nothing
// names the new bytes; what was superseded goes in the same record.
#include <cstring>

#include "storage/base/limits.h"
#include "storage/object/put_checks.h"
#include "storage/object/service_impl.h"

namespace taicang {

namespace {

class put_writer final : public object_writer {
  public:
    put_writer(shard_objects& service, put_request request, bucket_id bucket, body_options options)
        : service_(service),
          request_(std::move(request)),
          bucket_(bucket),
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
    put_request request_;
    const bucket_id bucket_;
    body_writer body_;
};

task<result<put_result>> put_writer::commit() {
    const gate_hold hold(service_.gate_);
    if (!hold) co_return shutting_down();
    auto finished = co_await body_.finish();
    if (!finished) co_return std::move(finished).error();
    written_body& body = *finished;
    TC_CO_TRY(check_expectations(request_.expected, body));
    version_change version;
    version.bucket = bucket_;
    version.key = std::move(request_.key);
    version.when = std::move(request_.when);
    version_row& row = version.row;
    row = version_of(std::move(request_.attributes));
    row.size = body.size;
    row.etag = to_hex(as_bytes(body.digests.md5));
    row.checksum = checksum_to_keep(request_.checksum, request_.expected, body.digests);
    put_result answer{lsn{0}, row.etag, row.checksum, 0};
    if (body.blob) {
        row.blobs.push_back(blob_ref{body_.blob(), body.size});
        put_blob(body_.blob(), std::move(*body.blob), version.change.effects);
        version.change.payload = std::move(body.payload);
    }
    std::vector<std::string> names{key_locks::key_name(bucket_, version.key)};
    name_lock held = co_await service_.decisions_.lock(std::move(names));
    auto placed = co_await service_.put_version(std::move(version), std::move(held));
    if (!placed) co_return std::move(placed).error();
    answer.position = placed->position;
    answer.modified = placed->modified;
    co_return std::move(answer);
}

}  // namespace

task<result<std::unique_ptr<object_writer>>> shard_objects::begin_put(put_request request) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    TC_CO_TRY(check_key(request.key));
    auto bucket = co_await existing_bucket(request.bucket);
    if (!bucket) co_return std::move(bucket).error();
    body_options options;
    TC_CO_TRY_ASSIGN(tier, tier_of(request.attributes.klass));
    options.tier = tier;
    options.length = request.expected.length;
    options.bytes_max = limits::put_bytes_max;
    options.digests = digests_to_compute(request.checksum, request.expected);
    options.known = std::move(request.known_digests);
    if (options.length && *options.length > options.bytes_max) {
        co_return error(errc::object_too_large,
                        "one PUT takes at most 5 GiB; use a multipart upload");
    }
    if (!request.when.empty()) {
        // Decided under the key's lock at the end; a hopeless body need not be sent.
        auto seen = co_await decisions_.current_version(*bucket, request.key);
        if (!seen) co_return std::move(seen).error();
        auto allowed =
            check_write_conditions(request.when, seen->version ? &*seen->version : nullptr);
        if (!allowed) {
            error why = std::move(allowed).error();
            co_return co_await refused(std::move(why), seen->pending);
        }
    }
    std::unique_ptr<object_writer> writer =
        std::make_unique<put_writer>(*this, std::move(request), *bucket, std::move(options));
    co_return std::move(writer);
}

task<result<put_result>> shard_objects::put(put_request request, buffer body) {
    if (!request.expected.length) request.expected.length = body.size();
    auto writer = co_await begin_put(std::move(request));
    if (!writer) co_return std::move(writer).error();
    if (!body.empty()) {
        auto taken = co_await (*writer)->write(std::move(body));
        if (!taken) co_return std::move(taken).error();
    }
    auto committed = co_await (*writer)->commit();
    co_return committed;
}

}  // namespace taicang
