#include "storage/base/log.h"

#include <atomic>
#include <memory>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace taicang {

namespace {

std::atomic<log_level> least_level{log_level::info};

/// Never freed: destructors of statics may still log.
spdlog::logger& sink() {
    static auto* const only = [] {
        auto* made =
            new spdlog::logger("taicang", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_level(spdlog::level::trace);
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
        made->flush_on(spdlog::level::trace);
        return made;
    }();
    return *only;
}

spdlog::level::level_enum translate(log_level level) noexcept {
    switch (level) {
        case log_level::debug:
            return spdlog::level::debug;
        case log_level::info:
            return spdlog::level::info;
        case log_level::warn:
            return spdlog::level::warn;
        case log_level::error:
            return spdlog::level::err;
        case log_level::off:
            return spdlog::level::off;
    }
    return spdlog::level::err;
}

bool needs_quotes(std::string_view value) noexcept {
    if (value.empty()) return true;
    for (const char c : value) {
        if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\x7f')
            return true;
    }
    return false;
}

}  // namespace

void set_log_level(log_level least) noexcept {
    least_level.store(least, std::memory_order_relaxed);
}

bool log_enabled(log_level level) noexcept {
    return level >= least_level.load(std::memory_order_relaxed);
}

void log_line(log_level level, std::string_view line) {
    if (!log_enabled(level)) return;
    sink().log(translate(level), spdlog::string_view_t(line.data(), line.size()));
}

log_event& log_event::with(std::string_view key, std::string_view value) {
    if (!enabled_) return *this;
    line_ += ' ';
    line_ += key;
    line_ += '=';
    if (!needs_quotes(value)) {
        line_ += value;
        return *this;
    }
    // One event stays one line, whatever a client put into a name.
    static constexpr char digits[] = "0123456789abcdef";
    line_ += '"';
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            line_ += '\\';
            line_ += c;
        } else if (byte < ' ' || byte == 0x7f) {
            line_ += "\\x";
            line_ += digits[byte >> 4];
            line_ += digits[byte & 15];
        } else {
            line_ += c;
        }
    }
    line_ += '"';
    return *this;
}

}  // namespace taicang
