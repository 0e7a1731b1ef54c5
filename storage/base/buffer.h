// Page-aligned buffers for O_DIRECT, from a pool whose bytes count against the process's memory
// budget. Threads: pool and budget are thread safe; a buffer belongs to one owner at a time.
// Lifetime: buffers must not outlive their pool. Buffers in flight to a disk outlive the request
// that started them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"

namespace taicang {

inline constexpr std::size_t page_size = 4096;

class buffer_pool;

/// Owns `capacity` aligned bytes, of which the first `size` are meaningful. Move only.
class buffer {
  public:
    buffer() = default;
    buffer(buffer&& other) noexcept { swap(other); }
    buffer& operator=(buffer&& other) noexcept {
        buffer gone(std::move(other));
        swap(gone);
        return *this;
    }
    ~buffer();

    [[nodiscard]] std::byte* data() noexcept { return data_; }
    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    void resize(std::size_t size) noexcept {
        TC_ASSERT(size <= capacity_);
        size_ = size;
    }
    [[nodiscard]] bytes_span span() noexcept { return {data_, size_}; }
    [[nodiscard]] bytes_view view() const noexcept { return {data_, size_}; }

  private:
    friend class buffer_pool;
    void swap(buffer& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }
    buffer_pool* pool_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// Hands out buffers. Admission is the business of memory_budget (requests reserve before they
/// allocate); the pool itself always gives, keeps a bounded number of freed buffers for reuse, and
/// counts.
class buffer_pool {
  public:
    /// `cached_bytes_max`: how much freed memory is kept for reuse. `arena_bytes`: size of one
    /// region, kept for ever, from which buffers come first; a reactor registers it with io_uring
    /// (reactor_options::registered_memory).
    explicit buffer_pool(std::size_t cached_bytes_max, std::size_t arena_bytes = 0);
    ~buffer_pool();
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;

    /// A buffer of capacity at least `size` (rounded up to a page or a power of two), size() ==
    /// size, bytes not cleared.
    [[nodiscard]] buffer allocate(std::size_t size);
    /// The same, all zero.
    [[nodiscard]] buffer allocate_zeroed(std::size_t size);
    /// The region that was asked for; empty without one.
    [[nodiscard]] bytes_span arena() const noexcept;
    [[nodiscard]] std::size_t bytes_in_use() const noexcept;
    /// Freed memory outside of the arena that is kept for reuse.
    [[nodiscard]] std::size_t bytes_cached() const noexcept;

  private:
    friend class buffer;
    void release(std::byte* data, std::size_t capacity) noexcept;
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace taicang
