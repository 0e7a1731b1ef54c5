#include "storage/base/canary.h"

#ifdef TAICANG_CANARY

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace taicang::canary {

namespace {

constexpr std::array<std::pair<std::string_view, bug>, 7> names{{
    {"skip_journal_flush", bug::skip_journal_flush},
    {"skip_device_flush", bug::skip_device_flush},
    {"ack_before_flush", bug::ack_before_flush},
    {"flush_before_last_write", bug::flush_before_last_write},
    {"skip_checksum", bug::skip_checksum},
    {"small_ensemble", bug::small_ensemble},
    {"free_referenced_blob", bug::free_referenced_blob},
}};

constexpr unsigned bit_of(bug which) {
    return 1U << static_cast<unsigned>(which);
}

unsigned planted_by_environment() {
    const char* text = std::getenv("TAICANG_CANARY");
    std::string_view rest = text == nullptr ? "" : text;
    unsigned planted = 0;
    while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        const std::string_view name = rest.substr(0, comma);
        bool known = false;
        for (const auto& [bug_name, which] : names) {
            if (bug_name != name) continue;
            planted |= bit_of(which);
            known = true;
        }
        if (!known) {
            // A misspelt bug would let a canary run pass that proves nothing.
            std::fprintf(stderr, "taicang: TAICANG_CANARY names no known bug: '%.*s'\n",
                         static_cast<int>(name.size()), name.data());
            std::abort();
        }
        rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
    }
    return planted;
}

std::atomic<unsigned>& planted() {
    static std::atomic<unsigned> bits{planted_by_environment()};
    return bits;
}

}  // namespace

bool active(bug which) noexcept {
    return (planted().load(std::memory_order_relaxed) & bit_of(which)) != 0;
}

void plant(bug which, bool on) noexcept {
    if (on) {
        planted().fetch_or(bit_of(which));
    } else {
        planted().fetch_and(~bit_of(which));
    }
}

}  // namespace taicang::canary

#endif
