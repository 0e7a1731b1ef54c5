// The codec against ISA-L alone: ec_encode_data over the whole chunk with the same matrix, same
// buffers, same thread. Bytes per second count the k data chunks.
// `taicang bench encode` holds the two against each other in turns; here each stands alone.
#include <cstdlib>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>
#include <isa-l/erasure_code.h>

#include "erasure/reed_solomon.h"

namespace taicang::erasure {
namespace {

// k + m page-aligned chunks of one length.
class stripe_buffers {
  public:
    stripe_buffers(size_t k, size_t m, size_t length) : k_(k), length_(length) {
        // 4096 + 64: chunks at equal page offsets would fight for the same cache sets.
        const size_t step = (length + 4095) / 4096 * 4096 + 4096 + 64;
        memory_.resize((k + m) * step);
        for (size_t i = 0; i < memory_.size(); ++i)
            memory_[i] = static_cast<std::byte>(i * 131 >> 3);
        for (size_t i = 0; i < k + m; ++i) {
            (i < k ? data_ : parity_).push_back(memory_.data() + i * step);
        }
        inputs_.assign(data_.begin(), data_.end());
    }
    std::span<const std::byte* const> inputs() const { return inputs_; }
    std::span<std::byte* const> parity() const { return parity_; }
    unsigned char** raw_inputs() { return reinterpret_cast<unsigned char**>(data_.data()); }
    unsigned char** raw_parity() { return reinterpret_cast<unsigned char**>(parity_.data()); }
    size_t length() const { return length_; }
    size_t data_bytes() const { return k_ * length_; }

  private:
    size_t k_;
    size_t length_;
    std::vector<std::byte> memory_;
    std::vector<std::byte*> data_;
    std::vector<const std::byte*> inputs_;
    std::vector<std::byte*> parity_;
};

// ISA-L's own tables for the same matrix.
class raw_isal {
  public:
    raw_isal(size_t k, size_t m) : k_(static_cast<int>(k)), m_(static_cast<int>(m)) {
        std::vector<unsigned char> matrix((k + m) * k);
        gf_gen_cauchy1_matrix(matrix.data(), k_ + m_, k_);
        tables_.resize(32 * k * m);
        ec_init_tables(k_, m_, matrix.data() + k * k, tables_.data());
    }
    void encode(stripe_buffers& on) {
        ec_encode_data(static_cast<int>(on.length()), k_, m_, tables_.data(), on.raw_inputs(),
                       on.raw_parity());
    }

  private:
    int k_;
    int m_;
    std::vector<unsigned char> tables_;
};

void must(bool ok) {
    if (!ok) std::abort();
}

void bench_encode(benchmark::State& state) {
    const auto k = static_cast<size_t>(state.range(0));
    const auto m = static_cast<size_t>(state.range(1));
    stripe_buffers buffers(k, m, static_cast<size_t>(state.range(2)));
    const auto code = reed_solomon::create(k, m).value();
    for ([[maybe_unused]] auto turn : state) {
        must(code->encode(buffers.inputs(), buffers.parity(), buffers.length()).ok());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(buffers.data_bytes()));
}

void bench_raw_isal(benchmark::State& state) {
    const auto k = static_cast<size_t>(state.range(0));
    const auto m = static_cast<size_t>(state.range(1));
    stripe_buffers buffers(k, m, static_cast<size_t>(state.range(2)));
    raw_isal raw(k, m);
    for ([[maybe_unused]] auto turn : state) {
        raw.encode(buffers);
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(buffers.data_bytes()));
}

// One lost data chunk of 4+2, as a degraded read does it.
void bench_repair_one(benchmark::State& state) {
    const auto length = static_cast<size_t>(state.range(0));
    stripe_buffers buffers(4, 2, length);
    const auto plan = reed_solomon::create(4, 2).value()->plan_repair(0b011110, 0b000001).value();
    for ([[maybe_unused]] auto turn : state) {
        must(plan->apply(buffers.inputs(), buffers.parity().first(1), length).ok());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(buffers.data_bytes()));
}

void bench_plan_repair(benchmark::State& state) {
    const auto code = reed_solomon::create(static_cast<size_t>(state.range(0)),
                                           static_cast<size_t>(state.range(1)))
                          .value();
    const chunk_mask lost = 0b11;
    for ([[maybe_unused]] auto turn : state) {
        benchmark::DoNotOptimize(code->plan_repair(code->all_chunks() & ~lost, lost));
    }
}

void codes_and_sizes(benchmark::internal::Benchmark* bench) {
    for (const auto& [k, m] : {std::pair{4, 2}, {8, 3}, {12, 4}, {20, 12}}) {
        for (const int64_t length : {4 << 10, 128 << 10, 1 << 20})
            bench->Args({k, m, length});
    }
}

BENCHMARK(bench_encode)->Apply(codes_and_sizes);
BENCHMARK(bench_raw_isal)->Apply(codes_and_sizes);
BENCHMARK(bench_repair_one)->Arg(4 << 10)->Arg(128 << 10)->Arg(1 << 20);
BENCHMARK(bench_plan_repair)->Args({4, 2})->Args({8, 3})->Args({20, 12});

}  // namespace
}  // namespace taicang::erasure

BENCHMARK_MAIN();
