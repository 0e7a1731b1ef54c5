// Coverage marks: a rare branch says that it was reached, and a test that meant to reach it fails
// when it did not. Thread safe; a mark costs one relaxed increment.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taicang {

class coverage_mark {
  public:
    explicit coverage_mark(const char* name);
    void hit() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t count() const noexcept {
        return count_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] const char* name() const noexcept { return name_; }

  private:
    const char* name_;
    std::atomic<std::uint64_t> count_{0};
};

/// How often the mark `name` was hit in this process, over all places that carry it.
std::uint64_t mark_count(std::string_view name);
/// All marks reached so far with their counts, sorted by name.
std::vector<std::pair<std::string, std::uint64_t>> all_marks();

}  // namespace taicang

/// Says that this branch was reached: TC_MARK("journal.torn_tail");
#define TC_MARK(name)                                   \
    do {                                                \
        static ::taicang::coverage_mark tc_mark_(name); \
        tc_mark_.hit();                                 \
    } while (false)
