#include "tests/process/fuse_disk/held_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

namespace taicang::fuse_disk {

namespace {

const std::array<std::byte, block_bytes> zero_block{};

bool is_zero(std::span<const std::byte> data) {
    return data.size() <= block_bytes &&
           std::memcmp(data.data(), zero_block.data(), data.size()) == 0;
}

}  // namespace

void cut_counts::add(const cut_counts& other) {
    kept_blocks += other.kept_blocks;
    dropped_blocks += other.dropped_blocks;
    torn_blocks += other.torn_blocks;
    reverted_sizes += other.reverted_sizes;
}

held_file::held_file(int backing_descriptor) : descriptor_(backing_descriptor) {
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0) {
        durable_size_ = static_cast<std::uint64_t>(status.st_size);
    }
    forget_locked();
}

held_file::~held_file() {
    ::close(descriptor_);
}

std::uint64_t held_file::size() const {
    const std::shared_lock guard(lock_);
    return size_;
}

std::uint64_t held_file::held_blocks() const {
    const std::shared_lock guard(lock_);
    return blocks_.size();
}

bool held_file::clean() const {
    const std::shared_lock guard(lock_);
    return blocks_.empty() && size_ == durable_size_ && seen_backing_size_ == durable_size_;
}

// A hole beyond the end of the backing file reads as zeroes: it may be shorter than what is seen.
int held_file::read_backing(std::uint64_t offset, std::span<std::byte> into) const {
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t got = ::pread(descriptor_, into.data() + done, into.size() - done,
                                    static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    std::memset(into.data() + done, 0, into.size() - done);
    return 0;
}

int held_file::write_backing(std::uint64_t offset, std::span<const std::byte> data) const {
    std::size_t done = 0;
    while (done < data.size()) {
        const ssize_t put = ::pwrite(descriptor_, data.data() + done, data.size() - done,
                                     static_cast<off_t>(offset + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -errno;
        done += static_cast<std::size_t>(put);
    }
    return 0;
}

int held_file::read_block(std::uint64_t number, block& into) const {
    const auto found = blocks_.find(number);
    if (found != blocks_.end()) {
        const block* newest = found->second.back().get();
        into = newest == nullptr ? zero_block : *newest;
        return 0;
    }
    const std::uint64_t start = number * block_bytes;
    const std::uint64_t seen = std::min(durable_size_, seen_backing_size_);
    if (start >= seen) {
        into = zero_block;
        return 0;
    }
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes, seen - start));
    const int error = read_backing(start, std::span(into).first(length));
    std::memset(into.data() + length, 0, block_bytes - length);
    return error;
}

std::int64_t held_file::read(std::span<std::byte> into, std::uint64_t offset) {
    const std::shared_lock guard(lock_);
    if (offset >= size_) return 0;
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
    const auto target = into.first(length);
    const std::uint64_t seen = std::min(durable_size_, seen_backing_size_);
    const auto backed =
        offset < seen ? static_cast<std::size_t>(std::min<std::uint64_t>(length, seen - offset))
                      : 0;
    if (backed > 0) {
        const int error = read_backing(offset, target.first(backed));
        if (error != 0) return error;
    }
    std::memset(target.data() + backed, 0, length - backed);
    if (blocks_.empty()) return static_cast<std::int64_t>(length);
    for (std::size_t done = 0; done < length;) {
        const std::uint64_t at = offset + done;
        const auto within = static_cast<std::size_t>(at % block_bytes);
        const std::size_t part = std::min(block_bytes - within, length - done);
        const auto found = blocks_.find(at / block_bytes);
        if (found != blocks_.end()) {
            const block* newest = found->second.back().get();
            const block& bytes = newest == nullptr ? zero_block : *newest;
            std::memcpy(target.data() + done, bytes.data() + within, part);
        }
        done += part;
    }
    return static_cast<std::int64_t>(length);
}

void held_file::add_version(std::uint64_t number, std::unique_ptr<block> content) {
    versions& held = blocks_[number];
    if (held.size() == block_versions_max) {
        held.erase(held.begin());
        --held_versions_;
    }
    held.push_back(std::move(content));
    ++held_versions_;
}

int held_file::write_block(std::uint64_t number, std::size_t from,
                           std::span<const std::byte> data) {
    if (data.size() == block_bytes && is_zero(data)) {
        add_version(number, nullptr);
        return 0;
    }
    auto content = std::make_unique<block>();
    if (data.size() != block_bytes) {
        const int error = read_block(number, *content);
        if (error != 0) return error;
    }
    std::memcpy(content->data() + from, data.data(), data.size());
    add_version(number, std::move(content));
    return 0;
}

std::int64_t held_file::write(std::span<const std::byte> data, std::uint64_t offset, bool hold) {
    const std::unique_lock guard(lock_);
    if (!hold) {
        int error = write_back_locked();
        if (error == 0) error = write_backing(offset, data);
        if (error != 0) return error;
        durable_size_ = std::max(durable_size_, offset + data.size());
        forget_locked();
        return static_cast<std::int64_t>(data.size());
    }
    if (held_versions_ * block_bytes + data.size() > held_bytes_max) {
        const int error = write_back_locked();
        if (error != 0) return error;
    }
    std::size_t done = 0;
    while (done < data.size()) {
        const std::uint64_t at = offset + done;
        const auto within = static_cast<std::size_t>(at % block_bytes);
        const std::size_t part = std::min(block_bytes - within, data.size() - done);
        const int error = write_block(at / block_bytes, within, data.subspan(done, part));
        if (error != 0) return error;
        done += part;
    }
    size_ = std::max(size_, offset + data.size());
    return static_cast<std::int64_t>(data.size());
}

int held_file::zero_range(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t end = offset + length;
    for (std::uint64_t at = offset; at < end;) {
        const auto within = static_cast<std::size_t>(at % block_bytes);
        const auto part =
            static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes - within, end - at));
        const int error = write_block(at / block_bytes, within, std::span(zero_block).first(part));
        if (error != 0) return error;
        at += part;
    }
    return 0;
}

int held_file::truncate(std::uint64_t size, bool hold) {
    const std::unique_lock guard(lock_);
    if (size < size_) {
        const std::uint64_t first_gone = (size + block_bytes - 1) / block_bytes;
        std::erase_if(blocks_, [&](const auto& entry) {
            if (entry.first < first_gone) return false;
            held_versions_ -= entry.second.size();
            return true;
        });
        if (size % block_bytes != 0) {
            const int error = zero_range(size, block_bytes - size % block_bytes);
            if (error != 0) return error;
        }
        seen_backing_size_ = std::min(seen_backing_size_, size);
    }
    size_ = size;
    return hold ? 0 : write_back_locked();
}

int held_file::allocate(int mode, std::uint64_t offset, std::uint64_t length, bool hold) {
    const int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
    if ((mode & ~known) != 0) return -EOPNOTSUPP;
    const std::unique_lock guard(lock_);
    if (length > held_bytes_max || !hold) {
        // Too much to hold, or nothing is to be held: let the backing file system do it.
        const int error = write_back_locked();
        if (error != 0) return error;
        if (::fallocate(descriptor_, mode, static_cast<off_t>(offset),
                        static_cast<off_t>(length)) != 0) {
            return -errno;
        }
        if ((mode & FALLOC_FL_KEEP_SIZE) == 0) {
            durable_size_ = std::max(durable_size_, offset + length);
        }
        forget_locked();
        return 0;
    }
    if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0) {
        const std::uint64_t end =
            (mode & FALLOC_FL_KEEP_SIZE) != 0 ? std::min(size_, offset + length) : offset + length;
        const int error = end > offset ? zero_range(offset, end - offset) : 0;
        if (error != 0) return error;
    } else if (::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                           static_cast<off_t>(length)) != 0) {
        // Space is taken at once, so that "no space left" comes when it would on a real disk; only
        // the size is held.
        return -errno;
    }
    if ((mode & FALLOC_FL_KEEP_SIZE) == 0) size_ = std::max(size_, offset + length);
    return 0;
}

int held_file::flush() {
    const std::unique_lock guard(lock_);
    return write_back_locked();
}

int held_file::apply_size_locked() {
    // First down to where backing bytes stopped being seen, then up: what lies between is zeroes.
    if (seen_backing_size_ < durable_size_ &&
        ::ftruncate(descriptor_, static_cast<off_t>(seen_backing_size_)) != 0) {
        return -errno;
    }
    if ((size_ != durable_size_ || seen_backing_size_ < durable_size_) &&
        ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) {
        return -errno;
    }
    durable_size_ = size_;
    return 0;
}

// The last block of a file is written only up to the file's end.
int held_file::write_back_block(std::uint64_t number, const block* content) const {
    const std::uint64_t start = number * block_bytes;
    if (start >= durable_size_) return 0;
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes, durable_size_ - start));
    return write_backing(start,
                         std::span(content == nullptr ? zero_block : *content).first(length));
}

int held_file::write_back_locked() {
    int error = apply_size_locked();
    if (error != 0) return error;
    std::vector<std::uint64_t> numbers;
    numbers.reserve(blocks_.size());
    for (const auto& entry : blocks_)
        numbers.push_back(entry.first);
    std::sort(numbers.begin(), numbers.end());
    // Runs of neighbours go down in one write.
    constexpr std::size_t run_blocks_max = 256;
    std::vector<std::byte> run;
    for (std::size_t i = 0; i < numbers.size();) {
        const std::uint64_t first = numbers[i];
        run.clear();
        std::uint64_t next = first;
        while (i < numbers.size() && numbers[i] == next && next - first < run_blocks_max) {
            const block* content = blocks_[numbers[i]].back().get();
            const block& bytes = content == nullptr ? zero_block : *content;
            run.insert(run.end(), bytes.begin(), bytes.end());
            ++next;
            ++i;
        }
        const std::uint64_t start = first * block_bytes;
        if (start >= durable_size_) continue;
        const auto length =
            static_cast<std::size_t>(std::min<std::uint64_t>(run.size(), durable_size_ - start));
        error = write_backing(start, std::span(run).first(length));
        if (error != 0) return error;
    }
    forget_locked();
    return 0;
}

void held_file::tear_block(std::uint64_t number, const versions& held,
                           random_stream& random) const {
    const std::uint64_t start = number * block_bytes;
    block torn = zero_block;
    (void)read_backing(start, torn);
    for (std::size_t at = 0; at < block_bytes; at += sector_bytes) {
        const std::uint64_t choice = random.below(held.size() + 1);
        if (choice == held.size()) continue;
        const block* from = held[choice].get();
        const block& bytes = from == nullptr ? zero_block : *from;
        std::memcpy(torn.data() + at, bytes.data() + at, sector_bytes);
    }
    (void)write_back_block(number, &torn);
}

cut_counts held_file::cut(random_stream& random, const cut_plan& plan) {
    const std::unique_lock guard(lock_);
    cut_counts counts;
    const bool size_held = size_ != durable_size_ || seen_backing_size_ < durable_size_;
    if (size_held && random.chance(plan.drop_percent)) {
        ++counts.reverted_sizes;
    } else {
        (void)apply_size_locked();
    }
    std::vector<std::uint64_t> numbers;
    for (const auto& entry : blocks_)
        numbers.push_back(entry.first);
    std::sort(numbers.begin(), numbers.end());
    for (const std::uint64_t number : numbers) {
        const versions& held = blocks_[number];
        if (random.chance(plan.tear_percent)) {
            tear_block(number, held, random);
            ++counts.torn_blocks;
        } else if (random.chance(plan.drop_percent) || number * block_bytes >= durable_size_) {
            ++counts.dropped_blocks;
        } else {
            (void)write_back_block(number, held[random.below(held.size())].get());
            ++counts.kept_blocks;
        }
    }
    forget_locked();
    return counts;
}

// What is seen is what is durable again.
void held_file::forget_locked() {
    blocks_.clear();
    held_versions_ = 0;
    size_ = durable_size_;
    seen_backing_size_ = durable_size_;
}

}  // namespace taicang::fuse_disk
