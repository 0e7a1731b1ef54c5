#include "storage/object/reader.h"

#include <algorithm>
#include <cstring>

#include "storage/base/limits.h"
#include "storage/base/mark.h"

namespace taicang {

/// A read under way or done.
struct version_reader::fetch {
    std::shared_ptr<resolved_body> body;  // keeps the pins
    body_span span;
    buffer bytes;
    std::optional<error> failed;
    event done;
};

version_reader::version_reader(shard_objects& service, object_info info, resolved_range range,
                               std::shared_ptr<resolved_body> body)
    : service_(service), info_(std::move(info)), range_(range), body_(std::move(body)) {}

task<result<void>> version_reader::reserve() {
    std::size_t longest = 0;
    for (const body_span& span : body_->spans)
        longest = std::max<std::size_t>(longest, span.length);
    const std::size_t together = std::min(body_->spans.size(), 1 + limits::read_ahead_chunks);
    auto lease =
        co_await service_.env_.budget.acquire(longest * together, limits::memory_patience_ns);
    if (!lease) co_return std::move(lease).error();
    lease_ = std::move(*lease);
    co_return ok();
}

task<result<buffer>> version_reader::next() {
    if (at_ == body_->spans.size() && ahead_.empty()) co_return buffer();
    const gate_hold hold(service_.gate_);
    if (!hold) co_return shutting_down();
    if (lease_.bytes() == 0) TC_CO_TRY(co_await reserve());
    if (body_->spans.size() > 1) {
        auto read = co_await next_ahead();
        co_return read;
    }
    const body_span span = body_->spans[at_++];
    if (span.held) co_return std::move(body_->held[*span.held]);
    buffer bytes = service_.env_.buffers.allocate(span.length);
    auto read = co_await service_.stripes_.read(span.where, span.offset, bytes.span());
    if (!read) co_return std::move(read).error();
    co_return std::move(bytes);
}

bool version_reader::start_fetch() {
    auto one = std::make_shared<fetch>();
    one->body = body_;
    one->span = body_->spans[at_];
    ahead_.push_back(one);
    ++at_;
    if (one->span.held) {
        one->bytes = std::move(body_->held[*one->span.held]);
        one->done.set();
        return true;
    }
    one->bytes = service_.env_.buffers.allocate(one->span.length);
    return spawn(service_.gate_, run_fetch(std::move(one), service_.stripes_));
}

task<void> version_reader::run_fetch(std::shared_ptr<fetch> one, stripe_store& stripes) {
    auto read = co_await stripes.read(one->span.where, one->span.offset, one->bytes.span());
    if (!read) one->failed = std::move(read).error();
    one->done.set();
}

task<result<buffer>> version_reader::next_ahead() {
    while (at_ < body_->spans.size() && ahead_.size() < 1 + limits::read_ahead_chunks) {
        if (!start_fetch()) co_return shutting_down();
    }
    const std::shared_ptr<fetch> first = ahead_.front();
    ahead_.pop_front();
    co_await first->done.wait();
    if (first->failed) co_return *first->failed;
    // The next one is read while the caller sends this one.
    if (at_ < body_->spans.size() && ahead_.size() < limits::read_ahead_chunks) {
        if (!start_fetch()) co_return shutting_down();
    }
    co_return std::move(first->bytes);
}

namespace {

/// What part of a blob a range covers.
struct blob_part {
    blob_id blob;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bool whole = false;
};

std::vector<blob_part> parts_in(const version_row& version, const resolved_range& range) {
    std::vector<blob_part> parts;
    std::uint64_t begin = 0;
    const std::uint64_t range_end = range.first + range.length;
    for (const blob_ref& one : version.blobs) {
        const std::uint64_t end = begin + one.length;
        const std::uint64_t first = std::max(begin, range.first);
        const std::uint64_t last = std::min(end, range_end);
        if (first < last)
            parts.push_back({one.blob, first - begin, last - first, last - first == one.length});
        begin = end;
    }
    return parts;
}

/// Resolves one part of a blob; errc::not_found when its row or place went meanwhile.
class part_resolver {
  public:
    part_resolver(shard_objects& service, resolved_body& body) : service_(service), body_(body) {}

    task<result<void>> resolve(blob_part part);

  private:
    task<result<void>> read_journal(const blob_row& row, blob_part part);
    result<void> add_pieces(const blob_row& row, const blob_part& part);
    bool pin(group_id group);

    shard_objects& service_;
    resolved_body& body_;
    std::vector<group_id> pinned_;
};

error moved() {
    return error(errc::not_found, "the bytes moved while they were looked for");
}

task<result<void>> part_resolver::resolve(blob_part part) {
    auto found = co_await service_.rows_.get(index_key::blob(part.blob));
    if (!found) co_return std::move(found).error();
    if (!*found) co_return moved();
    auto row = decode_blob_row(as_bytes(**found));
    if (!row) co_return std::move(row).error();
    if (row->codec != blob_codec::none || row->cipher != blob_cipher::none) {
        co_return error(errc::unsupported,
                        "the object is packed or encrypted in a way this build does not read; "
                        "run the release that wrote it");
    }
    if (row->journal) {
        auto read = co_await read_journal(*row, part);
        co_return read;
    }
    co_return add_pieces(*row, part);
}

task<result<void>> part_resolver::read_journal(const blob_row& row, blob_part part) {
    buffer bytes = service_.env_.buffers.allocate(static_cast<std::size_t>(part.length));
    const std::uint64_t from = row.journal->offset + part.offset;
    auto read = co_await service_.log_.read_payload(row.journal->position, from, bytes.span());
    if (!read) co_return std::move(read).error();
    if (part.whole && crc32c(bytes.view()) != row.crc) {
        co_return error(errc::corrupt,
                        "journal: the bytes of an object do not match its blob row; run `taicang "
                        "fsck`");
    }
    body_span span;
    span.length = static_cast<std::uint32_t>(part.length);
    span.held = body_.held.size();
    body_.held.push_back(std::move(bytes));
    body_.spans.push_back(span);
    co_return ok();
}

bool part_resolver::pin(group_id group) {
    if (std::find(pinned_.rbegin(), pinned_.rend(), group) != pinned_.rend()) return true;
    auto held = service_.stripes_.pin(group);
    if (!held) return false;
    body_.pins.push_back(std::move(*held));
    pinned_.push_back(group);
    return true;
}

result<void> part_resolver::add_pieces(const blob_row& row, const blob_part& part) {
    const std::uint64_t end = part.offset + part.length;
    std::uint64_t begin = 0;
    std::uint64_t covered = 0;
    for (const piece& one : row.pieces) {
        const std::uint64_t first = std::max(begin, part.offset);
        const std::uint64_t last = std::min(begin + one.length, end);
        if (first < last) {
            if (!pin(one.group)) {
                TC_MARK("object.read_group_gone");
                return moved();
            }
            for (std::uint64_t at = first; at < last;) {
                body_span span;
                span.where = one;
                span.offset = static_cast<std::uint32_t>(at - begin);
                span.length = static_cast<std::uint32_t>(
                    std::min<std::uint64_t>(last - at, limits::read_chunk_bytes_max));
                body_.spans.push_back(span);
                at += span.length;
                covered += span.length;
            }
        }
        begin += one.length;
    }
    if (covered != part.length) {
        return error(errc::corrupt,
                     "index: the pieces of a blob do not add up to it; run `taicang fsck`");
    }
    return ok();
}

task<result<void>> resolve_body(shard_objects& service, const version_row& version,
                                resolved_range range, resolved_body& body) {
    part_resolver resolver(service, body);
    const std::vector<blob_part> parts = parts_in(version, range);
    std::uint64_t covered = 0;
    for (const blob_part& part : parts) {
        TC_CO_TRY(co_await resolver.resolve(part));
        covered += part.length;
    }
    if (covered != range.length) {
        co_return error(errc::corrupt,
                        "index: the blobs of a version do not add up to it; run `taicang fsck`");
    }
    co_return ok();
}

}  // namespace

task<result<std::unique_ptr<object_reader>>> shard_objects::open(open_request request) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    for (std::size_t attempt = 0; attempt < limits::open_attempts_max; ++attempt) {
        auto located = co_await locate(request.bucket, request.key, request.version_id);
        if (!located) co_return std::move(located).error();
        object_info& info = located->info;
        TC_CO_TRY(check_read_conditions(request.when, info.version));
        TC_CO_TRY_ASSIGN(range, resolve_range(request.range, request.part_number, info.version));
        auto body = std::make_shared<resolved_body>();
        if (!request.head_only && range.length != 0) {
            auto resolved = co_await resolve_body(*this, info.version, range, *body);
            if (resolved.is(errc::not_found)) {
                // Overwritten, deleted or packed since the version was read: look again.
                TC_MARK("object.open_again");
                continue;
            }
            if (!resolved) co_return std::move(resolved).error();
        }
        std::unique_ptr<object_reader> reader =
            std::make_unique<version_reader>(*this, std::move(info), range, std::move(body));
        co_return std::move(reader);
    }
    co_return error(errc::busy,
                    "the object changes faster than it can be opened; repeat the request");
}

}  // namespace taicang
