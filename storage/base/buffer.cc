#include "storage/base/buffer.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
#endif

namespace taicang {

namespace {

/// Above this a buffer is rare and the allocator's own mapping is as good as a cache.
constexpr std::size_t cached_pages_max = 1024;  // 4 MiB

/// Size classes: 1, 2, 3, 4 pages, then four to a doubling, so rounding up wastes at most a
/// quarter.
struct size_class {
    std::size_t index;
    std::size_t pages;
};
constexpr size_class class_of(std::size_t pages) noexcept {
    if (pages <= 4) return {pages - 1, pages};
    const std::size_t last = pages - 1;
    const auto shift = static_cast<std::size_t>(std::bit_width(last)) - 3;
    const std::size_t steps = (last >> shift) + 1;  // 5..8
    return {4 * shift + steps - 1, steps << shift};
}
constexpr std::size_t class_count = class_of(cached_pages_max).index + 1;
static_assert(class_of(5).index == 4 + 4 - 4 && class_of(5).pages == 5);
static_assert(class_of(8).pages == 8 && class_of(9).pages == 10 && class_of(33).pages == 40);
static_assert(class_of(cached_pages_max).pages == cached_pages_max);

struct free_list {
    std::mutex guard;
    std::vector<std::byte*> of_arena;
    std::vector<std::byte*> of_heap;
};

/// Bigger buffers would use the arena up; what registering saves is small beside moving that many
/// bytes.
constexpr std::size_t arena_buffer_bytes_max = std::size_t{512} << 10;

}  // namespace

struct buffer_pool::state {
    std::array<free_list, class_count> classes;
    std::size_t cached_bytes_max = 0;
    std::atomic<std::size_t> cached{0};
    std::atomic<std::size_t> in_use{0};
    std::byte* arena = nullptr;
    std::size_t arena_bytes = 0;
    std::atomic<std::size_t> arena_handed_out{0};

    bool in_arena(const std::byte* data) const noexcept {
        return data >= arena && data < arena + arena_bytes;
    }
    /// A fresh piece of the arena, or null when it is used up.
    std::byte* cut_arena(std::size_t capacity) noexcept {
        if (capacity > arena_buffer_bytes_max) return nullptr;
        std::size_t at = arena_handed_out.load(std::memory_order_relaxed);
        while (at + capacity <= arena_bytes) {
            if (arena_handed_out.compare_exchange_weak(at, at + capacity)) return arena + at;
        }
        return nullptr;
    }
    /// A freed buffer of that class, or null.
    std::byte* reuse(const size_class& wanted) {
        free_list& list = classes[wanted.index];
        const std::lock_guard lock(list.guard);
        std::vector<std::byte*>& blocks = list.of_arena.empty() ? list.of_heap : list.of_arena;
        if (blocks.empty()) return nullptr;
        std::byte* data = blocks.back();
        blocks.pop_back();
        const std::size_t capacity = wanted.pages * page_size;
        if (&blocks == &list.of_heap) cached.fetch_sub(capacity, std::memory_order_relaxed);
        ASAN_UNPOISON_MEMORY_REGION(data, capacity);
        return data;
    }
};

buffer_pool::buffer_pool(std::size_t cached_bytes_max, std::size_t arena_bytes)
    : state_(std::make_unique<state>()) {
    state_->cached_bytes_max = cached_bytes_max;
    if (arena_bytes == 0) return;
    arena_bytes = round_up(arena_bytes, page_size);
    state_->arena = static_cast<std::byte*>(std::aligned_alloc(page_size, arena_bytes));
    TC_ASSERT_WHY(state_->arena != nullptr,
                  "the operating system gives no memory: lower the memory limit or add memory");
    state_->arena_bytes = arena_bytes;
}

buffer_pool::~buffer_pool() {
    TC_ASSERT_WHY(bytes_in_use() == 0, "a buffer outlives its pool");
    for (free_list& list : state_->classes) {
        for (std::byte* block : list.of_heap)
            std::free(block);
    }
    if (state_->arena != nullptr) {
        ASAN_UNPOISON_MEMORY_REGION(state_->arena, state_->arena_bytes);
        std::free(state_->arena);
    }
}

bytes_span buffer_pool::arena() const noexcept {
    return {state_->arena, state_->arena_bytes};
}

buffer buffer_pool::allocate(std::size_t size) {
    buffer made;
    if (size == 0) return made;
    const std::size_t pages = (size + page_size - 1) / page_size;
    std::size_t capacity = pages * page_size;
    if (pages <= cached_pages_max) {
        const size_class wanted = class_of(pages);
        capacity = wanted.pages * page_size;
        made.data_ = state_->reuse(wanted);
        if (made.data_ == nullptr) made.data_ = state_->cut_arena(capacity);
    }
    if (made.data_ == nullptr) {
        made.data_ = static_cast<std::byte*>(std::aligned_alloc(page_size, capacity));
        TC_ASSERT_WHY(made.data_ != nullptr,
                      "the operating system gives no memory: lower the memory limit or add memory");
    }
    state_->in_use.fetch_add(capacity, std::memory_order_relaxed);
    made.pool_ = this;
    made.size_ = size;
    made.capacity_ = capacity;
    return made;
}

buffer buffer_pool::allocate_zeroed(std::size_t size) {
    buffer made = allocate(size);
    if (made.data_ != nullptr) std::memset(made.data_, 0, made.capacity_);
    return made;
}

void buffer_pool::release(std::byte* data, std::size_t capacity) noexcept {
    state_->in_use.fetch_sub(capacity, std::memory_order_relaxed);
    const std::size_t pages = capacity / page_size;
    if (pages > cached_pages_max) {
        std::free(data);
        return;
    }
    free_list& list = state_->classes[class_of(pages).index];
    if (state_->in_arena(data)) {
        ASAN_POISON_MEMORY_REGION(data, capacity);
        const std::lock_guard lock(list.guard);
        list.of_arena.push_back(data);
        return;
    }
    // Count first: the bound holds whatever other threads release meanwhile.
    const std::size_t before = state_->cached.fetch_add(capacity, std::memory_order_relaxed);
    if (before + capacity > state_->cached_bytes_max) {
        state_->cached.fetch_sub(capacity, std::memory_order_relaxed);
        std::free(data);
        return;
    }
    ASAN_POISON_MEMORY_REGION(data, capacity);
    const std::lock_guard lock(list.guard);
    list.of_heap.push_back(data);
}

std::size_t buffer_pool::bytes_in_use() const noexcept {
    return state_->in_use.load(std::memory_order_relaxed);
}

std::size_t buffer_pool::bytes_cached() const noexcept {
    return state_->cached.load(std::memory_order_relaxed);
}

buffer::~buffer() {
    if (pool_ != nullptr) pool_->release(data_, capacity_);
}

}  // namespace taicang
