#include "storage/base/metrics.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <map>
#include <tuple>

#include "storage/base/assert.h"

namespace taicang {

void metric_histogram::observe_ns(std::int64_t ns) noexcept {
    const std::uint64_t span = ns > 0 ? static_cast<std::uint64_t>(ns) : 0;
    // Bucket i holds what is at most 2^i microseconds; beyond the last only count and sum know it.
    const std::uint64_t us = (span + 999) / 1000;
    const std::size_t index = us <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(us - 1));
    if (index < bucket_count) buckets_[index].fetch_add(1, std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(span, std::memory_order_relaxed);
}

std::array<std::uint64_t, metric_histogram::bucket_count> metric_histogram::buckets()
    const noexcept {
    std::array<std::uint64_t, bucket_count> copy{};
    for (std::size_t i = 0; i < bucket_count; ++i) {
        copy[i] = buckets_[i].load(std::memory_order_relaxed);
    }
    return copy;
}

namespace {

struct gauge_entry {
    std::function<double()> read;
    const void* owner = nullptr;
};

/// One metric name: its help, and one sample a label set. Exactly one of the three maps is used.
struct family {
    std::string help;
    std::map<std::string, std::unique_ptr<metric_counter>, std::less<>> counters;
    std::map<std::string, std::unique_ptr<metric_histogram>, std::less<>> histograms;
    std::map<std::string, gauge_entry, std::less<>> gauges;
};

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    char text[64];
    const auto end = std::to_chars(text, text + sizeof(text), value);
    return {text, end.ptr};
}

std::string escaped_help(std::string_view help) {
    std::string text;
    for (const char c : help) {
        if (c == '\\') {
            text += "\\\\";
        } else if (c == '\n') {
            text += "\\n";
        } else {
            text += c;
        }
    }
    return text;
}

void sample(std::string& page, std::string_view name, std::string_view suffix,
            std::string_view labels, std::string_view more, const std::string& value) {
    page += name;
    page += suffix;
    if (!labels.empty() || !more.empty()) {
        page += '{';
        page += labels;
        if (!labels.empty() && !more.empty()) page += ',';
        page += more;
        page += '}';
    }
    page += ' ';
    page += value;
    page += '\n';
}

void render_histogram(std::string& page, std::string_view name, std::string_view labels,
                      const metric_histogram& histogram) {
    // Read in this order so that no bucket sums to more than +Inf says.
    const auto buckets = histogram.buckets();
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        below += buckets[i];
        const double bound_s = static_cast<double>(std::uint64_t{1} << i) / 1e6;
        sample(page, name, "_bucket", labels, "le=\"" + number(bound_s) + "\"",
               std::to_string(below));
    }
    const std::uint64_t all = std::max(histogram.count(), below);
    sample(page, name, "_bucket", labels, "le=\"+Inf\"", std::to_string(all));
    sample(page, name, "_sum", labels, "", number(static_cast<double>(histogram.sum_ns()) / 1e9));
    sample(page, name, "_count", labels, "", std::to_string(all));
}

}  // namespace

struct metric_registry::state {
    mutable std::mutex guard;
    std::map<std::string, family, std::less<>> families;

    family& of(std::string_view name, std::string_view help) {
        const auto found = families.find(name);
        if (found != families.end()) return found->second;
        family& made = families[std::string(name)];
        made.help = help;
        return made;
    }
};

metric_registry::metric_registry() : state_(std::make_unique<state>()) {}
metric_registry::~metric_registry() = default;

metric_counter& metric_registry::counter(std::string_view name, std::string_view help,
                                         std::string_view labels) {
    const std::lock_guard lock(state_->guard);
    family& all = state_->of(name, help);
    TC_ASSERT_WHY(all.histograms.empty() && all.gauges.empty(), "a metric name has one type");
    auto& place = all.counters[std::string(labels)];
    if (place == nullptr) place = std::make_unique<metric_counter>();
    return *place;
}

metric_histogram& metric_registry::histogram(std::string_view name, std::string_view help,
                                             std::string_view labels) {
    const std::lock_guard lock(state_->guard);
    family& all = state_->of(name, help);
    TC_ASSERT_WHY(all.counters.empty() && all.gauges.empty(), "a metric name has one type");
    auto& place = all.histograms[std::string(labels)];
    if (place == nullptr) place = std::make_unique<metric_histogram>();
    return *place;
}

void metric_registry::gauge(std::string_view name, std::string_view help, std::string_view labels,
                            std::function<double()> read, const void* owner) {
    const std::lock_guard lock(state_->guard);
    family& all = state_->of(name, help);
    TC_ASSERT_WHY(all.counters.empty() && all.histograms.empty(), "a metric name has one type");
    all.gauges[std::string(labels)] = {std::move(read), owner};
}

void metric_registry::drop_gauges(const void* owner) {
    const std::lock_guard lock(state_->guard);
    for (auto& [name, all] : state_->families) {
        std::erase_if(all.gauges,
                      [owner](const auto& entry) { return entry.second.owner == owner; });
    }
}

std::string metric_registry::render() const {
    // Under the lock throughout: drop_gauges() returns only when no gauge of that owner is being
    // read.
    const std::lock_guard lock(state_->guard);
    std::string page;
    for (const auto& [name, all] : state_->families) {
        const char* type = !all.histograms.empty() ? "histogram"
                           : !all.counters.empty() ? "counter"
                           : !all.gauges.empty()   ? "gauge"
                                                   : nullptr;
        if (type == nullptr) continue;
        page += "# HELP " + name + ' ' + escaped_help(all.help) + '\n';
        page += "# TYPE " + name + ' ' + type + '\n';
        for (const auto& [labels, counter] : all.counters) {
            sample(page, name, "", labels, "", std::to_string(counter->value()));
        }
        for (const auto& [labels, gauge] : all.gauges) {
            sample(page, name, "", labels, "", number(gauge.read()));
        }
        for (const auto& [labels, histogram] : all.histograms) {
            render_histogram(page, name, labels, *histogram);
        }
    }
    return page;
}

}  // namespace taicang
