#include "storage/base/mark.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace taicang {

namespace {

struct mark_registry {
    std::mutex guard;
    std::vector<const coverage_mark*> marks;
};

/// Never freed: marks are function-local statics that may be hit while the process winds down.
mark_registry& registry() {
    static auto* const only = new mark_registry;
    return *only;
}

}  // namespace

coverage_mark::coverage_mark(const char* name) : name_(name) {
    mark_registry& all = registry();
    const std::lock_guard lock(all.guard);
    all.marks.push_back(this);
}

std::uint64_t mark_count(std::string_view name) {
    mark_registry& all = registry();
    const std::lock_guard lock(all.guard);
    std::uint64_t sum = 0;
    for (const coverage_mark* mark : all.marks) {
        if (name == mark->name()) sum += mark->count();
    }
    return sum;
}

std::vector<std::pair<std::string, std::uint64_t>> all_marks() {
    std::map<std::string, std::uint64_t> sums;
    {
        mark_registry& all = registry();
        const std::lock_guard lock(all.guard);
        for (const coverage_mark* mark : all.marks)
            sums[mark->name()] += mark->count();
    }
    std::erase_if(sums, [](const auto& entry) { return entry.second == 0; });
    return {sums.begin(), sums.end()};
}

}  // namespace taicang
