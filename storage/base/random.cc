#include "storage/base/random.h"

#include <algorithm>
#include <cerrno>

#include <sys/random.h>

#include "storage/base/assert.h"

namespace taicang {

namespace {

void fill_from_system(std::byte* into, std::size_t length) {
    while (length != 0) {
        const ssize_t got = getrandom(into, length, 0);
        if (got < 0) {
            // Only an interrupted wait for the generator's first seed may be repeated.
            TC_ASSERT_WHY(errno == EINTR, "getrandom failed: no source of randomness for keys");
            continue;
        }
        into += got;
        length -= static_cast<std::size_t>(got);
    }
}

class system_source final : public random_source {
  public:
    std::uint64_t next() override {
        // One system call for many numbers; used bytes are wiped so that a core file does not hold
        // past ones.
        thread_local std::array<std::byte, 512> ahead;
        thread_local std::size_t left = 0;
        if (left == 0) {
            fill_from_system(ahead.data(), ahead.size());
            left = ahead.size();
        }
        left -= sizeof(std::uint64_t);
        const auto value = load_le<std::uint64_t>(ahead.data() + left);
        std::fill_n(ahead.begin() + static_cast<std::ptrdiff_t>(left), sizeof(value), std::byte{0});
        return value;
    }
    void fill(bytes_span into) override { fill_from_system(into.data(), into.size()); }
};

class seeded_source final : public random_source {
  public:
    explicit seeded_source(std::uint64_t seed) {
        for (std::uint64_t& word : state_) {
            // splitmix64 (Steele, Lea, Flood, 2014).
            seed += 0x9e3779b97f4a7c15ULL;
            std::uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
            word = z ^ (z >> 31);
        }
    }
    std::uint64_t next() override {
        const std::uint64_t value = rotate(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = rotate(state_[3], 45);
        return value;
    }
    void fill(bytes_span into) override {
        while (!into.empty()) {
            std::array<std::byte, 8> word;
            store_le(word.data(), next());
            const std::size_t length = std::min(into.size(), word.size());
            std::copy_n(word.begin(), length, into.begin());
            into = into.subspan(length);
        }
    }

  private:
    static std::uint64_t rotate(std::uint64_t value, unsigned by) noexcept {
        return (value << by) | (value >> (64 - by));
    }
    std::array<std::uint64_t, 4> state_;
};

}  // namespace

std::uint64_t random_source::below(std::uint64_t bound) {
    TC_ASSERT(bound > 0);
    // The top of the range that is no whole multiple of `bound` would favour small numbers: draw
    // again there.
    const std::uint64_t unfair = (0 - bound) % bound;
    for (;;) {
        const std::uint64_t value = next();
        if (value >= unfair) return value % bound;
    }
}

uuid random_source::make_uuid() {
    uuid id;
    fill(id.bytes);
    id.bytes[6] = (id.bytes[6] & std::byte{0x0f}) | std::byte{0x40};
    id.bytes[8] = (id.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
    return id;
}

std::unique_ptr<random_source> system_random() {
    return std::make_unique<system_source>();
}

std::unique_ptr<random_source> seeded_random(std::uint64_t seed) {
    return std::make_unique<seeded_source>(seed);
}

}  // namespace taicang
