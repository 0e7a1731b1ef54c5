#include "storage/io/sim_image.h"

#include <algorithm>
#include <cstring>

#include "storage/base/assert.h"
#include "storage/base/mark.h"

namespace taicang {

namespace {

constexpr std::size_t sector_bytes = 512;

bool all_zero(const std::byte* bytes) noexcept {
    // The first byte is zero and every byte equals its neighbour.
    return bytes[0] == std::byte{0} && std::memcmp(bytes, bytes + 1, page_size - 1) == 0;
}

}  // namespace

std::uint64_t sim_image::blocks_missing(std::uint64_t offset, std::uint64_t length) const {
    std::uint64_t missing = 0;
    for (std::uint64_t n = offset / page_size; n < (offset + length) / page_size; ++n) {
        if (n >= allocated_.size() || allocated_[n] == 0) ++missing;
    }
    return missing;
}

void sim_image::mark_allocated(std::uint64_t number, bool allocated) {
    if (number >= allocated_.size()) {
        if (!allocated) return;
        allocated_.resize(number + 1, 0);
    }
    if ((allocated_[number] != 0) == allocated) return;
    allocated_[number] = allocated ? 1 : 0;
    allocated_count_ = allocated ? allocated_count_ + 1 : allocated_count_ - 1;
}

void sim_image::grow(std::uint64_t end) {
    size_ = std::max(size_, end);
}

void sim_image::read(std::uint64_t offset, bytes_span into) const {
    TC_ASSERT(offset + into.size() <= size_);
    for (std::size_t done = 0; done < into.size(); done += page_size) {
        const auto found = blocks_.find((offset + done) / page_size);
        const page* content = nullptr;
        if (found != blocks_.end()) {
            const block& b = found->second;
            content = b.has_pending ? b.pending.get() : b.stored.get();
        }
        if (content == nullptr) {
            std::memset(into.data() + done, 0, page_size);
        } else {
            std::memcpy(into.data() + done, content->data(), page_size);
        }
    }
}

bool sim_image::covered_by_running_flush(std::uint64_t write_number) const {
    return std::any_of(running_flushes_.begin(), running_flushes_.end(),
                       [=](const auto& flush) { return write_number <= flush.second.covers; });
}

void sim_image::put(std::uint64_t number, page_pointer content, std::uint64_t write_number) {
    const auto found = blocks_.find(number);
    if (found == blocks_.end() && content == nullptr) return;  // zeros over zeros
    block& b = found == blocks_.end() ? blocks_[number] : found->second;
    if (b.has_pending) {
        // The older version may have reached the medium meanwhile; a flush that covers it promises
        // that it has.
        if (covered_by_running_flush(b.written_at) || chance_.one_in(2)) {
            b.stored = std::move(b.pending);
        }
    } else {
        b.has_pending = true;
        dirty_.push_back(number);
    }
    b.pending = std::move(content);
    b.written_at = write_number;
}

void sim_image::write(std::uint64_t offset, bytes_view from) {
    const std::uint64_t write_number = ++writes_;
    for (std::size_t done = 0; done < from.size(); done += page_size) {
        const std::byte* bytes = from.data() + done;
        const std::uint64_t number = (offset + done) / page_size;
        page_pointer content;
        if (!all_zero(bytes)) {
            content = std::make_unique_for_overwrite<page>();
            std::memcpy(content->data(), bytes, page_size);
        }
        mark_allocated(number, true);
        put(number, std::move(content), write_number);
    }
    grow(offset + from.size());
}

void sim_image::allocate(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t end = (offset + length) / page_size;
    if (allocated_.size() < end) allocated_.resize(end, 0);
    for (std::uint64_t n = offset / page_size; n < end; ++n)
        mark_allocated(n, true);
    grow(offset + length);
}

void sim_image::discard(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t write_number = ++writes_;
    const std::uint64_t end = std::min((offset + length) / page_size, size_ / page_size);
    for (std::uint64_t n = offset / page_size; n < end; ++n) {
        mark_allocated(n, false);
        const auto found = blocks_.find(n);
        if (found == blocks_.end()) continue;
        // A block device may keep the old bytes: nobody may rely on either.
        if (chance_.one_in(4)) continue;
        put(n, nullptr, write_number);
    }
}

std::uint64_t sim_image::begin_flush() {
    const std::uint64_t ticket = ++flushes_;
    running_flushes_[ticket] = {writes_, size_};
    return ticket;
}

void sim_image::end_flush(std::uint64_t ticket) {
    const flush_ticket flush = running_flushes_.at(ticket);
    running_flushes_.erase(ticket);
    std::erase_if(dirty_, [&](std::uint64_t number) {
        block& b = blocks_.at(number);
        if (b.written_at > flush.covers) return false;
        b.stored = std::move(b.pending);
        b.has_pending = false;
        return true;
    });
    durable_size_ = std::max(durable_size_, std::min(flush.size, size_));
}

void sim_image::fail_flush(std::uint64_t ticket) {
    const flush_ticket flush = running_flushes_.at(ticket);
    running_flushes_.erase(ticket);
    for (const std::uint64_t number : dirty_) {
        block& b = blocks_.at(number);
        if (b.written_at <= flush.covers && chance_.one_in(2)) b.written_at = never_saved;
    }
}

void sim_image::settle_block(block& b, std::uint64_t keep_percent, std::uint64_t tear_percent) {
    const std::uint64_t dice = chance_.below(100);
    if (dice < tear_percent) {
        TC_MARK("sim_disk.torn_block");
        // A prefix or a suffix of whole sectors made it.
        const std::size_t cut = sector_bytes * (1 + chance_.below(page_size / sector_bytes - 1));
        const bool prefix_is_new = chance_.one_in(2);
        auto mixed = std::make_unique<page>();
        const page* front = prefix_is_new ? b.pending.get() : b.stored.get();
        const page* back = prefix_is_new ? b.stored.get() : b.pending.get();
        if (front != nullptr) std::memcpy(mixed->data(), front->data(), cut);
        if (back != nullptr) {
            std::memcpy(mixed->data() + cut, back->data() + cut, page_size - cut);
        }
        b.stored = std::move(mixed);
    } else if (chance_.below(100) < keep_percent) {
        b.stored = std::move(b.pending);
    } else {
        TC_MARK("sim_disk.lost_at_crash");
    }
    b.pending = nullptr;
    b.has_pending = false;
}

void sim_image::settle(std::uint64_t keep_percent, std::uint64_t tear_percent) {
    running_flushes_.clear();
    for (const std::uint64_t number : dirty_) {
        settle_block(blocks_.at(number), keep_percent, tear_percent);
    }
    dirty_.clear();
    if (size_ > durable_size_ && chance_.below(100) >= keep_percent) cut_to(durable_size_);
    durable_size_ = size_;
    // A discard that did not last left content: its space is in use again.
    for (const auto& [number, b] : blocks_) {
        if (b.stored != nullptr) mark_allocated(number, true);
    }
}

void sim_image::cut_to(std::uint64_t size) {
    std::erase_if(blocks_, [=](const auto& entry) { return entry.first >= size / page_size; });
    for (std::uint64_t n = size / page_size; n < allocated_.size(); ++n)
        mark_allocated(n, false);
    size_ = size;
}

void sim_image::rot(std::uint64_t block_number) {
    block& b = blocks_[block_number];
    const std::uint64_t bit = chance_.below(page_size * 8);
    const auto flip = [bit](page_pointer& content) {
        if (content == nullptr) content = std::make_unique<page>();
        (*content)[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    };
    flip(b.stored);
    if (b.has_pending) flip(b.pending);
}

void sim_image::damage(std::uint64_t offset, std::uint64_t length) {
    TC_ASSERT_WHY(offset + length <= size_, "a test damages bytes beyond the end of the file");
    for (std::uint64_t at = offset; at < offset + length; ++at) {
        block& b = blocks_[at / page_size];
        const auto change = static_cast<std::byte>(1 + chance_.below(255));
        for (page_pointer* content : {&b.stored, &b.pending}) {
            if (content == &b.pending && !b.has_pending) continue;
            if (*content == nullptr) *content = std::make_unique<page>();
            (**content)[at % page_size] ^= change;
        }
    }
}

}  // namespace taicang
