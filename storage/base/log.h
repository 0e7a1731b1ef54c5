// Structured logging: one line an event, `event key=value ...`, over spdlog to stderr. Secrets
// never reach it: callers pass ids and names, never keys or bodies. Thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace taicang {

enum class log_level : std::uint8_t { debug, info, warn, error, off };

/// Below this nothing is written. Default info; tests and simulation set error.
void set_log_level(log_level least) noexcept;
[[nodiscard]] bool log_enabled(log_level level) noexcept;
void log_line(log_level level, std::string_view line);

/// Builds a line: log_event(log_level::info, "device_fenced").with("device", path).with("reason",
/// text); The line is written when the object dies.
class log_event {
  public:
    log_event(log_level level, std::string_view name)
        : level_(level), enabled_(log_enabled(level)) {
        if (enabled_) line_ = name;
    }
    log_event(const log_event&) = delete;
    log_event& operator=(const log_event&) = delete;
    ~log_event() {
        if (enabled_) log_line(level_, line_);
    }
    log_event& with(std::string_view key, std::string_view value);
    template <class T>
    requires std::is_arithmetic_v<T> log_event& with(std::string_view key, T value) {
        return with(key, std::string_view(std::to_string(value)));
    }

  private:
    log_level level_;
    bool enabled_;
    std::string line_;
};

}  // namespace taicang
