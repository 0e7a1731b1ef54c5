// Bodies that become objects and parts. Small ones are read whole and hashed here, on the worker's
// thread, and visit the engine once. Larger ones stream: a buffer is filled from the socket while
// the engine takes the one before.
#include <algorithm>

#include "s3gw/api/body.h"
#include "s3gw/api/engine_handle.h"
#include "s3gw/api/limits.h"
#include "storage/base/async.h"

namespace taicang {

namespace {

/// Fills `into` from the body until it is full or the body ends.
task<result<std::size_t>> fill(payload_reader& body, buffer& into) {
    std::size_t filled = 0;
    while (filled < into.size()) {
        auto got = co_await body.read(into.span().subspan(filled));
        if (!got) co_return std::move(got).error();
        if (*got == 0) break;
        filled += *got;
    }
    co_return filled;
}

/// After the announced length: the reader learns only at the body's end that its signatures and
/// trailers are right.
task<result<void>> expect_end(payload_reader& body) {
    std::byte beyond{};
    auto end = co_await body.read(bytes_span(&beyond, 1));
    if (!end) co_return std::move(end).error();
    if (*end == 0) co_return ok();
    co_return error(errc::incomplete_body, "the body is longer than its announced length");
}

/// What the engine is asked to begin.
struct writer_source {
    object_service& objects;
    std::optional<put_request> put;
    std::optional<part_request> part;
};

task<result<std::unique_ptr<object_writer>>> begin_on_engine(writer_source source) {
    if (source.put) {
        auto begun = co_await source.objects.begin_put(std::move(*source.put));
        co_return begun;
    }
    auto begun = co_await source.objects.begin_part(std::move(*source.part));
    co_return begun;
}

task<result<void>> write_on_engine(object_writer& writer, buffer bytes) {
    return writer.write(std::move(bytes));
}

task<result<put_result>> commit_on_engine(object_writer& writer,
                                          std::optional<stored_checksum> trailer) {
    if (trailer) writer.expect(std::move(*trailer));
    return writer.commit();
}

/// A part in one visit: begun, written, committed; the writer dies there too.
task<result<put_result>> store_part_at_once(object_service& objects, part_request request,
                                            buffer bytes) {
    auto begun = co_await objects.begin_part(std::move(request));
    if (!begun) co_return std::move(begun).error();
    object_writer& writer = **begun;
    if (!bytes.empty()) {
        auto written = co_await writer.write(std::move(bytes));
        if (!written) co_return std::move(written).error();
    }
    auto committed = co_await writer.commit();
    co_return committed;
}

/// Hands buffers to the engine, one at a time. finish() must be awaited before it dies.
class write_pipeline {
  public:
    write_pipeline(executor& engine, object_writer& writer) : engine_(engine), writer_(writer) {}

    task<result<void>> push(buffer bytes) {
        if (busy_) co_await free_.wait();
        if (failed_) co_return *failed_;
        busy_ = true;
        free_.reset();
        const bool started = spawn(gate_, write_one(std::move(bytes)));
        TC_ASSERT(started);
        co_return ok();
    }
    task<result<void>> finish() {
        co_await gate_.close();
        if (failed_) co_return *failed_;
        co_return ok();
    }

  private:
    task<void> write_one(buffer bytes) {
        auto question = write_on_engine(writer_, std::move(bytes));
        auto written = co_await run_on(engine_, std::move(question));
        if (!written) failed_ = std::move(written).error();
        busy_ = false;
        free_.set();
    }
    executor& engine_;
    object_writer& writer_;
    gate gate_;
    event free_;
    bool busy_ = false;
    std::optional<error> failed_;
};

task<result<void>> pump(s3_call& call, write_pipeline& pipeline) {
    std::optional<std::uint64_t> left = call.body->payload_length();
    for (;;) {
        if (left == 0) {
            auto ended = co_await expect_end(*call.body);
            co_return ended;
        }
        const auto wanted = static_cast<std::size_t>(
            std::min<std::uint64_t>(left.value_or(UINT64_MAX), limits::gateway_buffer_bytes));
        buffer bytes = call.services.buffers.allocate(wanted);
        auto filled = co_await fill(*call.body, bytes);
        if (!filled) co_return std::move(filled).error();
        if (*filled == 0) co_return ok();
        bytes.resize(*filled);
        auto pushed = co_await pipeline.push(std::move(bytes));
        if (!pushed) co_return std::move(pushed).error();
        if (*filled < wanted) co_return ok();
        if (left) *left -= *filled;
    }
}

task<result<put_result>> stream_on(s3_call& call, object_writer& writer,
                                   const body_claims& claims) {
    write_pipeline pipeline(call.services.engine, writer);
    auto pumped = co_await pump(call, pipeline);
    auto finished = co_await pipeline.finish();
    // What the engine says is the reason why pumping ended, when both failed.
    if (!finished) co_return std::move(finished).error();
    if (!pumped) co_return std::move(pumped).error();
    auto trailer = read_trailing_checksum(call, claims);
    if (!trailer) co_return std::move(trailer).error();
    auto question = commit_on_engine(writer, std::move(*trailer));
    auto committed = co_await ask(call, std::move(question));
    co_return committed;
}

task<result<put_result>> store_streamed(s3_call& call, writer_source source,
                                        const body_claims& claims) {
    const std::uint64_t length = claims.expected.length.value_or(UINT64_MAX);
    auto lease = co_await call.memory.acquire(static_cast<std::size_t>(std::min<std::uint64_t>(
        length, limits::gateway_buffers_in_flight * limits::gateway_buffer_bytes)));
    if (!lease) co_return std::move(lease).error();
    auto question = begin_on_engine(std::move(source));
    auto begun = co_await ask(call, std::move(question));
    if (!begun) co_return std::move(begun).error();
    const engine_handle<object_writer> writer(call.services.engine, std::move(*begun));
    auto stored = co_await stream_on(call, *writer, claims);
    co_return stored;
}

bool is_small(const body_claims& claims) {
    return claims.expected.length && *claims.expected.length <= limits::inline_object_bytes_max;
}

struct small_body {
    gateway_lease lease;
    buffer bytes;
    std::optional<stored_checksum> trailer;
};

task<result<small_body>> read_small(s3_call& call, const body_claims& claims) {
    const auto length = static_cast<std::size_t>(*claims.expected.length);
    small_body small;
    auto lease = co_await call.memory.acquire(std::max(page_size, length));
    if (!lease) co_return std::move(lease).error();
    small.lease = std::move(*lease);
    small.bytes = call.services.buffers.allocate(length);
    auto filled = co_await fill(*call.body, small.bytes);
    if (!filled) co_return std::move(filled).error();
    if (*filled < length)
        co_return error(errc::incomplete_body, "the body ended before its announced length");
    auto ended = co_await expect_end(*call.body);
    if (!ended) co_return std::move(ended).error();
    auto trailer = read_trailing_checksum(call, claims);
    if (!trailer) co_return std::move(trailer).error();
    small.trailer = std::move(*trailer);
    co_return std::move(small);
}

/// What the object service keeps of every body, and the wished checksum.
content_digests hash_small(const buffer& bytes, const body_claims& claims) {
    digest_set kinds;
    kinds.add(digest_kind::md5).add(digest_kind::sha256);
    if (claims.checksum) kinds.add(*claims.checksum);
    return digests_of(kinds, bytes.view());
}

}  // namespace

task<result<put_result>> store_object(s3_call& call, put_request request, body_claims claims) {
    request.expected = claims.expected;
    request.checksum = claims.checksum;
    object_service& objects = call.objects();
    if (!is_small(claims)) {
        writer_source source{objects, std::move(request), std::nullopt};
        auto stored = co_await store_streamed(call, std::move(source), claims);
        co_return stored;
    }
    auto small = co_await read_small(call, claims);
    if (!small) co_return std::move(small).error();
    if (small->trailer) request.expected.checksum = std::move(small->trailer);
    request.known_digests = hash_small(small->bytes, claims);
    auto question = objects.put(std::move(request), std::move(small->bytes));
    auto stored = co_await ask(call, std::move(question));
    co_return stored;
}

task<result<put_result>> store_part(s3_call& call, part_request request, body_claims claims) {
    request.expected = claims.expected;
    request.checksum = claims.checksum;
    object_service& objects = call.objects();
    if (!is_small(claims)) {
        writer_source source{objects, std::nullopt, std::move(request)};
        auto stored = co_await store_streamed(call, std::move(source), claims);
        co_return stored;
    }
    auto small = co_await read_small(call, claims);
    if (!small) co_return std::move(small).error();
    if (small->trailer) request.expected.checksum = std::move(small->trailer);
    auto question = store_part_at_once(objects, std::move(request), std::move(small->bytes));
    auto stored = co_await ask(call, std::move(question));
    co_return stored;
}

}  // namespace taicang
