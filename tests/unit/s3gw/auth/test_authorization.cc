// What is refused before and beside the signature, and with which of S3's words.
#include <string>

#include <gtest/gtest.h>

#include "s3gw/auth/signer.h"
#include "s3gw/auth/sigv4.h"
#include "tests/unit/s3gw/auth/request_text.h"

namespace taicang {
namespace {

using tests::parsed_head;

constexpr std::int64_t second = 1'000'000'000;

class authorization_test : public testing::Test {
  protected:
    authorization_test() : authenticator_(store_, {"us-east-1"}) {
        put_key("AKIATEST", "a secret of some length", true);
        request_.host = "localhost:9000";
        request_.path = "/bucket/key";
    }
    void put_key(const std::string& access, const std::string& secret, bool enabled) {
        credential key;
        key.access_key = access;
        key.secret = secret_text(secret);
        key.enabled = enabled;
        store_.put(std::move(key));
    }
    static std::string text_of(const std::string& method, const signed_request& request) {
        std::string lines = method + " " + request.target + " HTTP/1.1";
        for (const auto& [name, value] : request.headers)
            lines += "\n" + name + ": " + value;
        return lines;
    }
    std::string by_header(std::int64_t at = 0) {
        return text_of(request_.method,
                       sign_by_header(key_, request_, "UNSIGNED-PAYLOAD", now_ + at));
    }
    std::string by_query(std::uint64_t expires = 60) {
        return text_of(request_.method, presign(key_, request_, now_, expires));
    }
    std::optional<auth_failure> check(const std::string& lines) {
        const parsed_head head(lines);
        return authenticator_.authenticate(head.head(), now_, who_);
    }
    void expect_taken(const std::string& lines) {
        const auto failure = check(lines);
        EXPECT_FALSE(failure) << failure->message << "\n" << lines;
    }
    void expect_refused(const std::string& lines, auth_error code, const std::string& words) {
        const auto failure = check(lines);
        ASSERT_TRUE(failure) << lines;
        EXPECT_EQ(failure->code, code) << failure->message;
        EXPECT_NE(failure->message.find(words), std::string::npos) << failure->message;
        EXPECT_TRUE(who_.is_anonymous());
        for (const auto& [name, value] : failure->details) {
            EXPECT_EQ(value.find("a secret of some length"), std::string::npos) << name;
        }
    }
    static std::string replaced(std::string text, const std::string& what,
                                const std::string& with) {
        const std::size_t at = text.find(what);
        EXPECT_NE(at, std::string::npos) << what;
        return text.replace(at, what.size(), with);
    }

    credential_store store_;
    request_authenticator authenticator_;
    authenticated who_;
    sign_key key_{"AKIATEST", "a secret of some length"};
    sign_request request_;
    std::int64_t now_ = *parse_amz_date("20240229T120000Z");
};

TEST_F(authorization_test, odd_paths_and_queries_are_signed_as_clients_sign_them) {
    for (const char* path :
         {"/", "/b/a key with blanks", "/b/plus+equals=amp&", "/b/%25 %41", "/b//double//slash/",
          "/b/\xE4\xB8\xAD\xE6\x96\x87", "/b/~-._", "/b/dots/../here", "/b/colon:semi;star*"}) {
        request_.path = path;
        request_.query = {{"prefix", "a b+c/d"}, {"acl", ""}, {"Prefix", "\xC3\xA9"}, {"a-b", "~"}};
        expect_taken(by_header());
        expect_taken(by_query());
    }
}

TEST_F(authorization_test, unencoded_but_legal_characters_in_the_path_are_taken) {
    request_.path = "/b/(a)!$'*,=@";
    const std::string target = sign_by_header(key_, request_, "UNSIGNED-PAYLOAD", now_).target;
    expect_taken(replaced(by_header(), target, "/b/(a)!$'*,=@"));
}

TEST_F(authorization_test, header_values_are_trimmed_folded_and_joined) {
    request_.headers = {{"x-amz-meta-blank", "a b c"}, {"x-amz-meta-two", "1,2"}};
    std::string lines = by_header();
    lines = replaced(lines, "x-amz-meta-blank: a b c", "x-amz-meta-blank:    a   b \t c  ");
    lines = replaced(lines, "x-amz-meta-two: 1,2", "x-amz-meta-two: 1\nX-Amz-Meta-Two:  2");
    expect_taken(lines);
}

TEST_F(authorization_test, headers_that_need_no_signature_may_be_added_or_changed) {
    expect_taken(by_header() + "\nUser-Agent: something\nContent-Type: text/plain\nAccept: */*");
}

TEST_F(authorization_test, amz_headers_must_be_signed) {
    expect_refused(by_header() + "\nx-amz-copy-source: /other/secret", auth_error::access_denied,
                   "not signed");
    expect_refused(by_query() + "\nx-amz-acl: public-read", auth_error::access_denied,
                   "not signed");
}

TEST_F(authorization_test, the_query_is_part_of_what_is_signed) {
    request_.query = {{"versionId", "1"}};
    expect_refused(replaced(by_header(), "versionId=1", "versionId=2"),
                   auth_error::signature_does_not_match, "does not match");
    expect_refused(replaced(by_query(), "versionId=1", "versionId=1&versionId=2"),
                   auth_error::signature_does_not_match, "does not match");
}

TEST_F(authorization_test, method_path_and_host_are_part_of_what_is_signed) {
    expect_refused(replaced(by_header(), "GET ", "DELETE "), auth_error::signature_does_not_match,
                   "does not match");
    expect_refused(replaced(by_header(), "/bucket/key", "/bucket/kex"),
                   auth_error::signature_does_not_match, "does not match");
    expect_refused(replaced(by_query(), "localhost:9000", "localhost:9001"),
                   auth_error::signature_does_not_match, "does not match");
}

TEST_F(authorization_test, clocks_may_differ_by_a_quarter_of_an_hour) {
    expect_taken(by_header(-900 * second));
    expect_taken(by_header(900 * second));
    expect_refused(by_header(-901 * second), auth_error::request_time_too_skewed, "too large");
    expect_refused(by_header(901 * second), auth_error::request_time_too_skewed, "too large");
}

TEST_F(authorization_test, the_date_header_serves_where_x_amz_date_is_missing) {
    request_.headers = {{"Date", "Thu, 29 Feb 2024 12:00:00 GMT"}};
    // Signed without x-amz-date: built by hand from the same pieces.
    http_request_head head;
    head.method_text = "GET";
    head.path = request_.path;
    head.headers.add("host", request_.host);
    head.headers.add("date", "Thu, 29 Feb 2024 12:00:00 GMT");
    head.headers.add("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    std::string canonical;
    const std::string names = "date;host;x-amz-content-sha256";
    ASSERT_TRUE(canonical_request(head, names, "UNSIGNED-PAYLOAD", false, canonical));
    const std::string scope = "20240229/us-east-1/s3/aws4_request";
    const auto hex = hex_of(derive_signing_key(key_.secret_key, "20240229", "us-east-1", "s3")
                                .sign(string_to_sign("20240229T120000Z", scope, canonical)));
    const std::string lines =
        "GET /bucket/key HTTP/1.1\nHost: localhost:9000\nDate: Thu, 29 Feb "
        "2024 12:00:00 GMT\nx-amz-content-sha256: UNSIGNED-PAYLOAD\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIATEST/" +
        scope + ", SignedHeaders=" + names + ", Signature=" + std::string(view_of(hex));
    expect_taken(lines);
    expect_refused(replaced(lines, "Thu, 29 Feb 2024 12:00:00 GMT", "yesterday"),
                   auth_error::access_denied, "Date");
}

TEST_F(authorization_test, malformed_headers_are_told_apart) {
    const auto malformed = auth_error::authorization_header_malformed;
    const std::string good = by_header();
    expect_refused(replaced(good, "us-east-1", "eu-west-1"), malformed,
                   "the region 'eu-west-1' is wrong; expecting 'us-east-1'");
    expect_refused(replaced(good, "/s3/", "/ec2/"), malformed, "incorrect service");
    expect_refused(replaced(good, "/aws4_request", ""), malformed, "mal-formed");
    expect_refused(replaced(good, "AKIATEST/20240229", "AKIATEST/20240228"), malformed,
                   "Invalid credential date");
    expect_refused(replaced(good, "Credential=", "Credentia1="), malformed, "missing Credential");
    expect_refused(replaced(good, "SignedHeaders=", "SignedHeader="), malformed,
                   "missing SignedHeaders");
    expect_refused(replaced(good, ",Signature=", ",Sig="), malformed, "missing Signature");
    expect_refused(replaced(good, "AWS4-HMAC-SHA256 ", "Basic "), auth_error::invalid_argument,
                   "Unsupported Authorization Type");
    expect_refused(replaced(good, "x-amz-content-sha256: UNSIGNED-PAYLOAD\n", ""),
                   auth_error::invalid_request, "x-amz-content-sha256");
    expect_refused(
        replaced(good, "x-amz-content-sha256: UNSIGNED-PAYLOAD", "x-amz-content-sha256: abc"),
        auth_error::invalid_argument, "valid sha256");
    expect_refused(replaced(good, "SignedHeaders=host;", "SignedHeaders="),
                   auth_error::access_denied, "not signed");
    expect_refused(good + "\nx-amz-security-token: abc", auth_error::invalid_token, "token");
}

TEST_F(authorization_test, malformed_queries_are_told_apart) {
    const auto wrong = auth_error::authorization_query_parameters_error;
    const std::string good = by_query();
    expect_refused(replaced(good, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), wrong, "X-Amz-Algorithm");
    expect_refused(replaced(good, "X-Amz-Date=", "X-Amz-Dat="), wrong, "requires the");
    expect_refused(replaced(good, "X-Amz-Expires=60", "X-Amz-Expires=0"), wrong, "at least");
    expect_refused(replaced(good, "X-Amz-Expires=60", "X-Amz-Expires=-1"), wrong, "number");
    expect_refused(replaced(good, "X-Amz-Expires=60", "X-Amz-Expires=604801"), wrong, "604800");
    expect_refused(replaced(good, "us-east-1", "moon"), wrong, "the region 'moon' is wrong");
    expect_refused(replaced(good, "T120000Z", "T99"), wrong, "ISO8601");
    expect_taken(by_query(604'800));
}

TEST_F(authorization_test, keys_that_are_unknown_disabled_or_changed_are_refused) {
    expect_taken(by_header());
    key_.access_key = "AKIAOTHER";
    expect_refused(by_header(), auth_error::invalid_access_key_id, "does not exist");
    key_.access_key = "AKIATEST";
    // The signing key is in the cache by now; the credential's change must be seen nevertheless.
    put_key("AKIATEST", "another secret", true);
    expect_refused(by_header(), auth_error::signature_does_not_match, "does not match");
    key_.secret_key = "another secret";
    expect_taken(by_header());
    put_key("AKIATEST", "another secret", false);
    expect_refused(by_header(), auth_error::invalid_access_key_id, "does not exist");
    EXPECT_TRUE(store_.remove("AKIATEST"));
    expect_refused(by_header(), auth_error::invalid_access_key_id, "does not exist");
}

TEST_F(authorization_test, signature_version_2_is_named_as_unsupported) {
    expect_refused("GET /b HTTP/1.1\nHost: h\nAuthorization: AWS AKIATEST:abc=",
                   auth_error::invalid_request, "Please use AWS4-HMAC-SHA256");
    expect_refused("GET /b?AWSAccessKeyId=AKIATEST&Expires=1&Signature=x HTTP/1.1\nHost: h",
                   auth_error::invalid_request, "Please use AWS4-HMAC-SHA256");
}

TEST_F(authorization_test, two_ways_at_once_are_refused) {
    expect_refused(by_query() + "\nAuthorization: AWS4-HMAC-SHA256 Credential=x",
                   auth_error::invalid_argument, "Only one auth mechanism allowed");
    const std::string good = by_header();
    expect_refused(good + good.substr(good.find("\nAuthorization")), auth_error::invalid_argument,
                   "Only one auth mechanism allowed");
}

TEST_F(authorization_test, a_request_without_authorization_is_anonymous) {
    expect_taken("GET /public/key HTTP/1.1\nHost: h");
    EXPECT_TRUE(who_.is_anonymous());
    EXPECT_EQ(who_.payload, payload_kind::unsigned_payload);
}

TEST_F(authorization_test, streaming_words_need_the_decoded_length_except_the_unsigned_one) {
    request_.method = "PUT";
    const auto lines = [&](std::string_view word) {
        return text_of("PUT", sign_by_header(key_, request_, word, now_));
    };
    expect_refused(lines("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), auth_error::missing_content_length,
                   "x-amz-decoded-content-length");
    expect_taken(lines("STREAMING-UNSIGNED-PAYLOAD-TRAILER"));
    EXPECT_FALSE(who_.decoded_length);
    request_.headers = {{"x-amz-decoded-content-length", "12x"}};
    expect_refused(lines("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), auth_error::invalid_argument,
                   "x-amz-decoded-content-length");
    request_.headers = {{"x-amz-decoded-content-length", "12"}};
    expect_taken(lines("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"));
    EXPECT_EQ(who_.decoded_length, 12U);
}

TEST_F(authorization_test, dates_are_read_and_written) {
    EXPECT_EQ(parse_amz_date("19700101T000001Z"), second);
    EXPECT_EQ(format_amz_date(now_), "20240229T120000Z");
    for (const char* wrong : {"20230229T000000Z", "20240101T240000Z", "2024010 T000000Z", "",
                              "20240101 000000Z", "20240101T000000z", "20241301T000000Z"}) {
        EXPECT_FALSE(parse_amz_date(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace taicang
