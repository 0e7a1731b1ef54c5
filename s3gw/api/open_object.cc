#include "s3gw/api/open_object.h"

#include "s3gw/api/limits.h"
#include "storage/base/log.h"
#include "storage/object/conditions.h"

namespace taicang {

namespace {

/// What a visit to the engine brings back. The reader goes into a handle over here.
struct visit {
    opened_object opened;
    std::unique_ptr<object_reader> reader;
};

task<result<object_info>> info_of_object(object_service& objects, const open_request& asked) {
    open_request look;
    look.bucket = asked.bucket;
    look.key = asked.key;
    look.version_id = asked.version_id;
    look.head_only = true;
    auto reader = co_await objects.open(std::move(look));
    if (!reader) co_return std::move(reader).error();
    co_return (*reader)->info();
}

/// The refusal with what it is about; empty when the object changed since, so that it may not hold
/// any more.
task<result<std::optional<visit>>> refusal_of(object_service& objects, const open_request& asked,
                                              error why) {
    auto info = co_await info_of_object(objects, asked);
    if (!info) co_return std::move(info).error();
    auto checked = check_read_conditions(asked.when, info->version);
    const bool holds =
        why.code == errc::not_modified
            ? checked.is(errc::not_modified)
            : checked.ok() && resolve_range(asked.range, asked.part_number, info->version)
                                  .is(errc::range_not_satisfiable);
    std::optional<visit> known;
    if (holds) {
        known.emplace();
        known->opened.info = std::move(*info);
        known->opened.refused = std::move(why);
    }
    co_return std::move(known);
}

/// The first bytes; all of a small object, and then the reader can go here and now.
task<result<void>> begin(memory_budget& budget, visit& made, bool head_only) {
    object_reader& reader = *made.reader;
    opened_object& opened = made.opened;
    opened.info = reader.info();
    opened.first = reader.first();
    opened.length = reader.length();
    opened.is_range = reader.is_range();
    if (head_only || opened.length == 0) {
        made.reader.reset();
        co_return ok();
    }
    auto bytes = co_await reader.next();
    if (!bytes) co_return std::move(bytes).error();
    opened.begin = std::move(*bytes);
    if (opened.begin.size() < opened.length) co_return ok();
    // The reader's lease goes with it; without another one it stays until the bytes are sent.
    opened.lease = budget.try_acquire(opened.begin.capacity());
    if (opened.lease.bytes() != 0) made.reader.reset();
    co_return ok();
}

/// Whether the range still counts: it does only for the version that If-Range names.
task<result<void>> guard_range(object_service& objects, open_request& asked,
                               const range_guard& guard) {
    auto info = co_await info_of_object(objects, asked);
    if (!info) co_return std::move(info).error();
    if (!guard.holds_for(info->version)) asked.range.reset();
    co_return ok();
}

task<result<visit>> open_on_engine(object_service& objects, memory_budget& budget,
                                   open_request asked, std::optional<range_guard> guard) {
    for (std::size_t attempt = 0; attempt < limits::reopen_attempts_max; ++attempt) {
        if (guard && asked.range) {
            auto guarded = co_await guard_range(objects, asked, *guard);
            if (!guarded) co_return std::move(guarded).error();
        }
        open_request request = asked;
        auto reader = co_await objects.open(std::move(request));
        if (reader.is(errc::not_modified) || reader.is(errc::range_not_satisfiable)) {
            error why = std::move(reader).error();
            auto refusal = co_await refusal_of(objects, asked, std::move(why));
            if (!refusal) co_return std::move(refusal).error();
            if (*refusal) co_return std::move(**refusal);
            continue;
        }
        if (!reader) co_return std::move(reader).error();
        if (guard && asked.range && !guard->holds_for((*reader)->info().version)) continue;
        visit made;
        made.reader = std::move(*reader);
        auto begun = co_await begin(budget, made, asked.head_only);
        if (!begun) co_return std::move(begun).error();
        co_return std::move(made);
    }
    co_return error(errc::busy, "the object changes faster than it can be opened; repeat");
}

task<result<buffer>> next_on_engine(object_reader& reader) {
    return reader.next();
}

class object_source final : public http_body_source {
  public:
    object_source(const s3_call& call, opened_object opened)
        : engine_(call.services.engine),
          request_id_(call.request_id),
          length_(opened.length),
          opened_(std::move(opened)) {}

    task<result<bytes_view>> next() override {
        if (sent_ == 0) {
            current_ = std::move(opened_.begin);
        } else {
            current_ = buffer();  // before the next one is there: the lease is for one
            if (sent_ == length_) co_return bytes_view();
            auto question = next_on_engine(*opened_.reader);
            auto got = co_await run_on(engine_, std::move(question));
            if (!got) {
                log_event(log_level::error, "s3_read_failed")
                    .with("request_id", request_id_)
                    .with("key", opened_.info.key)
                    .with("sent_bytes", sent_)
                    .with("why", got.error().message);
                co_return std::move(got).error();
            }
            current_ = std::move(*got);
        }
        sent_ += current_.size();
        co_return bytes_view(current_.data(), current_.size());
    }
    [[nodiscard]] std::optional<std::uint64_t> length() const override { return length_; }

  private:
    executor& engine_;
    const std::string request_id_;
    const std::uint64_t length_;
    std::uint64_t sent_ = 0;
    opened_object opened_;
    buffer current_;
};

}  // namespace

task<result<opened_object>> open_object(const s3_call& call, open_request request,
                                        std::optional<range_guard> guard) {
    auto question =
        open_on_engine(call.objects(), call.services.budget, std::move(request), std::move(guard));
    auto made = co_await ask(call, std::move(question));
    if (!made) co_return std::move(made).error();
    opened_object opened = std::move(made->opened);
    opened.reader = engine_handle<object_reader>(call.services.engine, std::move(made->reader));
    co_return std::move(opened);
}

std::unique_ptr<http_body_source> make_object_source(const s3_call& call, opened_object opened) {
    return std::make_unique<object_source>(call, std::move(opened));
}

}  // namespace taicang
