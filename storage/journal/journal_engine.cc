#include "storage/journal/journal_engine.h"

#include <algorithm>

#include "storage/base/log.h"
#include "storage/journal/segment_map.h"

namespace taicang {

namespace {

constexpr std::size_t batch_capacity_min = 16 * limits::kib;

task<result<recovered_journal>> recover(environment& env, device_set& devices,
                                        const journal_options& options) {
    segment_map map;
    const std::string bytes = devices.root_bytes(options.tier, root_section::journal);
    if (!bytes.empty()) {
        auto decoded = decode_segment_map(as_bytes(bytes));
        if (!decoded) co_return std::move(decoded).error();
        map = std::move(*decoded);
    }
    segment_io io(env, devices, options.tier, options.ensemble_parity);
    recovery_options how;
    how.accept_loss = options.accept_loss;
    how.read_only = options.read_only;
    how.verify_all = options.verify_all;
    recovery run(io, std::move(map), how);
    auto recovered = co_await run.run();
    co_return recovered;
}

}  // namespace

task<result<std::unique_ptr<journal>>> journal::open(environment& env, device_set& devices,
                                                     journal_options options) {
    if (options.ensemble_parity + 1 > limits::journal_ensemble_members_max) {
        co_return error(errc::invalid_argument,
                        "the journal's parity passes limits::journal_ensemble_members_max");
    }
    auto recovered = co_await recover(env, devices, options);
    if (!recovered) co_return std::move(recovered).error().with_context("opening the journal");
    auto engine = std::make_unique<journal_engine>(env, devices, options, std::move(*recovered));
    if (!options.read_only) {
        auto begun = co_await engine->begin();
        if (!begun) {
            co_await engine->stop();
            co_return std::move(begun).error().with_context("opening the journal");
        }
    }
    co_return std::unique_ptr<journal>(std::move(engine));
}

journal_engine::journal_engine(environment& env, device_set& devices, journal_options options,
                               recovered_journal recovered)
    : env_(env),
      devices_(devices),
      options_(options),
      io_(env, devices, options.tier, options.ensemble_parity),
      metrics_(env.metrics),
      next_(recovered.next),
      chain_(recovered.chain),
      batch_capacity_hint_(batch_capacity_min),
      durable_(lsn(recovered.next.value - 1)),
      durable_chain_(recovered.chain),
      epoch_(recovered.epoch),
      retained_(std::move(recovered.segments)),
      next_segment_(recovered.next_segment),
      garbage_(std::move(recovered.garbage)),
      writable_(recovered.writable),
      failure_(std::move(recovered.refusal)),
      // A journal that begins without writes has nothing pending whose outcome could be unknown.
      failure_told_(!recovered.writable) {
    for (const segment_ptr& held : retained_)
        full_bytes_ += held->capacity;
    self_ = std::make_shared<journal_engine*>(this);
}

journal_engine::~journal_engine() {
    *self_ = nullptr;
    env_.metrics.drop_gauges(this);
}

task<result<void>> journal_engine::begin() {
    if (!writable_) co_return ok();
    auto opened = co_await first_root();
    if (opened.is(errc::stripe_narrow) || opened.is(errc::no_space)) {
        writable_ = false;
        failure_ = opened.error();
        failure_told_ = true;
        co_return ok();
    }
    if (!opened) co_return opened;
    if (options_.bytes_max < 3 * segment_bytes_) {
        co_return error(errc::invalid_argument,
                        "the journal's cap of " + std::to_string(options_.bytes_max) +
                            " bytes holds fewer than three segments of " +
                            std::to_string(segment_bytes_) + " bytes; raise it");
    }
    // The new root is durable: whatever it does not name is of no use to anybody.
    garbage_.clear();
    std::vector<segment_member> named;
    for (const auto& [device, extent] : extents())
        named.push_back({device, extent});
    co_await io_.sweep_orphans(std::move(named));
    std::weak_ptr<journal_engine*> self = self_;
    devices_.on_fence([self](const uuid&) {
        const auto held = self.lock();
        if (held != nullptr && *held != nullptr) (*held)->device_was_fenced();
    });
    env_.metrics.gauge(
        "taicang_journal_bytes_max", "Cap of retained segments, one copy", "",
        [cap = options_.bytes_max] { return static_cast<double>(cap); }, this);
    spawn(gate_, commit_loop());
    spawn(gate_, maintain_loop());
    spawn(gate_, mend_loop());
    co_return ok();
}

task<void> journal_engine::stop() {
    if (stopped_) co_return;
    stopped_ = true;
    stopping_ = true;
    work_.set();
    prepared_ready_.set();
    progress_.pulse();
    co_await gate_.close();
    queue_.clear();
}

std::uint64_t journal_engine::bytes_retained() const noexcept {
    return full_bytes_ + (open_ == nullptr ? 0 : open_->length);
}

std::uint64_t journal_engine::bytes_pending() const noexcept {
    return queued_bytes_ + committing_bytes_;
}

/// Bytes that can be committed without creating another extent, with what rolling over may waste
/// taken off.
std::uint64_t journal_engine::bytes_ahead() const noexcept {
    const std::uint64_t waste =
        std::min<std::uint64_t>(limits::batch_bytes_max, segment_bytes_ / 2);
    std::uint64_t bytes = open_ == nullptr ? 0 : open_->capacity - open_->length;
    bytes -= std::min(bytes, waste);
    for (const segment_ptr& ahead : prepared_)
        bytes += ahead->capacity - waste;
    return bytes;
}

std::optional<error> journal_engine::refusal() const {
    if (stopping_) return error(errc::stopped, "the journal is closing");
    if (failure_ && !io_.wide_enough()) return io_.too_narrow();
    if (failure_) return failure_;
    return std::nullopt;
}

task<result<void>> journal_engine::admit(std::uint64_t bytes, record_kind kind) {
    const std::uint64_t need = encoded_record_bytes(bytes) + journal_format::batch_header_bytes;
    if (!gate_.try_enter()) co_return error(errc::stopped, "the journal is closed");
    result<void> answer = ok();
    for (;;) {
        if (auto refused = refusal()) {
            answer = std::move(*refused);
            break;
        }
        if (need > segment_bytes_) {
            answer = error(errc::invalid_argument, "a journal record of " + std::to_string(bytes) +
                                                       " bytes does not fit a segment of " +
                                                       std::to_string(segment_bytes_) + " bytes");
            break;
        }
        const std::uint64_t wanted =
            bytes_pending() + round_up(need, journal_format::batch_alignment);
        const std::uint64_t reserve = kind == record_kind::job ? 0 : segment_bytes_;
        if (bytes_retained() + wanted + reserve > options_.bytes_max) {
            answer =
                error(errc::journal_full, "the journal holds " + std::to_string(bytes_retained()) +
                                              " of " + std::to_string(options_.bytes_max) +
                                              " bytes; packing must move payloads first");
            break;
        }
        if (cannot_prepare_ && wanted + reserve > bytes_ahead()) {
            maintain_.set();
            answer = error(errc::journal_full,
                           "the devices have no room for another journal segment; delete objects "
                           "or add space");
            break;
        }
        if (pending_records_ < limits::journal_records_pending_max &&
            wanted <= limits::journal_pending_bytes_max) {
            break;
        }
        co_await progress_.wait();
    }
    gate_.leave();
    co_return answer;
}

lsn journal_engine::append(record_draft draft) {
    const lsn position = next_;
    ++next_.value;
    // After a failure or stop nothing becomes durable any more; the LSN is never acknowledged.
    if (failure_ || stopping_) return position;
    TC_ASSERT_WHY(writable_, "append to a journal that was opened read-only");
    const std::uint64_t need = encoded_record_bytes(draft.body.size() + draft.payload.size());
    TC_ASSERT_WHY(need + journal_format::batch_header_bytes <= segment_bytes_,
                  "a record must fit a segment: admit() refuses bigger ones");
    const std::uint64_t batch_max =
        std::min<std::uint64_t>(limits::batch_bytes_max, segment_bytes_);
    if (queue_.empty() || queue_.back()->length() + need > batch_max) {
        queue_.push_back(
            std::make_shared<batch_builder>(env_.buffers, batch_capacity_hint_, position, chain_));
        queued_bytes_ += queue_.back()->length();
    }
    chain_ = queue_.back()->add(draft, shard_);
    queued_bytes_ += need;
    ++pending_records_;
    if (!work_.is_set()) work_.set();
    return position;
}

void journal_engine::on_durable(std::function<void(lsn last)> consumer) {
    durable_consumer_ = std::move(consumer);
}

void journal_engine::on_failure(std::function<void(const error&)> consumer) {
    failure_consumer_ = std::move(consumer);
    if (failure_ && !failure_told_ && failure_consumer_) {
        failure_told_ = true;
        failure_consumer_(*failure_);
    }
}

void journal_engine::fail(error why) {
    if (failure_) return;
    log_event(log_level::error, "journal_failed")
        .with("last_durable", durable_.value)
        .with("last_appended", last_appended().value)
        .with("reason", why.message);
    failure_ = std::move(why);
    queue_.clear();
    queued_bytes_ = 0;
    pending_records_ = 0;
    work_.set();
    maintain_.set();
    prepared_ready_.set();
    progress_.pulse();
    if (failure_consumer_ && !failure_told_) {
        failure_told_ = true;
        failure_consumer_(*failure_);
    }
}

void journal_engine::release_below(lsn bound) {
    if (bound <= release_bound_) return;
    release_bound_ = bound;
    maintain_.set();
}

lsn journal_engine::first_retained() const {
    return retained_.empty() ? lsn(durable_.value + 1) : retained_.front()->first;
}

double journal_engine::fill() const {
    return static_cast<double>(bytes_retained() + bytes_pending()) /
           static_cast<double>(options_.bytes_max);
}

journal_figures journal_engine::figures() const {
    journal_figures out;
    out.first_retained = first_retained();
    out.last_appended = last_appended();
    out.last_durable = durable_;
    out.epoch = epoch_;
    out.segments = retained_.size();
    out.segments_prepared = prepared_.size();
    out.bytes_retained = bytes_retained();
    out.bytes_max = options_.bytes_max;
    out.bytes_appended = bytes_appended_;
    out.commits = commits_;
    out.commits_took = commits_took_;
    out.records = records_;
    out.copies_restored = copies_restored_;
    if (failure_) out.failure = failure_->message;
    for (const segment_ptr& held : retained_) {
        if (held != open_ && !io_.whole(*held)) ++out.segments_degraded;
    }
    if (open_ != nullptr) {
        for (const segment_member& member : open_->members) {
            out.ensemble.push_back(member.device.text());
        }
    }
    return out;
}

std::vector<std::pair<uuid, extent_name>> journal_engine::extents() const {
    std::vector<std::pair<uuid, extent_name>> out;
    for (const auto* list : {&retained_, &prepared_, &dying_}) {
        for (const segment_ptr& held : *list) {
            for (const segment_member& member : held->members) {
                out.emplace_back(member.device, member.extent);
            }
        }
    }
    for (const segment_member& member : garbage_)
        out.emplace_back(member.device, member.extent);
    return out;
}

std::vector<device_load> journal_engine::loads() const {
    std::vector<device_load> out;
    for (const auto& [device, extent] : extents()) {
        const auto known =
            std::find_if(out.begin(), out.end(),
                         [&id = device](const device_load& load) { return load.device == id; });
        if (known != out.end()) {
            ++known->extents;
        } else {
            out.push_back({device, 1});
        }
    }
    return out;
}

}  // namespace taicang
