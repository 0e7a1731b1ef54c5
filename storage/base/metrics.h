// Counters, gauges and latency histograms that the admin listener prints in Prometheus text form.
// Thread safe: updates are relaxed atomics. Lifetime: metrics live as long as their registry, which
// outlives all rooms.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace taicang {

class metric_counter {
  public:
    void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint64_t> value_{0};
};

/// Buckets at powers of two of a microsecond, up to about 67 s.
class metric_histogram {
  public:
    static constexpr std::size_t bucket_count = 27;
    void observe_ns(std::int64_t ns) noexcept;
    [[nodiscard]] std::array<std::uint64_t, bucket_count> buckets() const noexcept;
    [[nodiscard]] std::uint64_t count() const noexcept {
        return count_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t sum_ns() const noexcept {
        return sum_ns_.load(std::memory_order_relaxed);
    }

  private:
    std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
    std::atomic<std::uint64_t> count_{0};
    std::atomic<std::uint64_t> sum_ns_{0};
};

class metric_registry {
  public:
    metric_registry();
    ~metric_registry();
    metric_registry(const metric_registry&) = delete;
    metric_registry& operator=(const metric_registry&) = delete;

    /// `name` like taicang_journal_commits_total; `labels` like `tier="nvme"` or empty. The same
    /// pair gives the same object.
    metric_counter& counter(std::string_view name, std::string_view help,
                            std::string_view labels = "");
    metric_histogram& histogram(std::string_view name, std::string_view help,
                                std::string_view labels = "");
    /// Reads a value when the page is printed; must be thread safe. Owners that die earlier call
    /// drop_gauges.
    void gauge(std::string_view name, std::string_view help, std::string_view labels,
               std::function<double()> read, const void* owner);
    void drop_gauges(const void* owner);
    /// Prometheus text exposition format 0.0.4.
    [[nodiscard]] std::string render() const;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace taicang
