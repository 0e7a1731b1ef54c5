#include "storage/io/timer_queue.h"

#include <algorithm>
#include <tuple>

#include "storage/base/assert.h"

namespace taicang {

namespace {

constexpr std::uint32_t slot_of(executor::timer_id id) noexcept {
    return static_cast<std::uint32_t>(id);
}
constexpr std::uint32_t generation_of(executor::timer_id id) noexcept {
    return static_cast<std::uint32_t>(id >> 32);
}

}  // namespace

bool timer_queue::later(const entry& a, const entry& b) noexcept {
    return std::tie(a.when, a.tie, a.order) > std::tie(b.when, b.tie, b.order);
}

bool timer_queue::is_live(executor::timer_id id) const noexcept {
    const std::uint32_t at = slot_of(id);
    return at < slots_.size() && slots_[at].live && slots_[at].generation == generation_of(id);
}

executor::timer_id timer_queue::add(nanoseconds when, work w, std::uint64_t tie) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t at = free_.back();
    free_.pop_back();
    slot& mine = slots_[at];
    mine.what = std::move(w);
    mine.live = true;
    const executor::timer_id id = (std::uint64_t{mine.generation} << 32) | at;
    heap_.push_back({when, tie, order_++, id});
    std::push_heap(heap_.begin(), heap_.end(), later);
    ++live_;
    return id;
}

work timer_queue::take(executor::timer_id id) {
    slot& mine = slots_[slot_of(id)];
    mine.live = false;
    ++mine.generation;
    free_.push_back(slot_of(id));
    --live_;
    return std::move(mine.what);
}

bool timer_queue::cancel(executor::timer_id id) {
    if (!is_live(id)) return false;
    const work dropped = take(id);
    if (heap_.size() > 2 * live_ + 64) rebuild();
    return true;
}

void timer_queue::drop_cancelled_top() {
    while (!heap_.empty() && !is_live(heap_.front().id)) {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        heap_.pop_back();
    }
}

std::optional<nanoseconds> timer_queue::next() {
    drop_cancelled_top();
    if (heap_.empty()) return std::nullopt;
    return heap_.front().when;
}

work timer_queue::pop() {
    drop_cancelled_top();
    TC_ASSERT(!heap_.empty());
    const executor::timer_id id = heap_.front().id;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    return take(id);
}

void timer_queue::rebuild() {
    std::erase_if(heap_, [this](const entry& e) { return !is_live(e.id); });
    std::make_heap(heap_.begin(), heap_.end(), later);
}

void timer_queue::clear() {
    heap_.clear();
    // Destroying work may add or cancel timers: take it out first.
    std::vector<work> dropped;
    for (std::uint32_t at = 0; at < slots_.size(); ++at) {
        if (!slots_[at].live) continue;
        dropped.push_back(take((std::uint64_t{slots_[at].generation} << 32) | at));
    }
}

}  // namespace taicang
