// AWS's own published examples of SigV4 for S3 ("Signature calculations for the authorization
// header", "... presigned URLs", "... multiple chunks", "... trailing headers", Amazon S3 API
// reference): keys, requests and signatures as printed there.
#include <string>

#include <gtest/gtest.h>

#include "s3gw/auth/chunked_decoder.h"
#include "s3gw/auth/signer.h"
#include "s3gw/auth/sigv4.h"
#include "tests/unit/s3gw/auth/request_text.h"

namespace taicang {
namespace {

using tests::parsed_head;

constexpr const char* access_key = "AKIAIOSFODNN7EXAMPLE";
constexpr const char* secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
constexpr std::string_view empty_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

class aws_examples : public testing::Test {
  protected:
    aws_examples() : authenticator_(store_, {"us-east-1"}) {
        credential key;
        key.access_key = access_key;
        key.secret = secret_text(secret_key);
        store_.put(std::move(key));
        now_ = *parse_amz_date("20130524T000000Z");
    }

    static std::string authorization(const std::string& signed_headers,
                                     const std::string& signature) {
        return std::string("\nAuthorization: AWS4-HMAC-SHA256 Credential=") + access_key +
               "/20130524/us-east-1/s3/aws4_request,SignedHeaders=" + signed_headers +
               ",Signature=" + signature;
    }
    /// The request is taken, and the same one with its signature changed is not.
    void expect_authentic(const std::string& lines, const std::string& signature) {
        const parsed_head right(lines);
        const auto failure = authenticator_.authenticate(right.head(), now_, who_);
        ASSERT_FALSE(failure) << failure->message << "\n"
                              << (failure->details.empty() ? "" : failure->details.back().second);
        EXPECT_EQ(who_.who->access_key, access_key);

        std::string wrong_lines = lines;
        const std::size_t at = wrong_lines.find(signature);
        ASSERT_NE(at, std::string::npos);
        wrong_lines[at] = wrong_lines[at] == '0' ? '1' : '0';
        const parsed_head wrong(wrong_lines);
        authenticated nobody;
        const auto refused = authenticator_.authenticate(wrong.head(), now_, nobody);
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->code, auth_error::signature_does_not_match);
        EXPECT_TRUE(nobody.is_anonymous());
    }

    credential_store store_;
    request_authenticator authenticator_;
    authenticated who_;
    std::int64_t now_ = 0;
};

TEST_F(aws_examples, get_object) {
    const std::string signature =
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    expect_authentic(
        "GET /test.txt HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nRange: bytes=0-9"
        "\nx-amz-content-sha256: " +
            std::string(empty_hash) + "\nx-amz-date: 20130524T000000Z" +
            authorization("host;range;x-amz-content-sha256;x-amz-date", signature),
        signature);
    EXPECT_EQ(who_.payload, payload_kind::signed_digest);
    EXPECT_FALSE(who_.is_presigned);
}

TEST_F(aws_examples, put_object) {
    const std::string signature =
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
    expect_authentic(
        "PUT /test%24file.text HTTP/1.1\nHost: examplebucket.s3.amazonaws.com"
        "\nDate: Fri, 24 May 2013 00:00:00 GMT\nx-amz-date: 20130524T000000Z"
        "\nx-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: "
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
        "\nContent-Length: 21" +
            authorization("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                          signature),
        signature);
    EXPECT_EQ(who_.payload_sha256, sha256_of("Welcome to Amazon S3."));
}

TEST_F(aws_examples, get_bucket_lifecycle) {
    const std::string signature =
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
    expect_authentic(
        "GET /?lifecycle HTTP/1.1\nHost: examplebucket.s3.amazonaws.com"
        "\nx-amz-date: 20130524T000000Z\nx-amz-content-sha256: " +
            std::string(empty_hash) +
            authorization("host;x-amz-content-sha256;x-amz-date", signature),
        signature);
}

TEST_F(aws_examples, list_objects) {
    const std::string signature =
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
    expect_authentic(
        "GET /?max-keys=2&prefix=J HTTP/1.1\nHost: examplebucket.s3.amazonaws.com"
        "\nx-amz-date: 20130524T000000Z\nx-amz-content-sha256: " +
            std::string(empty_hash) +
            authorization("host;x-amz-content-sha256;x-amz-date", signature),
        signature);
}

TEST_F(aws_examples, presigned_get) {
    const std::string signature =
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    const std::string lines =
        "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE"
        "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
        "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=" +
        signature + " HTTP/1.1\nHost: examplebucket.s3.amazonaws.com";
    expect_authentic(lines, signature);
    EXPECT_TRUE(who_.is_presigned);
    EXPECT_EQ(who_.payload, payload_kind::unsigned_payload);

    const parsed_head head(lines);
    const std::int64_t second = 1'000'000'000;
    EXPECT_FALSE(authenticator_.authenticate(head.head(), now_ + 86'400 * second, who_));
    const auto late = authenticator_.authenticate(head.head(), now_ + 86'401 * second, who_);
    ASSERT_TRUE(late);
    EXPECT_EQ(late->code, auth_error::request_expired);
    EXPECT_EQ(late->message, "Request has expired");
    const auto early = authenticator_.authenticate(head.head(), now_ - 901 * second, who_);
    ASSERT_TRUE(early);
    EXPECT_EQ(early->code, auth_error::request_expired);
}

/// Runs a decoder over `wire` in pieces of `step` bytes; the payload, or the error.
result<std::string> decode(const authenticated& who, std::string_view wire, std::size_t step,
                           std::vector<aws_trailer>* trailers = nullptr) {
    aws_chunked_decoder decoder(who);
    std::string payload;
    while (!wire.empty() && !decoder.finished()) {
        const std::string_view input = wire.substr(0, step);
        std::size_t used = 0;
        while (used < input.size() && !decoder.finished()) {
            auto part = decoder.next(as_bytes(input.substr(used)));
            if (!part) return std::move(part).error();
            used += part->consumed;
            payload += as_text(part->payload);
        }
        wire.remove_prefix(used);
    }
    TC_TRY(decoder.end_of_input());
    if (!wire.empty()) return error(errc::chunk_malformed, "bytes after the end");
    if (trailers != nullptr) *trailers = decoder.trailers();
    return payload;
}

const std::string chunked_headers =
    "PUT /examplebucket/chunkObject.txt HTTP/1.1\nHost: s3.amazonaws.com"
    "\nx-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY"
    "\nContent-Encoding: aws-chunked\nx-amz-decoded-content-length: 66560";

TEST_F(aws_examples, chunked_upload) {
    const std::string signature =
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    expect_authentic(chunked_headers +
                         "\nContent-Length: 66824"
                         "\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD" +
                         authorization("content-encoding;content-length;host;x-amz-content-sha256;"
                                       "x-amz-date;x-amz-decoded-content-length;"
                                       "x-amz-storage-class",
                                       signature),
                     signature);
    ASSERT_EQ(who_.payload, payload_kind::streaming_signed);
    EXPECT_EQ(who_.decoded_length, 66560U);

    const std::string wire =
        "10000;chunk-signature="
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
        std::string(65536, 'a') +
        "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
        "\r\n" +
        std::string(1024, 'a') +
        "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
        "\r\n\r\n";
    ASSERT_EQ(wire.size(), 66824U);
    for (const std::size_t step : {1UL, 7UL, 4096UL, 100'000UL}) {
        const auto payload = decode(who_, wire, step);
        ASSERT_TRUE(payload.ok()) << payload.error().message;
        EXPECT_EQ(*payload, std::string(66560, 'a'));
    }
    for (const std::size_t at : {100UL, 65'700UL, 66'000UL}) {
        std::string wrong = wire;
        ASSERT_EQ(wrong[at], 'a');
        wrong[at] = 'b';
        EXPECT_TRUE(decode(who_, wrong, 4096).is(errc::signature_mismatch)) << at;
    }
}

TEST_F(aws_examples, chunked_upload_with_trailer) {
    const std::string signature =
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    expect_authentic(
        chunked_headers +
            "\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
            "\nx-amz-trailer: x-amz-checksum-crc32c\nTransfer-Encoding: chunked" +
            authorization("content-encoding;host;x-amz-content-sha256;x-amz-date;"
                          "x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
                          signature),
        signature);
    ASSERT_EQ(who_.payload, payload_kind::streaming_signed_trailer);
    EXPECT_EQ(who_.announced_trailers, "x-amz-checksum-crc32c");

    const std::string chunks =
        "10000;chunk-signature="
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" +
        std::string(65536, 'a') +
        "\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"
        "\r\n" +
        std::string(1024, 'a') +
        "\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
        "\r\n";
    const std::string signature_line =
        "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
    // As clients end the lines, and as the documentation prints them.
    for (const std::string& trailer :
         {"x-amz-checksum-crc32c:sOO8/Q==\r\n" + signature_line + "\r\n\r\n",
          "x-amz-checksum-crc32c:sOO8/Q==\n\r\n" + signature_line + "\r\n\r\n",
          "x-amz-checksum-crc32c:sOO8/Q==\r\n" + signature_line + "\r\n"}) {
        for (const std::size_t step : {1UL, 13UL, 100'000UL}) {
            std::vector<aws_trailer> trailers;
            const auto payload = decode(who_, chunks + trailer, step, &trailers);
            ASSERT_TRUE(payload.ok()) << payload.error().message;
            EXPECT_EQ(payload->size(), 66560U);
            ASSERT_EQ(trailers.size(), 1U);
            EXPECT_EQ(trailers[0].name, "x-amz-checksum-crc32c");
            EXPECT_EQ(trailers[0].value, "sOO8/Q==");
        }
    }
    EXPECT_TRUE(decode(who_,
                       chunks + "x-amz-checksum-crc32c:sOO8/R==\r\n" + signature_line + "\r\n\r\n",
                       4096)
                    .is(errc::signature_mismatch));
    EXPECT_TRUE(decode(who_, chunks + "x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n", 4096)
                    .is(errc::incomplete_body))
        << "the trailer's signature was left out";
    EXPECT_TRUE(decode(who_, chunks + "\r\n", 4096).is(errc::trailer_malformed))
        << "an announced trailer was left out";
}

TEST_F(aws_examples, the_signer_makes_the_same_signatures) {
    const sign_key key{access_key, secret_key};
    sign_request request;
    request.host = "examplebucket.s3.amazonaws.com";
    request.path = "/test.txt";
    request.headers = {{"Range", "bytes=0-9"}};
    EXPECT_EQ(sign_by_header(key, request, empty_hash, now_).signature,
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    request.headers.clear();
    EXPECT_EQ(presign(key, request, now_, 86400).signature,
              "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    request.method = "PUT";
    request.host = "s3.amazonaws.com";
    request.path = "/examplebucket/chunkObject.txt";
    request.headers = {{"content-encoding", "aws-chunked"},
                       {"x-amz-decoded-content-length", "66560"},
                       {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                       {"x-amz-trailer", "x-amz-checksum-crc32c"}};
    const std::string_view word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    const auto signed_one = sign_by_header(key, request, word, now_);
    EXPECT_EQ(signed_one.signature,
              "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    aws_chunked_encoder encoder(key, signed_one, word);
    const std::string a(65536, 'a');
    EXPECT_TRUE(
        encoder.chunk(as_bytes(a))
            .starts_with("10000;chunk-signature="
                         "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"));
    static_cast<void>(encoder.chunk(as_bytes(std::string_view(a).substr(0, 1024))));
    EXPECT_NE(encoder.end({{"x-amz-checksum-crc32c", "sOO8/Q=="}})
                  .find("d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"),
              std::string::npos);
}

}  // namespace
}  // namespace taicang
