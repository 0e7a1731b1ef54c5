// Reading durable records: from memory when they are recent, else from any copy that verifies. A
// copy that does not is reported to the device room and written again behind.
#include <algorithm>
#include <cstring>

#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/journal/journal_engine.h"
#include "storage/journal/segment_copy.h"

namespace taicang {

namespace {

journal_record record_of(const record_view& view, bool with_payload) {
    journal_record record;
    record.header = view.header;
    record.body = as_text(view.body);
    if (with_payload) record.payload = as_text(view.payload);
    return record;
}

std::uint64_t append_records(const std::vector<record_view>& views, lsn from, bool with_payload,
                             std::vector<journal_record>& out) {
    std::uint64_t bytes = 0;
    for (const record_view& view : views) {
        if (view.header.position < from) continue;
        out.push_back(record_of(view, with_payload));
        bytes += encoded_record_bytes(out.back().body.size() + out.back().payload.size());
    }
    return bytes;
}

}  // namespace

segment_ptr journal_engine::segment_of(lsn position) const {
    const auto after =
        std::upper_bound(retained_.begin(), retained_.end(), position,
                         [](lsn wanted, const segment_ptr& held) { return wanted < held->first; });
    if (after == retained_.begin()) return nullptr;
    const segment_ptr& held = *std::prev(after);
    return position <= held->last ? held : nullptr;
}

error journal_engine::released(lsn position) const {
    return error(errc::not_found, "journal record " + std::to_string(position.value) +
                                      " is not held: the journal holds " +
                                      std::to_string(first_retained().value) + " to " +
                                      std::to_string(durable_.value));
}

task<result<std::vector<journal_record>>> journal_engine::read_from(lsn from, std::size_t bytes_max,
                                                                    bool with_payload) {
    if (!gate_.try_enter()) co_return error(errc::stopped, "the journal is closed");
    auto records = co_await read_records(from, bytes_max, with_payload);
    gate_.leave();
    co_return records;
}

task<result<std::vector<journal_record>>> journal_engine::read_records(lsn from,
                                                                       std::size_t bytes_max,
                                                                       bool with_payload) {
    std::vector<journal_record> out;
    lsn at = from;
    std::uint64_t bytes = 0;
    while (at <= durable_ && (out.empty() || bytes < bytes_max)) {
        // Memory may still hold what was released; what is gone for one reader is gone for all.
        const auto recent = at < first_retained() ? nullptr : recent_.find(at);
        if (recent != nullptr) {
            // Built by this process and never left its memory: nothing to verify.
            std::vector<record_view> views;
            const batch_checks none{false, false, false, false};
            const auto fault = decode_batch(recent->view(), recent->header(), none, &views);
            TC_ASSERT(fault == batch_fault::none);
            bytes += append_records(views, at, with_payload, out);
            at = lsn(recent->last().value + 1);
            continue;
        }
        segment_ptr held = segment_of(at);
        if (held == nullptr) {
            if (out.empty()) co_return released(at);
            break;
        }
        segment_pin pin(std::move(held), maintain_);
        const std::size_t left = bytes_max > bytes ? bytes_max - bytes : 0;
        auto read = co_await read_segment(std::move(pin), at, left, with_payload, out);
        if (!read) co_return std::move(read).error();
        bytes += *read;
        TC_ASSERT(!out.empty() && out.back().header.position >= at);
        at = lsn(out.back().header.position.value + 1);
    }
    co_return out;
}

/// Reads batches from `from` on until the segment, the wanted bytes, or what is not in memory ends.
task<result<std::uint64_t>> journal_engine::read_segment(segment_pin held, lsn from,
                                                         std::size_t bytes_max, bool with_payload,
                                                         std::vector<journal_record>& out) {
    auto place = co_await find_place(held, from);
    if (!place) co_return std::move(place).error();
    walk_options options;
    options.window_bytes = limits::journal_read_window_bytes;
    options.checks.body_digests = true;
    options.checks.payload_digests = with_payload;
    // Copies take turns by segment, so that readers load all devices.
    options.preferred = held->id.value % held->members.size();
    const walk_source source = source_of(*held);
    segment_walker walker(env_, devices_, source, *place, options);
    std::uint64_t bytes = 0;
    do {
        auto step = co_await walker.next(held->length);
        if (!step) co_return std::move(step).error();
        walked_batch* batch = *step;
        if (batch == nullptr) {
            co_return segment_unreadable(devices_, *held, walker.position().offset, from,
                                         walker.end_reason());
        }
        for (const std::size_t copy : batch->wrong) {
            copy_was_wrong(held, source.members[copy], batch->header.offset);
        }
        bytes += append_records(batch->records, from, with_payload, out);
    } while (bytes < bytes_max && walker.position().offset < held->length &&
             walker.position().next < recent_.first());
    remember_place(held->id, walker.position());
    co_return bytes;
}

task<result<walk_position>> journal_engine::find_place(segment_pin& held, lsn from) {
    if (from == held->first) {
        walk_position start;
        start.next = from;
        start.chain = held->chain_start;
        co_return start;
    }
    for (const read_place& place : places_) {
        if (place.id == held->id && place.at.next == from) co_return place.at;
    }
    auto built = co_await ensure_table(held, from);
    if (!built) co_return std::move(built).error();
    walk_position middle;
    middle.offset = held->table->batch_of(from).offset;
    middle.known = false;
    co_return middle;
}

void journal_engine::remember_place(segment_id id, const walk_position& at) {
    places_.push_back({id, at});
    if (places_.size() > limits::journal_read_places_max) places_.pop_front();
}

/// Builds the table of a segment by reading it, unless it is there.
task<result<void>> journal_engine::ensure_table(segment_pin& held, lsn position) {
    held->table_used = ++table_clock_;
    if (held->table != nullptr && held->table->holds(position)) co_return ok();
    const auto guard = co_await table_mutex_.lock();
    if (held->table != nullptr && held->table->holds(position)) co_return ok();
    TC_ASSERT_WHY(held->phase != segment_phase::open, "the open segment keeps its table");
    walk_position start;
    start.next = held->first;
    start.chain = held->chain_start;
    walk_options options;
    options.window_bytes = limits::journal_recovery_window_bytes;
    const walk_source source = source_of(*held);
    segment_walker walker(env_, devices_, source, start, options);
    auto table = std::make_unique<segment_table>();
    while (walker.position().offset < held->length) {
        auto step = co_await walker.next(held->length);
        if (!step) co_return std::move(step).error();
        walked_batch* batch = *step;
        if (batch == nullptr) {
            co_return segment_unreadable(devices_, *held, walker.position().offset,
                                         walker.position().next, walker.end_reason());
        }
        for (const std::size_t copy : batch->wrong) {
            copy_was_wrong(held, source.members[copy], batch->header.offset);
        }
        const batch_place place{batch->header.first,
                                static_cast<std::uint32_t>(batch->header.offset),
                                static_cast<std::uint32_t>(batch->bytes.size())};
        table->add(place, payload_places(batch->bytes, batch->records));
    }
    held->table = std::move(table);
    drop_old_tables(&*held);
    TC_ASSERT(held->table->holds(position));
    co_return ok();
}

/// Keeps the tables within their limit: those used longest ago go first, never the open segment's.
void journal_engine::drop_old_tables(const segment* keep) {
    for (;;) {
        std::size_t bytes = 0;
        segment* oldest = nullptr;
        for (const segment_ptr& held : retained_) {
            if (held->table == nullptr) continue;
            bytes += held->table->bytes();
            if (held.get() == keep || held->phase == segment_phase::open) continue;
            if (oldest == nullptr || held->table_used < oldest->table_used) oldest = held.get();
        }
        if (bytes <= limits::journal_tables_bytes_max || oldest == nullptr) return;
        oldest->table.reset();
    }
}

void journal_engine::copy_was_wrong(const segment_pin& held, const segment_member& member,
                                    std::uint64_t batch_offset) {
    TC_MARK("journal.read_other_copy");
    log_event(log_level::warn, "journal_copy_wrong")
        .with("device", member.device.text())
        .with("segment", held->id.value)
        .with("offset", batch_offset);
    metrics_.read_faults.add();
    devices_.report_read_failure(member.device);
    if (!writable_ || failure_ || wrong_batches_.size() >= limits::journal_repairs_pending_max) {
        return;
    }
    for (const wrong_batch& known : wrong_batches_) {
        if (known.held == held.shared() && known.offset == batch_offset) return;
    }
    wrong_batches_.push_back({held.shared(), batch_offset});
    mend_.set();
}

task<result<void>> journal_engine::read_payload(lsn position, std::uint64_t offset,
                                                bytes_span into) {
    if (!gate_.try_enter()) co_return error(errc::stopped, "the journal is closed");
    auto read = co_await read_payload_at(position, offset, into);
    gate_.leave();
    co_return read;
}

task<result<void>> journal_engine::read_payload_at(lsn position, std::uint64_t offset,
                                                   bytes_span into) {
    const auto recent = position < first_retained() ? nullptr : recent_.find(position);
    if (recent != nullptr) {
        const payload_place& place = recent->payloads()[position.value - recent->first().value];
        if (offset > place.length || into.size() > place.length - offset) {
            co_return error(errc::invalid_argument, "a range beyond the record's payload");
        }
        if (!into.empty()) {
            std::memcpy(into.data(), recent->view().data() + place.offset + offset, into.size());
        }
        co_return ok();
    }
    segment_ptr held = segment_of(position);
    if (held == nullptr) co_return released(position);
    segment_pin pin(std::move(held), maintain_);
    auto built = co_await ensure_table(pin, position);
    if (!built) co_return built;
    co_return co_await read_payload_from_disk(std::move(pin), position, offset, into);
}

/// Reads the pages that hold the whole payload and checks its CRC, copy by copy.
task<result<void>> journal_engine::read_payload_from_disk(segment_pin held, lsn position,
                                                          std::uint64_t offset, bytes_span into) {
    const payload_place place = held->table->payload_of(position);
    const std::uint64_t batch_offset = held->table->batch_of(position).offset;
    if (offset > place.length || into.size() > place.length - offset) {
        co_return error(errc::invalid_argument, "a range beyond the record's payload");
    }
    if (into.empty()) co_return ok();
    const std::uint64_t begin = round_down(place.offset, page_size);
    const std::uint64_t end = round_up(std::uint64_t{place.offset} + place.length, page_size);
    buffer pages = env_.buffers.allocate(static_cast<std::size_t>(end - begin));
    const std::vector<segment_member> members = held->members;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const std::size_t copy = (i + held->id.value) % members.size();
        extent_device* device = devices_.find(members[copy].device);
        if (device == nullptr) continue;
        auto read = co_await device->read(members[copy].extent, begin, pages.span());
        if (read.ok()) {
            const bytes_view payload =
                pages.view().subspan(static_cast<std::size_t>(place.offset - begin), place.length);
            if (crc32c(payload) == place.crc) {
                std::memcpy(into.data(), payload.data() + offset, into.size());
                co_return ok();
            }
        }
        copy_was_wrong(held, members[copy], batch_offset);
    }
    co_return error(errc::corrupt, "no copy of the payload of journal record " +
                                       std::to_string(position.value) + " in segment " +
                                       std::to_string(held->id.value) +
                                       " verifies; run `taicang fsck`, and restore the object");
}

}  // namespace taicang
