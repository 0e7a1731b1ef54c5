#include "storage/journal/segment_walker.h"

#include <algorithm>
#include <cstring>

#include "storage/base/assert.h"
#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/mark.h"

namespace taicang {

namespace {

using journal_format::batch_alignment;

}  // namespace

walk_source source_of(const segment& from) {
    return {from.id, from.epoch, from.capacity, from.members};
}

segment_walker::segment_walker(environment& env, device_set& devices, walk_source source,
                               walk_position from, walk_options options)
    : env_(env),
      devices_(devices),
      source_(std::move(source)),
      at_(from),
      options_(options),
      windows_(source_.members.size()) {
    TC_ASSERT(options_.window_bytes >= batch_alignment &&
              options_.window_bytes % batch_alignment == 0);
    TC_ASSERT(at_.offset % batch_alignment == 0);
}

std::vector<std::size_t> segment_walker::reachable() const {
    std::vector<std::size_t> copies;
    const std::size_t count = source_.members.size();
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t copy = (i + options_.preferred) % count;
        if (devices_.find(source_.members[copy].device) != nullptr) copies.push_back(copy);
    }
    return copies;
}

task<bool> segment_walker::fill(std::size_t copy, std::uint64_t offset, std::uint64_t length) {
    const segment_member member = source_.members[copy];
    extent_device* device = devices_.find(member.device);
    window& into = windows_[copy];
    into.length = 0;
    if (device == nullptr) co_return false;
    if (into.bytes.capacity() < length) into.bytes = env_.buffers.allocate(length);
    into.bytes.resize(length);
    auto read = co_await device->read(member.extent, offset, into.bytes.span());
    if (!read) co_return false;
    into.start = offset;
    into.length = length;
    co_return true;
}

task<bytes_view> segment_walker::fetch(std::size_t copy, std::uint64_t offset,
                                       std::uint64_t length) {
    TC_ASSERT(offset + length <= source_.capacity);
    window& held = windows_[copy];
    if (offset < held.start || offset + length > held.start + held.length) {
        const std::uint64_t ahead = std::min<std::uint64_t>(
            std::max<std::uint64_t>(length, options_.window_bytes), source_.capacity - offset);
        bool read = co_await fill(copy, offset, ahead);
        // One bad sector must not hide its neighbours: other copies may be bad elsewhere in the
        // same window.
        if (!read && ahead > length) read = co_await fill(copy, offset, length);
        if (!read) co_return bytes_view{};
    }
    co_return held.bytes.view().subspan(offset - held.start, length);
}

batch_fault segment_walker::continues(const batch_header& header, std::uint64_t end) const {
    if (header.padded_length() > end - at_.offset) return batch_fault::structure;
    if (!at_.known) return batch_fault::none;
    if (header.first != at_.next || header.sequence != at_.sequence ||
        header.chain_before != at_.chain) {
        return batch_fault::chain;
    }
    return batch_fault::none;
}

task<batch_fault> segment_walker::try_copy(std::size_t copy, std::uint64_t end) {
    const bytes_view page = co_await fetch(copy, at_.offset, batch_alignment);
    if (page.empty()) co_return batch_fault::truncated;
    batch_header header;
    const batch_position place{source_.id, source_.epoch, at_.offset};
    batch_fault fault = decode_batch_header(page, place, header);
    if (fault != batch_fault::none) co_return fault;
    fault = continues(header, end);
    if (fault != batch_fault::none) co_return fault;
    const bytes_view bytes = co_await fetch(copy, at_.offset, header.padded_length());
    if (bytes.empty()) {
        end_is_torn_ = true;
        co_return batch_fault::truncated;
    }
    fault = co_await verify(bytes, header);
    if (fault != batch_fault::none) {
        end_is_torn_ = true;
        co_return fault;
    }
    found_.header = header;
    found_.bytes = bytes;
    found_.chosen = copy;
    co_return batch_fault::none;
}

task<batch_fault> segment_walker::verify(bytes_view bytes, batch_header header) {
    auto verifying = [this, bytes, header] {
        return decode_batch(bytes, header, options_.checks, &found_.records);
    };
    if (bytes.size() <= limits::journal_verify_on_shard_bytes_max) co_return verifying();
    auto fault = co_await offload(env_.compute, std::move(verifying));
    co_return fault;
}

task<void> segment_walker::compare_with_others() {
    const std::vector<std::size_t> copies = reachable();
    for (const std::size_t copy : copies) {
        if (copy == found_.chosen) continue;
        if (std::find(found_.wrong.begin(), found_.wrong.end(), copy) != found_.wrong.end()) {
            continue;
        }
        const bytes_view other = co_await fetch(copy, at_.offset, found_.bytes.size());
        if (other.empty() ||
            std::memcmp(other.data(), found_.bytes.data(), found_.header.length) != 0) {
            found_.wrong.push_back(copy);
        }
    }
}

void segment_walker::note(std::size_t copy, batch_fault fault) {
    if (!end_reason_.empty()) end_reason_ += ", ";
    end_reason_ += source_.members[copy].device.text();
    end_reason_ += ": ";
    end_reason_ += batch_fault_name(fault);
}

task<result<walked_batch*>> segment_walker::next(std::uint64_t end) {
    TC_ASSERT(end <= source_.capacity);
    found_.wrong.clear();
    end_reason_.clear();
    end_is_torn_ = false;
    bool found = false;
    const std::vector<std::size_t> copies = reachable();
    for (const std::size_t copy : copies) {
        if (at_.offset >= end) break;
        const batch_fault fault = co_await try_copy(copy, end);
        if (fault == batch_fault::none) {
            found = true;
            break;
        }
        if (fault == batch_fault::version) {
            co_return error(errc::version_unsupported,
                            "journal segment " + std::to_string(source_.id.value) +
                                " holds batches of a newer format; start the taicang that wrote "
                                "them");
        }
        note(copy, fault);
        found_.wrong.push_back(copy);
    }
    if (!found) co_return static_cast<walked_batch*>(nullptr);
    if (options_.compare_copies) co_await compare_with_others();
    at_.known = true;
    at_.offset += found_.header.padded_length();
    at_.sequence = found_.header.sequence + 1;
    at_.next = lsn(found_.header.last().value + 1);
    at_.chain = found_.header.chain_after;
    co_return &found_;
}

task<segment_walker::evidence> segment_walker::look_behind(std::uint64_t from) {
    evidence seen;
    const std::vector<std::size_t> copies = reachable();
    for (std::uint64_t offset = from; offset < source_.capacity; offset += batch_alignment) {
        for (const std::size_t copy : copies) {
            const bytes_view page = co_await fetch(copy, offset, batch_alignment);
            if (page.empty()) continue;
            batch_header header;
            const batch_position place{source_.id, source_.epoch, offset};
            if (decode_batch_header(page, place, header) != batch_fault::none) continue;
            seen.last_acknowledged = std::max(seen.last_acknowledged, header.last_acknowledged);
            seen.last_seen = std::max(seen.last_seen, header.last());
        }
    }
    co_return seen;
}

}  // namespace taicang
