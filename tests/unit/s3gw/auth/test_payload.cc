// Bodies behind their authentication: digests, aws-chunked framing with all its malformations,
// lengths.
#include <algorithm>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "s3gw/auth/payload.h"
#include "s3gw/auth/signer.h"
#include "tests/unit/s3gw/manual_executor.h"

namespace taicang {
namespace {

using tests::manual_executor;

/// A body of given bytes that gives at most `step` at once.
class text_body final : public http_body_reader {
  public:
    text_body(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}
    task<result<std::size_t>> read(bytes_span into) override {
        const std::size_t length = std::min({step_, into.size(), text_.size() - at_});
        std::memcpy(into.data(), text_.data() + at_, length);
        at_ += length;
        co_return length;
    }
    [[nodiscard]] std::optional<std::uint64_t> bytes_left() const override {
        return text_.size() - at_;
    }

  private:
    std::string text_;
    std::size_t step_;
    std::size_t at_ = 0;
};

task<result<std::string>> read_all(payload_reader& reader, std::size_t into_size) {
    std::string all;
    std::vector<std::byte> into(into_size);
    for (;;) {
        auto got = co_await reader.read(into);
        if (!got) co_return std::move(got).error();
        if (*got == 0) break;
        all += as_text(bytes_view(into).first(*got));
    }
    auto again = co_await reader.read(into);
    if (!again || *again != 0) co_return error(errc::corrupt, "the end was not final");
    co_return all;
}

struct outcome {
    result<std::string> payload;
    std::vector<aws_trailer> trailers;
};

outcome receive(const authenticated& who, const std::string& wire, std::size_t step,
                std::size_t into_size, digest_check digest = digest_check::here) {
    manual_executor home;
    http_request request;
    text_body body(wire, step);
    request.body = &body;
    request.content_length = wire.size();
    const auto reader = make_payload_reader(request, who, digest);
    auto payload = home.run(read_all(*reader, into_size));
    return {std::move(*payload), reader->trailers()};
}

authenticated who_sends(payload_kind kind) {
    authenticated who;
    who.payload = kind;
    who.amz_date = "20240229T120000Z";
    who.scope = "20240229/us-east-1/s3/aws4_request";
    who.seed_signature = std::string(64, '0');
    who.signing_key = derive_signing_key("secret", "20240229", "us-east-1", "s3");
    return who;
}

constexpr std::string_view signed_word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
constexpr std::string_view signed_trailer_word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
constexpr std::string_view unsigned_word = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

std::string encode(const authenticated& who, std::string_view word, const std::string& payload,
                   std::size_t chunk_size,
                   const std::vector<std::pair<std::string, std::string>>& trailers) {
    signed_request request;
    request.amz_date = who.amz_date;
    request.scope = who.scope;
    request.signature = who.seed_signature;
    aws_chunked_encoder encoder({"", "secret"}, request, word);
    std::string wire;
    for (std::size_t at = 0; at < payload.size(); at += chunk_size) {
        wire += encoder.chunk(as_bytes(std::string_view(payload).substr(at, chunk_size)));
    }
    return wire + encoder.end(trailers);
}

std::string some_text(std::size_t length) {
    std::string text(length, '\0');
    for (std::size_t i = 0; i < length; ++i)
        text[i] = static_cast<char>('a' + i % 23);
    return text;
}

TEST(payload, a_signed_digest_is_checked_at_the_end) {
    const std::string text = some_text(100'000);
    authenticated who = who_sends(payload_kind::signed_digest);
    who.payload_sha256 = sha256_of(text);
    EXPECT_EQ(*receive(who, text, 4096, 1000).payload, text);
    std::string wrong = text;
    wrong[99'999] = 'X';
    EXPECT_TRUE(receive(who, wrong, 4096, 1000).payload.is(errc::payload_digest_mismatch));
    EXPECT_TRUE(receive(who, "", 4096, 1000).payload.is(errc::payload_digest_mismatch));
    EXPECT_EQ(*receive(who, wrong, 4096, 1000, digest_check::caller).payload, wrong);
}

TEST(payload, every_kind_of_chunked_body_comes_through_in_any_cut) {
    const std::string text = some_text(150'000);
    const std::vector<std::pair<std::string, std::string>> trailers = {
        {"x-amz-checksum-crc32", "AAAAAA=="}};
    struct kind {
        payload_kind payload;
        std::string_view word;
        bool has_trailer;
    };
    for (const kind& k : {kind{payload_kind::streaming_signed, signed_word, false},
                          kind{payload_kind::streaming_signed_trailer, signed_trailer_word, true},
                          kind{payload_kind::streaming_unsigned_trailer, unsigned_word, true}}) {
        authenticated who = who_sends(k.payload);
        if (k.has_trailer) who.announced_trailers = "x-amz-checksum-crc32";
        for (const std::size_t chunk : {8192UL, 65'536UL, 1'000'000UL}) {
            const std::string wire =
                encode(who, k.word, text, chunk, k.has_trailer ? trailers : decltype(trailers){});
            for (const std::size_t step : {1UL, 777UL, 1'000'000UL}) {
                for (const std::size_t into : {100UL, 20'000UL, 1'000'000UL}) {
                    if (step == 1 && into != 20'000UL) continue;
                    who.decoded_length = text.size();
                    const outcome got = receive(who, wire, step, into);
                    ASSERT_TRUE(got.payload.ok()) << got.payload.error().message;
                    ASSERT_EQ(*got.payload, text);
                    EXPECT_EQ(got.trailers.size(), k.has_trailer ? 1U : 0U);
                }
            }
        }
    }
}

TEST(payload, an_empty_chunked_body_is_empty) {
    authenticated who = who_sends(payload_kind::streaming_unsigned_trailer);
    EXPECT_EQ(*receive(who, "0\r\n\r\n", 3, 100).payload, "");
    EXPECT_EQ(*receive(who, "0\r\n", 3, 100).payload, "") << "some clients leave the last line out";
    who = who_sends(payload_kind::streaming_signed);
    EXPECT_EQ(*receive(who, encode(who, signed_word, "", 100, {}), 3, 100).payload, "");
}

TEST(payload, the_decoded_length_is_held) {
    authenticated who = who_sends(payload_kind::streaming_unsigned_trailer);
    const std::string wire = "5\r\nhello\r\n0\r\n\r\n";
    for (const std::uint64_t length : {0ULL, 4ULL, 6ULL}) {
        who.decoded_length = length;
        EXPECT_TRUE(receive(who, wire, 100, 100).payload.is(errc::incomplete_body)) << length;
    }
    who.decoded_length = 5;
    EXPECT_EQ(*receive(who, wire, 100, 100).payload, "hello");
}

TEST(payload, malformed_framing_is_refused) {
    const authenticated who = who_sends(payload_kind::streaming_unsigned_trailer);
    struct wrong {
        const char* wire;
        errc code;
    };
    for (const wrong& w : {
             wrong{"", errc::incomplete_body},
             wrong{"5\r\nhel", errc::incomplete_body},
             wrong{"5\r\nhello\r\n", errc::incomplete_body},
             wrong{"5\r\nhello", errc::incomplete_body},
             wrong{"5\nhello\r\n0\r\n\r\n", errc::chunk_malformed},
             wrong{"\r\nhello", errc::chunk_malformed},
             wrong{"x\r\nhello", errc::chunk_malformed},
             wrong{" 5\r\nhello", errc::chunk_malformed},
             wrong{"-5\r\nhello", errc::chunk_malformed},
             wrong{"4\r\nhello\r\n0\r\n\r\n", errc::chunk_malformed},
             wrong{"6\r\nhello\r\n0\r\n\r\n", errc::chunk_malformed},
             wrong{"ffffffffffffffff\r\nhello", errc::chunk_malformed},
             wrong{"140000001\r\nhello", errc::chunk_malformed},
             wrong{"0\r\nnot announced: x\r\n\r\n", errc::trailer_malformed},
             wrong{"0\r\nno colon\r\n\r\n", errc::trailer_malformed},
             wrong{"0\r\n: x\r\n\r\n", errc::trailer_malformed},
             wrong{"0\r\n\r\nmore", errc::chunk_malformed},
         }) {
        for (const std::size_t step : {1UL, 100UL}) {
            const auto got = receive(who, w.wire, step, 100).payload;
            ASSERT_FALSE(got.ok()) << w.wire;
            EXPECT_EQ(got.error().code, w.code) << w.wire << ": " << got.error().message;
        }
    }
    EXPECT_TRUE(
        receive(who, std::string(100'000, '1'), 4096, 100).payload.is(errc::chunk_malformed));
    EXPECT_TRUE(receive(who, "0\r\na:" + std::string(100'000, '1'), 4096, 100)
                    .payload.is(errc::trailer_malformed));
}

TEST(payload, chunks_cannot_be_changed_reordered_left_out_or_cut) {
    authenticated who = who_sends(payload_kind::streaming_signed);
    const std::string text = some_text(30'000);
    who.decoded_length = text.size();
    const std::string wire = encode(who, signed_word, text, 10'000, {});
    ASSERT_TRUE(receive(who, wire, 5000, 5000).payload.ok());

    std::string changed = wire;
    changed[500] = static_cast<char>(changed[500] ^ 1);
    EXPECT_TRUE(receive(who, changed, 5000, 5000).payload.is(errc::signature_mismatch));

    const std::size_t first = wire.find("2710;", 1);
    const std::size_t second = wire.find("2710;", first + 1);
    ASSERT_NE(second, std::string::npos);
    const std::string swapped =
        wire.substr(first, second - first) + wire.substr(0, first) + wire.substr(second);
    EXPECT_TRUE(receive(who, swapped, 5000, 5000).payload.is(errc::signature_mismatch));

    who.decoded_length = 20'000;
    const std::string shortened = wire.substr(0, first) + wire.substr(second);
    EXPECT_TRUE(receive(who, shortened, 5000, 5000).payload.is(errc::signature_mismatch));
    const std::string cut = wire.substr(0, second);
    EXPECT_TRUE(receive(who, cut, 5000, 5000).payload.is(errc::incomplete_body));

    EXPECT_TRUE(receive(who, "5\r\nhello\r\n0\r\n\r\n", 100, 100).payload.is(errc::chunk_malformed))
        << "a signed body without signatures";
}

TEST(payload, trailers_must_be_those_announced) {
    authenticated who = who_sends(payload_kind::streaming_unsigned_trailer);
    who.announced_trailers = "X-Amz-Checksum-Crc32, x-amz-meta-b";
    const std::string two = "0\r\nx-amz-checksum-crc32: AAAAAA==\r\nX-Amz-Meta-B:  v \r\n\r\n";
    const outcome got = receive(who, two, 5, 100);
    ASSERT_TRUE(got.payload.ok()) << got.payload.error().message;
    ASSERT_EQ(got.trailers.size(), 2U);
    EXPECT_EQ(got.trailers[1].name, "x-amz-meta-b");
    EXPECT_EQ(got.trailers[1].value, "v");
    EXPECT_TRUE(receive(who, "0\r\nx-amz-checksum-crc32: AAAAAA==\r\n\r\n", 5, 100)
                    .payload.is(errc::trailer_malformed));
}

}  // namespace
}  // namespace taicang
