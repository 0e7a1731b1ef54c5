#include "s3gw/api/body.h"

#include <algorithm>

#include "s3gw/api/limits.h"
#include "s3gw/api/text.h"
#include "storage/base/async.h"

namespace taicang {

task<result<std::string>> read_whole_body(s3_call& call, std::size_t most) {
    std::string body;
    std::string piece(16 * limits::kib, '\0');
    for (;;) {
        auto got = co_await call.body->read(
            bytes_span(reinterpret_cast<std::byte*>(piece.data()), piece.size()));
        if (!got) co_return std::move(got).error();
        if (*got == 0) co_return body;
        if (body.size() + *got > most) {
            co_return error(errc::object_too_large,
                            "the document is larger than " + std::to_string(most) + " bytes");
        }
        body.append(piece.data(), *got);
    }
}

namespace {

/// Fills `into` from the body until it is full or the body ends.
task<result<std::size_t>> fill(s3_call& call, buffer& into) {
    std::size_t filled = 0;
    while (filled < into.size()) {
        auto got = co_await call.body->read(into.span().subspan(filled));
        if (!got) co_return std::move(got).error();
        if (*got == 0) break;
        filled += *got;
    }
    co_return filled;
}

/// The checksum that came behind the body, when one was announced.
result<std::optional<stored_checksum>> trailing_checksum(const s3_call& call,
                                                         const body_claims& claims) {
    if (!claims.trailer) return std::optional<stored_checksum>();
    const std::string wanted =
        "x-amz-checksum-" + std::string(checksum_header_word(*claims.trailer));
    for (const aws_trailer& trailer : call.body->trailers()) {
        if (trailer.name != wanted) continue;
        const auto raw = parse_base64(trailer.value);
        if (!raw || raw->size() != checksum_bytes(*claims.trailer)) {
            return error(errc::digest_mismatch,
                         "the trailer " + wanted + " is not a checksum of its kind");
        }
        return std::optional<stored_checksum>(stored_checksum{*claims.trailer, true, *raw});
    }
    return error(errc::digest_mismatch,
                 "the trailer " + wanted + " was announced and did not come");
}

/// What begin_put and begin_part have in common.
struct writer_source {
    object_service& objects;
    std::optional<put_request> put;
    std::optional<part_request> part;

    task<result<std::unique_ptr<object_writer>>> begin() {
        if (put) return objects.begin_put(std::move(*put));
        return objects.begin_part(std::move(*part));
    }
};

/// On the engine, in one visit: begin, write, commit. The writer dies there too.
task<result<put_result>> store_at_once(writer_source source, buffer bytes,
                                       std::optional<stored_checksum> trailer) {
    TC_CO_TRY_ASSIGN(writer, co_await source.begin());
    if (!bytes.empty()) TC_CO_TRY(co_await writer->write(std::move(bytes)));
    if (trailer) writer->expect(std::move(*trailer));
    co_return co_await writer->commit();
}

task<result<std::unique_ptr<object_writer>>> begin_on_engine(writer_source source) {
    return source.begin();
}

task<result<void>> write_on_engine(object_writer& writer, buffer bytes) {
    return writer.write(std::move(bytes));
}

task<result<put_result>> commit_on_engine(object_writer& writer,
                                          std::optional<stored_checksum> trailer) {
    if (trailer) writer.expect(std::move(*trailer));
    return writer.commit();
}

/// Hands buffers to the engine while the next one is being read from the socket: one in flight.
class write_pipeline {
  public:
    write_pipeline(executor& engine, object_writer& writer) : engine_(engine), writer_(writer) {}

    task<result<void>> push(buffer bytes) {
        if (busy_) co_await free_.wait();
        if (failed_) co_return *failed_;
        busy_ = true;
        free_.reset();
        const bool started = spawn(gate_, one(std::move(bytes)));
        TC_ASSERT(started);
        co_return ok();
    }
    task<result<void>> finish() {
        co_await gate_.close();
        if (failed_) co_return *failed_;
        co_return ok();
    }

  private:
    task<void> one(buffer bytes) {
        auto written = co_await run_on(engine_, write_on_engine(writer_, std::move(bytes)));
        if (!written) failed_ = written.error();
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
    for (;;) {
        buffer bytes = call.services.buffers.allocate(limits::gateway_buffer_bytes);
        auto filled = co_await fill(call, bytes);
        if (!filled) co_return std::move(filled).error();
        if (*filled == 0) co_return ok();
        const bool last = *filled < bytes.size();
        bytes.resize(*filled);
        TC_CO_TRY(co_await pipeline.push(std::move(bytes)));
        if (last) co_return ok();
    }
}

task<result<put_result>> store_streamed(s3_call& call, writer_source source, body_claims claims) {
    executor& engine = call.services.engine;
    auto begun = co_await run_on(engine, begin_on_engine(std::move(source)));
    if (!begun) co_return std::move(begun).error();
    const engine_handle<object_writer> writer(engine, std::move(*begun));
    write_pipeline pipeline(engine, *writer);
    auto pumped = co_await pump(call, pipeline);
    auto finished = co_await pipeline.finish();
    if (!pumped) co_return std::move(pumped).error();
    if (!finished) co_return std::move(finished).error();
    TC_CO_TRY_ASSIGN(trailer, trailing_checksum(call, claims));
    co_return co_await run_on(engine, commit_on_engine(*writer, std::move(trailer)));
}

/// MD5, SHA-256 and the wished checksum of a small body, on the worker's thread.
content_digests hash_small(const buffer& bytes, const body_claims& claims) {
    digest_set kinds;
    kinds.add(digest_kind::md5).add(digest_kind::sha256);
    if (claims.checksum) kinds.add(*claims.checksum);
    content_hasher hasher(kinds);
    hasher.update(bytes.view());
    return hasher.finish();
}

task<result<put_result>> store(s3_call& call, writer_source source, body_claims claims) {
    const std::optional<std::uint64_t> length = claims.expected.length;
    const bool small = length && *length <= limits::inline_object_bytes_max;
    const std::size_t wanted =
        small ? std::max<std::size_t>(page_size, *length) : limits::gateway_put_lease_bytes;
    auto lease = co_await call.services.budget.acquire(wanted, limits::gateway_memory_patience);
    if (!lease) co_return std::move(lease).error();
    if (!small) co_return co_await store_streamed(call, std::move(source), std::move(claims));
    buffer bytes = call.services.buffers.allocate(*length);
    auto filled = co_await fill(call, bytes);
    if (!filled) co_return std::move(filled).error();
    if (*filled < *length)
        co_return error(errc::incomplete_body, "the body ended before its announced length");
    // The reader learns only at the end of the body that its signatures and trailers are right.
    std::byte beyond{};
    auto end = co_await call.body->read(bytes_span(&beyond, 1));
    if (!end) co_return std::move(end).error();
    if (*end != 0)
        co_return error(errc::incomplete_body, "the body is longer than its announced length");
    TC_CO_TRY_ASSIGN(trailer, trailing_checksum(call, claims));
    if (source.put) source.put->known_digests = hash_small(bytes, claims);
    co_return co_await run_on(
        call.services.engine,
        store_at_once(std::move(source), std::move(bytes), std::move(trailer)));
}

}  // namespace

task<result<put_result>> store_object(s3_call& call, put_request request, body_claims claims) {
    request.expected = claims.expected;
    request.checksum = claims.checksum;
    writer_source source{call.services.objects, std::move(request), std::nullopt};
    return store(call, std::move(source), std::move(claims));
}

task<result<put_result>> store_part(s3_call& call, part_request request, body_claims claims) {
    request.expected = claims.expected;
    writer_source source{call.services.objects, std::nullopt, std::move(request)};
    return store(call, std::move(source), std::move(claims));
}

namespace {

struct opened_on_engine {
    std::unique_ptr<object_reader> reader;
    buffer begin;
};

task<result<opened_on_engine>> open_on_engine(object_service& objects, open_request request) {
    const bool head_only = request.head_only;
    opened_on_engine opened;
    TC_CO_TRY_ASSIGN(reader, co_await objects.open(std::move(request)));
    opened.reader = std::move(reader);
    if (!head_only && opened.reader->length() > 0) {
        TC_CO_TRY_ASSIGN(begin, co_await opened.reader->next());
        opened.begin = std::move(begin);
    }
    co_return std::move(opened);
}

task<result<buffer>> next_on_engine(object_reader& reader) {
    return reader.next();
}

class object_source final : public http_body_source {
  public:
    object_source(const s3_services& services, opened_object opened)
        : state_(std::make_shared<state>(services.engine, std::move(opened))) {}
    ~object_source() override { state_->abandoned = true; }

    task<result<bytes_view>> next() override {
        state& own = *state_;
        if (own.sent == 0 && !own.next) {
            own.next.emplace(std::move(own.opened.begin));
        }
        if (own.fetching) co_await own.fetched.wait();
        if (own.failed) co_return *own.failed;
        if (!own.next) co_return bytes_view();
        own.current = std::move(*own.next);
        own.next.reset();
        own.sent += own.current.size();
        if (own.sent < own.opened.length) fetch(state_);
        co_return own.current.view();
    }
    [[nodiscard]] std::optional<std::uint64_t> length() const override {
        return state_->opened.length;
    }

  private:
    // Shared with the fetch in flight, so that a client that vanishes does not pull the ground from
    // under it.
    struct state {
        state(executor& on, opened_object from) : engine(on), opened(std::move(from)) {}
        executor& engine;
        opened_object opened;
        buffer current;
        std::optional<buffer> next;
        std::optional<error> failed;
        std::uint64_t sent = 0;
        bool fetching = false;
        bool abandoned = false;
        event fetched;
    };
    static void fetch(const std::shared_ptr<state>& own) {
        own->fetching = true;
        own->fetched.reset();
        run_fetch(own);
    }
    static detail::detached run_fetch(std::shared_ptr<state> own) {
        auto got = co_await run_on(own->engine, next_on_engine(*own->opened.reader));
        if (!got) {
            own->failed = got.error();
        } else if (!got->empty()) {
            own->next.emplace(std::move(*got));
        }
        own->fetching = false;
        own->fetched.set();
    }
    std::shared_ptr<state> state_;
};

}  // namespace

task<result<opened_object>> open_object(const s3_services& services, open_request request) {
    opened_object opened;
    if (!request.head_only) {
        auto lease = co_await services.budget.acquire(limits::gateway_get_lease_bytes,
                                                      limits::gateway_memory_patience);
        if (!lease) co_return std::move(lease).error();
        opened.lease = std::move(*lease);
    }
    auto got =
        co_await run_on(services.engine, open_on_engine(services.objects, std::move(request)));
    if (!got) co_return std::move(got).error();
    opened.reader = engine_handle<object_reader>(services.engine, std::move(got->reader));
    opened.info = opened.reader->info();
    opened.first = opened.reader->first();
    opened.length = opened.reader->length();
    opened.is_range = opened.reader->is_range();
    opened.begin = std::move(got->begin);
    co_return std::move(opened);
}

std::unique_ptr<http_body_source> make_object_source(const s3_services& services,
                                                     opened_object opened) {
    return std::make_unique<object_source>(services, std::move(opened));
}

}  // namespace taicang
