// Small values: ids, bytes, results, callables, randomness.
#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/function.h"
#include "storage/base/ids.h"
#include "storage/base/random.h"
#include "storage/base/result.h"

namespace taicang {
namespace {

TEST(ids, a_uuid_prints_in_the_usual_groups) {
    uuid id;
    for (std::size_t i = 0; i < 16; ++i)
        id.bytes[i] = static_cast<std::byte>(i * 17);
    EXPECT_EQ(id.text(), "00112233-4455-6677-8899-aabbccddeeff");
    EXPECT_FALSE(id.is_nil());
    EXPECT_TRUE(uuid{}.is_nil());
}

TEST(random, uuids_are_version_4_and_differ) {
    const auto random = system_random();
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const uuid id = random->make_uuid();
        const std::string text = id.text();
        EXPECT_EQ(text[14], '4');
        EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
        seen.insert(text);
    }
    EXPECT_EQ(seen.size(), 1000U);
}

TEST(random, equal_seeds_give_equal_runs) {
    const auto a = seeded_random(5);
    const auto b = seeded_random(5);
    const auto c = seeded_random(6);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t value = a->next();
        EXPECT_EQ(value, b->next());
        differs = differs || value != c->next();
    }
    EXPECT_TRUE(differs);
}

TEST(random, xoshiro_gives_its_published_sequence) {
    // xoshiro256** seeded by splitmix64 from 0; reference values of the authors' code.
    const auto random = seeded_random(0);
    EXPECT_EQ(random->next(), 0x99ec5f36cb75f2b4ULL);
    EXPECT_EQ(random->next(), 0xbf6e1f784956452aULL);
    EXPECT_EQ(random->next(), 0x1a5f849d4933e6e0ULL);
}

TEST(random, below_is_within_its_bound_and_reaches_all_of_it) {
    const auto random = seeded_random(1);
    std::array<int, 7> seen{};
    for (int i = 0; i < 7000; ++i)
        ++seen[random->below(7)];
    for (const int count : seen) {
        EXPECT_GT(count, 800);
        EXPECT_LT(count, 1200);
    }
    EXPECT_EQ(random->below(1), 0U);
}

TEST(bytes, what_is_encoded_decodes) {
    std::string text;
    encoder out(text);
    out.u8(1);
    out.u16(0x0203);
    out.u32(0x04050607);
    out.u64(0x08090a0b0c0d0e0fULL);
    out.i64(-5);
    out.varint(300);
    out.varint(~std::uint64_t{0});
    out.text("key");
    decoder in(as_bytes(text));
    EXPECT_EQ(in.u8(), 1);
    EXPECT_EQ(in.u16(), 0x0203);
    EXPECT_EQ(in.u32(), 0x04050607U);
    EXPECT_EQ(in.u64(), 0x08090a0b0c0d0e0fULL);
    EXPECT_EQ(in.i64(), -5);
    EXPECT_EQ(in.varint(), 300U);
    EXPECT_EQ(in.varint(), ~std::uint64_t{0});
    EXPECT_EQ(in.text(10), "key");
    EXPECT_TRUE(in.finished());
    EXPECT_EQ(to_hex(as_bytes(text.substr(0, 3))), "010302");
}

TEST(bytes, a_decoder_remembers_its_failure) {
    const std::string overlong(11, '\xff');
    decoder number(as_bytes(overlong));
    EXPECT_EQ(number.varint(), 0U);
    EXPECT_FALSE(number.ok());
    EXPECT_EQ(number.u8(), 0);
    const std::string text =
        "\x05"
        "abc";
    decoder short_text(as_bytes(text));
    EXPECT_EQ(short_text.text(10), "");
    EXPECT_FALSE(short_text.ok());
    decoder too_long(as_bytes(text));
    EXPECT_EQ(too_long.text(4), "");
    EXPECT_FALSE(too_long.ok());
}

result<int> half(int n) {
    if (n % 2 != 0) return error(errc::invalid_argument, "odd");
    return n / 2;
}
result<int> quarter(int n) {
    TC_TRY_ASSIGN(h, half(n));
    TC_TRY_ASSIGN(q, half(h));
    return q;
}

TEST(result, an_error_passes_through_and_a_value_arrives) {
    EXPECT_EQ(*quarter(12), 3);
    EXPECT_TRUE(quarter(6).is(errc::invalid_argument));
    EXPECT_EQ(quarter(6).error().with_context("halving").message, "halving: odd");
}

TEST(errors, every_number_of_the_header_has_its_name) {
    const char* source = std::getenv("TAICANG_SOURCE_DIR");
    if (source == nullptr) GTEST_SKIP() << "run by ctest, which says where the source is";
    std::ifstream header(std::string(source) + "/storage/base/errors.h");
    const std::regex entry(R"(^\s+(\w+) = (\d+),.*)");
    int found = 0;
    for (std::string line; std::getline(header, line);) {
        std::smatch parts;
        if (!std::regex_match(line, parts, entry)) continue;
        ++found;
        EXPECT_EQ(errc_name(static_cast<errc>(std::stoi(parts[2]))), parts[1].str());
    }
    EXPECT_GT(found, 40);
}

TEST(unique_function, small_and_large_callables_move_run_and_die_once) {
    struct counter {
        int* alive;
        explicit counter(int* a) : alive(a) { ++*alive; }
        counter(counter&& other) noexcept : alive(other.alive) { ++*alive; }
        counter& operator=(counter&&) = delete;
        ~counter() { --*alive; }
    };
    int alive = 0;
    int ran = 0;
    {
        unique_function<int(int)> small([c = counter(&alive), &ran](int n) { return ++ran + n; });
        unique_function<int(int)> large([c = counter(&alive), pad = std::array<char, 200>{},
                                         &ran](int n) { return ++ran + n + pad[0]; });
        EXPECT_EQ(alive, 2);
        unique_function<int(int)> moved = std::move(small);
        EXPECT_FALSE(static_cast<bool>(small));
        EXPECT_EQ(moved(10), 11);
        moved = std::move(large);
        EXPECT_EQ(alive, 1);
        EXPECT_EQ(moved(10), 12);
        std::vector<unique_function<int(int)>> many;
        for (int i = 0; i < 10; ++i)
            many.push_back([c = counter(&alive)](int n) { return n; });
        EXPECT_EQ(alive, 11);
    }
    EXPECT_EQ(alive, 0);
    unique_function<int()> owner([p = std::make_unique<int>(5)] { return *p; });
    EXPECT_EQ(owner(), 5);
}

}  // namespace
}  // namespace taicang
