#include "storage/device/file_device.h"

#include <algorithm>
#include <utility>

#include "storage/base/canary.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"

namespace taicang {

namespace {

std::string tier_label(std::string_view tier) {
    return "tier=\"" + std::string(tier) + "\"";
}

bool page_aligned(std::uint64_t value) {
    return value % page_size == 0;
}

}  // namespace

device_metrics::device_metrics(metric_registry& registry, std::string_view tier)
    : reads(registry.counter("taicang_device_reads_total", "Reads of extents", tier_label(tier))),
      read_bytes(registry.counter("taicang_device_read_bytes_total", "Bytes read from extents",
                                  tier_label(tier))),
      read_errors(registry.counter("taicang_device_read_errors_total",
                                   "Reads of extents that the disk refused", tier_label(tier))),
      writes(registry.counter("taicang_device_writes_total",
                              "Writes of extents, directory and root", tier_label(tier))),
      write_bytes(registry.counter("taicang_device_written_bytes_total", "Bytes written",
                                   tier_label(tier))),
      flushes(registry.counter("taicang_device_flushes_total", "Flushes issued", tier_label(tier))),
      fences(registry.counter("taicang_device_fences_total", "Devices fenced since the start",
                              tier_label(tier))),
      read_latency(
          registry.histogram("taicang_device_read_seconds", "Latency of reads", tier_label(tier))),
      write_latency(registry.histogram("taicang_device_write_seconds", "Latency of writes",
                                       tier_label(tier))),
      flush_latency(registry.histogram("taicang_device_flush_seconds", "Latency of flushes",
                                       tier_label(tier))) {}

file_device::file_device(environment& env, device_guardian& guardian, device_metrics& metrics,
                         file_device_parts parts)
    : env_(env),
      guardian_(guardian),
      metrics_(metrics),
      label_(std::move(parts.label)),
      file_(std::move(parts.file)),
      identity_(parts.identity),
      directory_(identity_.device, identity_.parts.capacity_extents),
      newest_root_slot_(parts.newest_root_slot),
      read_only_(parts.read_only) {}

task<result<void>> file_device::load() {
    constexpr std::uint64_t block_bytes = device_format::directory_block_bytes;
    buffer piece = env_.buffers.allocate(limits::directory_read_bytes);
    const std::uint64_t total = directory_.blocks() * block_bytes;
    for (std::uint64_t at = 0; at < total; at += piece.capacity()) {
        const std::uint64_t length = std::min<std::uint64_t>(piece.capacity(), total - at);
        piece.resize(static_cast<std::size_t>(length));
        auto done = co_await file_->read(identity_.parts.directory_offset + at, piece.span());
        if (!done) co_return done.error().with_context("reading the extent directory of " + label_);
        for (std::uint64_t block = 0; block < length / block_bytes; ++block) {
            directory_.load_block(at / block_bytes + block,
                                  piece.view().subspan(block * block_bytes, block_bytes));
        }
    }
    if (directory_.damaged_count() != 0) {
        log_event(log_level::warn, "directory_entries_damaged")
            .with("device", label_)
            .with("places", directory_.damaged_count());
    }
    co_return ok();
}

task<void> file_device::close() {
    co_await operations_.close();
    co_await flushers_.close();
    file_.reset();
}

void file_device::fence(std::string reason) {
    if (fenced_) return;
    fenced_ = true;
    fence_reason_ = std::move(reason);
    metrics_.fences.add();
}

error file_device::fenced_error() const {
    return error(errc::device_fenced, "device " + label_ + " is fenced (" + fence_reason_ +
                                          "); its data is decoded from the others");
}

error file_device::closed_error() const {
    return error(errc::stopped, "device " + label_ + " is closed");
}

result<void> file_device::usable(bool for_writing) const {
    if (fenced_) return fenced_error();
    if (for_writing && read_only_) {
        return error(errc::permission_denied, "device " + label_ + " is opened for reading only");
    }
    return ok();
}

error file_device::at_fault(std::string_view doing, const error& cause) {
    if (!fenced_) {
        guardian_.device_failed(identity_.device, std::string(doing) + ": " + cause.message);
        fence(std::string(doing) + ": " + cause.message);  // also when the guardian did not know it
    }
    return fenced_error();
}

task<result<void>> file_device::put(std::uint64_t at, bytes_view from, const char* doing) {
    if (fenced_) co_return fenced_error();
    const nanoseconds started = env_.home.monotonic_now();
    auto done = co_await file_->write(at, from);
    metrics_.writes.add();
    metrics_.write_bytes.add(from.size());
    metrics_.write_latency.observe_ns(env_.home.monotonic_now() - started);
    if (!done && done.is(errc::no_space)) co_return done.error().with_context("device " + label_);
    if (!done) co_return at_fault(doing, done.error());
    // A device that was fenced meanwhile is never flushed again: this write cannot become durable.
    if (fenced_) co_return fenced_error();
    co_return ok();
}

void file_device::end_use(std::uint64_t place) {
    const auto used = in_use_.find(place);
    TC_ASSERT(used != in_use_.end() && used->second > 0);
    if (--used->second != 0) return;
    in_use_.erase(used);
    const auto waiting = draining_.find(place);
    if (waiting != draining_.end()) waiting->second->set();
}

task<void> file_device::wait_unused(std::uint64_t place) {
    if (!in_use_.contains(place)) co_return;
    TC_MARK("device.remove_waits_for_reader");
    auto drained = std::make_shared<event>();
    draining_[place] = drained;
    co_await drained->wait();
    draining_.erase(place);
}

result<std::uint64_t> file_device::place_for(const extent_name& name, std::uint64_t offset,
                                             std::uint64_t length, bool for_writing) const {
    TC_TRY(usable(for_writing));
    const auto place = directory_.find(name);
    if (!place) {
        return error(errc::not_found, "extent " + name.text() + " is not on device " + label_);
    }
    if (!page_aligned(offset) || !page_aligned(length) || offset > extent_bytes() ||
        length > extent_bytes() - offset) {
        return error(errc::invalid_argument,
                     "extent " + name.text() + ": bytes " + std::to_string(offset) + "+" +
                         std::to_string(length) + " are unaligned or outside of its " +
                         std::to_string(extent_bytes()));
    }
    if (for_writing && directory_.at(*place).sealed) {
        return error(errc::invalid_argument,
                     "extent " + name.text() + " on device " + label_ + " is sealed");
    }
    return *place;
}

task<result<void>> file_device::write(extent_name name, std::uint64_t offset, bytes_view from) {
    operation held(*this);
    if (!held.entered()) co_return closed_error();
    auto place = place_for(name, offset, from.size(), true);
    if (!place) co_return place.error();
    held.use(*place);
    const bool journal =
        directory_.at(*place).purpose == static_cast<std::uint8_t>(extent_purpose::journal);
    const std::uint64_t at = identity_.parts.place_offset(*place) + offset;
    auto done = co_await put(at, from, "writing an extent");
    if (journal) journal_written_ = true;
    co_return done;
}

task<result<void>> file_device::read(extent_name name, std::uint64_t offset, bytes_span into) {
    operation held(*this);
    if (!held.entered()) co_return closed_error();
    auto place = place_for(name, offset, into.size(), false);
    if (!place) co_return place.error();
    held.use(*place);
    const nanoseconds started = env_.home.monotonic_now();
    auto done = co_await file_->read(identity_.parts.place_offset(*place) + offset, into);
    metrics_.reads.add();
    metrics_.read_latency.observe_ns(env_.home.monotonic_now() - started);
    if (!done) {
        metrics_.read_errors.add();
        co_return done.error().with_context("extent " + name.text() + " on device " + label_);
    }
    metrics_.read_bytes.add(into.size());
    co_return ok();
}

task<result<void>> file_device::flush() {
    operation held(*this);
    if (!held.entered()) co_return closed_error();
    auto fit = usable(true);
    if (!fit) co_return fit;
    if (canary::active(canary::bug::skip_device_flush) && !journal_written_) co_return ok();
    co_return co_await join_flush();
}

task<result<void>> file_device::join_flush() {
    if (!next_flush_) next_flush_ = std::make_shared<flush_round>();
    std::shared_ptr<flush_round> mine = next_flush_;
    if (!flushing_) {
        flushing_ = true;
        if (!spawn(flushers_, run_flushes())) {
            flushing_ = false;
            next_flush_.reset();
            co_return closed_error();
        }
    } else {
        TC_MARK("device.flush_shared");
    }
    flush_round::waiter over{*mine};
    co_await over;
    co_return mine->outcome;
}

// A round is taken out of next_flush_ right before its fdatasync is issued: who asks afterwards may
// have written after it was issued, and joins the following round. Who waited goes on at once,
// before the following round is issued: a commit ends with a flush, and the next one begins with a
// write.
task<void> file_device::run_flushes() {
    while (next_flush_) {
        std::shared_ptr<flush_round> round = std::move(next_flush_);
        next_flush_.reset();
        if (fenced_) {
            round->outcome = fenced_error();
            round->end();
            continue;
        }
        journal_written_ = false;
        const nanoseconds started = env_.home.monotonic_now();
        auto done = co_await file_->flush();
        metrics_.flushes.add();
        metrics_.flush_latency.observe_ns(env_.home.monotonic_now() - started);
        // Whatever the error is: the kernel may have dropped the dirty pages, so a second fdatasync
        // would lie.
        if (!done) {
            round->outcome = at_fault("flushing", done.error());
        } else if (fenced_) {
            round->outcome = fenced_error();
        }
        round->end();
    }
    flushing_ = false;
}

void file_device::flush_round::end() {
    over = true;
    const auto woken = std::exchange(waiting, {});
    for (const std::coroutine_handle<> one : woken)
        one.resume();
}

std::uint64_t file_device::bytes_used() const {
    return directory_.live_count() * extent_bytes();
}

std::uint64_t file_device::bytes_kept() const {
    return directory_.warm_count() * extent_bytes();
}

std::uint64_t file_device::bytes_capacity() const {
    return total_extents() * extent_bytes();
}

std::uint64_t file_device::free_extents() const {
    return fenced_ ? 0 : directory_.free_count();
}

}  // namespace taicang
