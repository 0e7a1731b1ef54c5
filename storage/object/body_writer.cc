#include "storage/object/body_writer.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/mark.h"

namespace taicang {

/// Computes one kind of digest (or several in one pass) over the runs, in order, on the pool.
class body_writer::hash_chain {
  public:
    explicit hash_chain(digest_set kinds) : hasher_(std::in_place, kinds) {}
    hash_chain() : leaf_(std::in_place, digest_set().add(digest_kind::sha256)) {}

    void update(bytes_view bytes) {
        if (hasher_) return hasher_->update(bytes);
        while (!bytes.empty()) {
            const std::size_t count = std::min(bytes.size(), digest_leaf_size - in_leaf_);
            leaf_->update(bytes.first(count));
            bytes = bytes.subspan(count);
            in_leaf_ += count;
            if (in_leaf_ == digest_leaf_size) end_leaf();
        }
    }
    content_digests finish() { return hasher_->finish(); }
    std::vector<sha256_digest> finish_leaves() {
        if (in_leaf_ != 0) end_leaf();
        return std::move(leaves_);
    }

    std::deque<std::shared_ptr<run_slot>> queue;
    bool running = false;

  private:
    void end_leaf() {
        const content_digests found = leaf_->finish();
        sha256_digest leaf{};
        std::memcpy(leaf.data(), found.sha256.data(), leaf.size());
        leaves_.push_back(leaf);
        leaf_.emplace(digest_set().add(digest_kind::sha256));
        in_leaf_ = 0;
    }
    std::optional<content_hasher> hasher_;
    std::optional<content_hasher> leaf_;  // the other use: leaves of the digest tree
    std::size_t in_leaf_ = 0;
    std::vector<sha256_digest> leaves_;
};

/// What the coroutines under way share with the writer and outlive it with.
struct body_writer::stream {
    stream(environment& e, stripe_store& s, tier_id t, blob_id b)
        : env(e), stripes(s), tier(t), blob(b) {}

    environment& env;
    stripe_store& stripes;
    const tier_id tier;
    const blob_id blob;
    std::vector<hash_chain> chains;  // fixed once streaming began
    bool has_others = false;         // a chain for digests beside MD5
    std::vector<std::optional<stripe_store::written>> runs;
    std::size_t slots = 0;  // alive, the filling one included
    std::vector<memory_lease> spare;
    std::optional<error> failed;
    bool abandoned = false;
    event moved;  // pulsed when a slot goes

    void fail(error why) {
        if (!failed) failed = std::move(why);
        moved.pulse();
    }
};

/// One run: alive until it is written and every chain has passed over it.
struct body_writer::run_slot {
    run_slot(std::shared_ptr<stream> where, buffer room, memory_lease memory)
        : owner(std::move(where)), data(std::move(room)), lease(std::move(memory)) {
        ++owner->slots;
    }
    ~run_slot() {
        --owner->slots;
        if (!owner->abandoned) owner->spare.push_back(std::move(lease));
        owner->moved.pulse();
    }
    run_slot(const run_slot&) = delete;
    run_slot& operator=(const run_slot&) = delete;

    std::shared_ptr<stream> owner;
    buffer data;
    memory_lease lease;
    std::size_t filled = 0;
    std::size_t number = 0;
    std::uint64_t offset = 0;  // in the blob
};

body_writer::body_writer(environment& env, stripe_store& stripes, gate& holder, blob_id blob,
                         body_options options)
    : env_(env), stripes_(stripes), gate_(holder), blob_(blob), options_(std::move(options)) {}

body_writer::~body_writer() {
    if (!stream_) return;
    stream_->abandoned = true;
    stream_->spare.clear();
    for (hash_chain& chain : stream_->chains)
        chain.queue.clear();
}

result<void> body_writer::admit(std::size_t more) const {
    const std::uint64_t total = size_ + more;
    if (options_.length && total > *options_.length) {
        return error(errc::invalid_argument, "the body has more bytes than were announced (" +
                                                 std::to_string(*options_.length) + ")");
    }
    if (total > options_.bytes_max) {
        return error(errc::object_too_large, "one body has at most " +
                                                 std::to_string(options_.bytes_max) +
                                                 " bytes; use a multipart upload");
    }
    return ok();
}

void body_writer::gather(buffer bytes) {
    if (small_.empty()) {
        // Mostly the whole body comes in one piece: kept as it is.
        small_ = std::move(bytes);
        return;
    }
    const std::size_t before = small_.size();
    const std::size_t after = before + bytes.size();
    if (small_.capacity() < after) {
        const std::uint64_t room = std::max<std::uint64_t>(
            after, options_.length.value_or(limits::inline_object_bytes_max));
        buffer larger = env_.buffers.allocate(static_cast<std::size_t>(
            std::min<std::uint64_t>(room, limits::inline_object_bytes_max)));
        std::memcpy(larger.data(), small_.data(), before);
        small_ = std::move(larger);
    }
    small_.resize(after);
    std::memcpy(small_.data() + before, bytes.data(), bytes.size());
}

task<result<void>> body_writer::write(buffer bytes) {
    TC_CO_TRY(admit(bytes.size()));
    const std::uint64_t total = size_ + bytes.size();
    const std::uint64_t expected = std::max(total, options_.length.value_or(0));
    size_ = total;
    if (!stream_ && expected <= limits::inline_object_bytes_max) {
        if (small_lease_.bytes() == 0 && expected > 0) {
            auto lease = co_await env_.budget.acquire(static_cast<std::size_t>(expected),
                                                      limits::memory_patience_ns);
            if (!lease) co_return std::move(lease).error();
            small_lease_ = std::move(*lease);
        }
        gather(std::move(bytes));
        co_return ok();
    }
    if (!stream_) {
        auto begun = co_await begin_stream();
        if (!begun) co_return std::move(begun).error();
    }
    auto poured = co_await pour(bytes.view());
    co_return poured;
}

task<result<void>> body_writer::begin_stream() {
    stream_ = std::make_shared<stream>(env_, stripes_, options_.tier, blob_);
    // MD5 is the slowest and cannot be split: it has a chain of its own.
    stream_->chains.reserve(3);
    stream_->chains.emplace_back();
    stream_->chains.emplace_back(digest_set().add(digest_kind::md5));
    for (const digest_kind kind : {digest_kind::sha1, digest_kind::sha256, digest_kind::crc32,
                                   digest_kind::crc32c, digest_kind::crc64nvme}) {
        stream_->has_others = stream_->has_others || options_.digests.has(kind);
    }
    if (stream_->has_others) stream_->chains.emplace_back(options_.digests);
    buffer before = std::move(small_);
    small_ = buffer();
    small_lease_.release();
    auto poured = co_await pour(before.view());
    co_return poured;
}

task<result<void>> body_writer::pour(bytes_view bytes) {
    while (!bytes.empty()) {
        if (stream_->failed) co_return *stream_->failed;
        if (!filling_) {
            auto room = co_await next_slot();
            if (!room) co_return std::move(room).error();
        }
        const std::size_t count = std::min(bytes.size(), filling_->data.size() - filling_->filled);
        std::memcpy(filling_->data.data() + filling_->filled, bytes.data(), count);
        filling_->filled += count;
        bytes = bytes.subspan(count);
        if (filling_->filled == filling_->data.size()) submit();
    }
    co_return ok();
}

task<result<void>> body_writer::next_slot() {
    const std::uint32_t run_max = stripes_.run_bytes_max(options_.tier);
    if (run_max == 0) {
        co_return error(errc::stripe_narrow,
                        "too few devices of the tier are left to write to; look at `taicang "
                        "status`");
    }
    std::size_t bytes = run_max;
    if (options_.length) {
        bytes =
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes, *options_.length - submitted_));
    }
    memory_lease lease;
    for (;;) {
        if (stream_->failed) co_return *stream_->failed;
        if (!stream_->spare.empty()) {
            lease = std::move(stream_->spare.back());
            stream_->spare.pop_back();
            break;
        }
        if (stream_->slots < limits::runs_in_flight_max) {
            const std::size_t wanted = bytes * limits::run_memory_factor;
            if (stream_->slots == 0) {
                auto waited = co_await env_.budget.acquire(wanted, limits::memory_patience_ns);
                if (!waited) co_return std::move(waited).error();
                lease = std::move(*waited);
                break;
            }
            // More than one run at a time is for speed, not for progress: only where there is room.
            lease = env_.budget.try_acquire(wanted);
            if (lease.bytes() != 0) break;
            TC_MARK("object.body_without_spare_memory");
        }
        co_await stream_->moved.wait();
    }
    filling_ = std::make_shared<run_slot>(stream_, env_.buffers.allocate(bytes), std::move(lease));
    co_return ok();
}

void body_writer::submit() {
    std::shared_ptr<run_slot> slot = std::move(filling_);
    filling_ = nullptr;
    slot->data.resize(slot->filled);
    slot->number = stream_->runs.size();
    stream_->runs.emplace_back();
    slot->offset = submitted_;
    submitted_ += slot->filled;
    for (std::size_t i = 0; i < stream_->chains.size(); ++i) {
        hash_chain& chain = stream_->chains[i];
        chain.queue.push_back(slot);
        if (chain.running) continue;
        chain.running = spawn(gate_, hash_run(stream_, i));
        if (!chain.running) chain.queue.clear();
    }
    if (!spawn(gate_, write_run(stream_, std::move(slot))))
        stream_->fail(error(errc::stopped, "the hub is shutting down"));
}

task<void> body_writer::write_run(std::shared_ptr<stream> where, std::shared_ptr<run_slot> slot) {
    run_request request;
    request.tier = where->tier;
    request.owner = run_owner{where->blob, slot->offset};
    request.data = slot->data.view();
    auto written = co_await where->stripes.write_run(request);
    if (written) {
        where->runs[slot->number] = std::move(*written);
    } else {
        where->fail(std::move(written).error());
    }
    slot.reset();
}

task<void> body_writer::hash_run(std::shared_ptr<stream> where, std::size_t number) {
    hash_chain& chain = where->chains[number];
    while (!chain.queue.empty()) {
        std::shared_ptr<run_slot> slot = std::move(chain.queue.front());
        chain.queue.pop_front();
        const bytes_view bytes = slot->data.view();
        hash_chain* const computing = &chain;
        const bool done = co_await offload(where->env.compute, [computing, bytes] {
            computing->update(bytes);
            return true;
        });
        TC_ASSERT(done);
        slot.reset();
    }
    chain.running = false;
}

namespace {

digest_set wanted_digests(const digest_set& beside) {
    digest_set all = beside;
    return all.add(digest_kind::md5).add(digest_kind::sha256);
}

/// What is wanted and not known.
digest_set left_to_compute(const digest_set& wanted, const std::optional<content_digests>& known,
                           bool& any) {
    digest_set left;
    any = false;
    for (const digest_kind kind :
         {digest_kind::md5, digest_kind::sha1, digest_kind::sha256, digest_kind::crc32,
          digest_kind::crc32c, digest_kind::crc64nvme}) {
        if (!wanted.has(kind) || (known && !known->of(kind).empty())) continue;
        left.add(kind);
        any = true;
    }
    return left;
}

void take_missing(content_digests& into, content_digests from) {
    const auto take = [](std::string& mine, std::string& theirs) {
        if (mine.empty()) mine = std::move(theirs);
    };
    take(into.md5, from.md5);
    take(into.sha1, from.sha1);
    take(into.sha256, from.sha256);
    take(into.crc32, from.crc32);
    take(into.crc32c, from.crc32c);
    take(into.crc64nvme, from.crc64nvme);
}

}  // namespace

task<result<written_body>> body_writer::finish_small() {
    written_body body;
    body.size = size_;
    if (options_.known) body.digests = *options_.known;
    bool any = false;
    const digest_set left = left_to_compute(wanted_digests(options_.digests), options_.known, any);
    const bytes_view bytes = small_.view();
    if (any && bytes.size() <= limits::hash_on_shard_bytes_max) {
        take_missing(body.digests, digests_of(left, bytes));
    } else if (any) {
        auto found =
            co_await offload(env_.compute, [left, bytes] { return digests_of(left, bytes); });
        take_missing(body.digests, std::move(found));
    }
    if (size_ == 0) co_return std::move(body);
    blob_row row;
    row.logical_length = row.stored_length = size_;
    row.tier = options_.tier;
    TC_ASSERT(body.digests.sha256.size() == row.digest.size());
    std::memcpy(row.digest.data(), body.digests.sha256.data(), row.digest.size());
    row.crc = crc32c(bytes);
    row.journal = journal_place{};
    body.payload.bytes = bytes;
    body.payload.digest = row.digest;
    auto keeper = std::make_shared<std::pair<buffer, memory_lease>>(std::move(small_),
                                                                    std::move(small_lease_));
    body.payload.owner = std::move(keeper);
    body.blob = std::move(row);
    co_return std::move(body);
}

task<result<written_body>> body_writer::finish_stream() {
    if (filling_) submit();
    while (stream_->slots != 0 && !stream_->failed)
        co_await stream_->moved.wait();
    if (stream_->failed) co_return *stream_->failed;
    written_body body;
    body.size = size_;
    for (auto& run : stream_->runs) {
        TC_ASSERT_WHY(run, "a run ended neither written nor failed");
        body.runs.push_back(std::move(*run));
    }
    // Data first: nothing may name the runs before every chunk of them is flushed.
    auto durable = co_await stripes_.make_durable(body.runs);
    if (!durable) co_return std::move(durable).error();
    blob_row row;
    row.logical_length = row.stored_length = size_;
    row.tier = options_.tier;
    row.leaves = stream_->chains[0].finish_leaves();
    row.digest = digest_tree_root(row.leaves);
    if (row.leaves.size() == 1) row.leaves.clear();
    body.digests = stream_->chains[1].finish();
    if (stream_->has_others) take_missing(body.digests, stream_->chains[2].finish());
    std::uint64_t placed = 0;
    row.pieces.reserve(body.runs.size());
    for (const auto& run : body.runs) {
        row.pieces.push_back(run.where);
        placed += run.where.length;
    }
    TC_ASSERT_WHY(placed == size_, "pieces do not add up to the body");
    body.blob = std::move(row);
    co_return std::move(body);
}

task<result<written_body>> body_writer::finish() {
    if (options_.length && size_ < *options_.length) {
        co_return error(errc::incomplete_body, "the body ended after " + std::to_string(size_) +
                                                   " of " + std::to_string(*options_.length) +
                                                   " bytes; send it again");
    }
    if (!stream_ && size_ > 0 && !options_.may_inline) {
        options_.length = size_;
        auto begun = co_await begin_stream();
        if (!begun) co_return std::move(begun).error();
    }
    if (stream_) {
        auto streamed = co_await finish_stream();
        co_return streamed;
    }
    auto gathered = co_await finish_small();
    co_return gathered;
}

}  // namespace taicang
