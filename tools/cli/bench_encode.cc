// ISA-L alone is ec_encode_data over whole chunks; the codec has the same matrix and codes in
// sub-blocks. Rounds take turns, so that a busy machine hurts both alike, and the ratio is the
// median of the rounds'.
#include "tools/cli/bench_encode.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <isa-l/erasure_code.h>
#include <nlohmann/json.hpp>

#include "erasure/reed_solomon.h"
#include "storage/base/clock.h"
#include "storage/base/limits.h"
#include "tools/cli/exit_code.h"

namespace taicang {

namespace {

using nlohmann::json;

constexpr double least_ratio = 0.9;
constexpr std::size_t bytes_a_turn = 64 * limits::mib;
constexpr std::pair<std::size_t, std::size_t> codes[] = {{4, 2}, {8, 3}, {12, 4}, {20, 12}};
constexpr std::size_t chunk_sizes[] = {4 * limits::kib, 128 * limits::kib, limits::mib};

struct coding_speed {
    std::size_t k = 0, m = 0, chunk_bytes = 0;
    double bytes_per_s = 0;  ///< of data, as for ISA-L
    double isal_bytes_per_s = 0;
    double ratio = 0;
};

/// k + m chunks of one length, for both.
class stripe_buffers {
  public:
    stripe_buffers(std::size_t k, std::size_t m, std::size_t length) {
        // Chunks at equal page offsets would fight for the same cache sets.
        const std::size_t step = length + 4096 + 64;
        memory_.resize((k + m) * step);
        for (std::size_t i = 0; i < memory_.size(); ++i)
            memory_[i] = static_cast<std::byte>(i * 131 >> 3);
        for (std::size_t i = 0; i < k + m; ++i)
            (i < k ? data_ : parity_).push_back(memory_.data() + i * step);
        inputs_.assign(data_.begin(), data_.end());
    }
    [[nodiscard]] std::span<const std::byte* const> inputs() const { return inputs_; }
    [[nodiscard]] std::span<std::byte* const> parity() const { return parity_; }
    [[nodiscard]] std::vector<std::byte> parity_bytes(std::size_t length) const {
        std::vector<std::byte> all;
        for (const std::byte* chunk : parity_)
            all.insert(all.end(), chunk, chunk + length);
        return all;
    }
    unsigned char** raw_inputs() { return reinterpret_cast<unsigned char**>(data_.data()); }
    unsigned char** raw_parity() { return reinterpret_cast<unsigned char**>(parity_.data()); }

  private:
    std::vector<std::byte> memory_;
    std::vector<std::byte*> data_;
    std::vector<const std::byte*> inputs_;
    std::vector<std::byte*> parity_;
};

double median(std::vector<double>& of) {
    const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
    std::nth_element(of.begin(), middle, of.end());
    return *middle;
}

template <typename Work>
double seconds_of(std::size_t turns, Work&& work) {
    const std::int64_t began = system_monotonic_now();
    for (std::size_t i = 0; i < turns; ++i)
        work();
    return static_cast<double>(system_monotonic_now() - began) / 1e9;
}

/// Errors: the codec's; not_recoverable when the two do not agree on the parity.
erasure::result<coding_speed> measure(std::size_t k, std::size_t m, std::size_t length,
                                      double seconds) {
    auto code = erasure::reed_solomon::create(k, m);
    if (!code.ok()) return code.code();
    stripe_buffers buffers(k, m, length);
    std::vector<unsigned char> matrix((k + m) * k);
    std::vector<unsigned char> tables(32 * k * m);
    gf_gen_cauchy1_matrix(matrix.data(), static_cast<int>(k + m), static_cast<int>(k));
    ec_init_tables(static_cast<int>(k), static_cast<int>(m), matrix.data() + k * k, tables.data());

    erasure::error wrong = erasure::error::none;
    const auto encode = [&] {
        const auto done = (*code)->encode(buffers.inputs(), buffers.parity(), length);
        if (!done.ok()) wrong = done.code();
    };
    const auto encode_alone = [&] {
        ec_encode_data(static_cast<int>(length), static_cast<int>(k), static_cast<int>(m),
                       tables.data(), buffers.raw_inputs(), buffers.raw_parity());
    };
    encode();
    const std::vector<std::byte> parity = buffers.parity_bytes(length);
    encode_alone();
    if (parity != buffers.parity_bytes(length)) wrong = erasure::error::not_recoverable;

    const std::size_t turns = std::max<std::size_t>(1, bytes_a_turn / (k * length));
    const auto bytes = static_cast<double>(turns * k * length);
    std::vector<double> ratios, speeds, isal_speeds;
    const std::int64_t until = system_monotonic_now() + static_cast<std::int64_t>(seconds * 1e9);
    while (wrong == erasure::error::none && (ratios.empty() || system_monotonic_now() < until)) {
        const double ours = seconds_of(turns, encode);
        const double isal = seconds_of(turns, encode_alone);
        ratios.push_back(isal / ours);
        speeds.push_back(bytes / ours);
        isal_speeds.push_back(bytes / isal);
    }
    if (wrong != erasure::error::none) return wrong;
    return coding_speed{k, m, length, median(speeds), median(isal_speeds), median(ratios)};
}

void print_speed(const coding_speed& one) {
    std::printf(
        "%2zu+%-4zu %8zu KiB %10.1f GB/s     ISA-L alone %8.1f GB/s  ratio %.2f  "
        "(wanted %.2f: %s)\n",
        one.k, one.m, one.chunk_bytes / limits::kib, one.bytes_per_s / 1e9,
        one.isal_bytes_per_s / 1e9, one.ratio, least_ratio,
        one.ratio >= least_ratio ? "met" : "MISSED");
    std::fflush(stdout);
}

json shown(const coding_speed& one) {
    return {{"k", one.k},
            {"m", one.m},
            {"chunk_bytes", one.chunk_bytes},
            {"bytes_per_second", one.bytes_per_s},
            {"isal_bytes_per_second", one.isal_bytes_per_s},
            {"ratio", one.ratio},
            {"met", one.ratio >= least_ratio}};
}

int bench_encode(const cli_common& common, double seconds) {
    json all = json::array();
    bool met = true;
    if (!common.json) std::printf("code       chunk       data encoded, one thread\n");
    for (const auto& [k, m] : codes) {
        for (const std::size_t length : chunk_sizes) {
            const double share = seconds / static_cast<double>(std::size(codes)) /
                                 static_cast<double>(std::size(chunk_sizes));
            const auto one = measure(k, m, length, share);
            if (!one.ok()) {
                std::fprintf(stderr, "taicang: bench: %zu+%zu: %s\n", k, m,
                             std::string(erasure::describe(one.code())).c_str());
                return exit_failed;
            }
            met = met && one->ratio >= least_ratio;
            if (!common.json) print_speed(*one);
            all.push_back(shown(*one));
        }
    }
    if (common.json) {
        const json document = {{"schema", 1},
                               {"name", "encode"},
                               {"least_ratio", least_ratio},
                               {"codes", std::move(all)}};
        std::printf("%s\n", document.dump().c_str());
    }
    return met ? exit_done : exit_failed;
}

}  // namespace

void add_bench_encode(CLI::App& noun, cli_common& common) {
    auto seconds = std::make_shared<double>(60);
    CLI::App* encode = noun.add_subcommand(
        "encode", "Reed-Solomon encoding against ISA-L alone, by code and chunk");
    encode->add_option("--seconds", *seconds, "how long all of it takes (default 60)")
        ->check(CLI::Range(1.0, 86400.0));
    encode->callback([&common, seconds] {
        common.chosen = [&common, seconds] { return bench_encode(common, *seconds); };
    });
}

}  // namespace taicang
