// Heads: what is read from them, and that every cut of the input gives the same head.
#include <string>

#include <gtest/gtest.h>

#include "s3gw/http/date.h"
#include "s3gw/http/head_parser.h"
#include "s3gw/http/message.h"

namespace taicang {
namespace {

http_parse_state parse_in_steps(http_head_parser& parser, http_request_head& head,
                                const std::string& text, std::size_t step) {
    parser.reset(head);
    for (std::size_t length = step; length < text.size(); length += step) {
        const auto state = parser.parse(std::string_view(text).substr(0, length));
        if (state != http_parse_state::need_more) return state;
    }
    return parser.parse(text);
}

TEST(head_parser, reads_all_there_is_in_any_cut) {
    const std::string text =
        "\r\nPUT /bucket/a%20b+c%2F%E4%B8%AD?uploadId=x%2By+z&acl&empty=&acl HTTP/1.1\r\n"
        "hOST: bucket.example:9000\r\nX-Amz-Meta-A:  one \t\r\nx-amz-meta-a: two\r\n"
        "Content-Length: 12\r\nExpect: 100-Continue\r\nEmpty:\r\nConnection: keep-alive\r\n\r\n";
    const std::string input = text + "the body";
    http_head_parser parser(http_limits{});
    for (const std::size_t step : {1UL, 2UL, 3UL, 17UL, 64UL, 4096UL}) {
        http_request_head head;
        ASSERT_EQ(parse_in_steps(parser, head, input, step), http_parse_state::complete)
            << parser.problem().message;
        EXPECT_EQ(parser.head_bytes(), text.size());
        EXPECT_EQ(head.method, http_method::put);
        EXPECT_EQ(head.raw_path, "/bucket/a%20b+c%2F%E4%B8%AD");
        EXPECT_EQ(head.path, "/bucket/a b+c/\xE4\xB8\xAD");
        EXPECT_EQ(head.raw_query, "uploadId=x%2By+z&acl&empty=&acl");
        ASSERT_EQ(head.query.size(), 4U);
        EXPECT_EQ(head.query.get("uploadId"), "x+y z");
        EXPECT_TRUE(head.query.has("acl"));
        EXPECT_FALSE(head.query.find("acl")->has_value);
        EXPECT_TRUE(head.query.find("empty")->has_value);
        EXPECT_FALSE(head.query.has("ACL"));
        EXPECT_EQ(head.headers.get("Host"), "bucket.example:9000");
        EXPECT_EQ(head.headers.get("X-AMZ-META-A"), "one");
        EXPECT_EQ(head.headers.count("x-amz-meta-a"), 2U);
        EXPECT_EQ(head.headers.find("empty"), "");
        EXPECT_FALSE(head.headers.has("absent"));
        EXPECT_EQ(head.content_length, 12U);
        EXPECT_TRUE(head.expects_continue);
        EXPECT_TRUE(head.keep_alive);
        EXPECT_FALSE(head.is_chunked);
        EXPECT_EQ(head.version, 11U);
    }
}

TEST(head_parser, knows_the_methods_and_the_forms_of_targets) {
    http_head_parser parser(http_limits{});
    http_request_head head;
    const auto parse = [&](const std::string& line) {
        parser.reset(head);
        static std::string text;
        text = line + " HTTP/1.1\r\nHost: h\r\n\r\n";
        return parser.parse(text);
    };
    ASSERT_EQ(parse("DELETE /x"), http_parse_state::complete);
    EXPECT_EQ(head.method, http_method::del);
    ASSERT_EQ(parse("PROPFIND /x"), http_parse_state::complete);
    EXPECT_EQ(head.method, http_method::other);
    EXPECT_EQ(head.method_text, "PROPFIND");
    ASSERT_EQ(parse("OPTIONS *"), http_parse_state::complete);
    ASSERT_EQ(parse("GET http://h:9000/b/k?acl"), http_parse_state::complete);
    EXPECT_EQ(head.path, "/b/k");
    EXPECT_EQ(head.raw_query, "acl");
    ASSERT_EQ(parse("GET /b//k/../?a=b=c&&d"), http_parse_state::complete);
    EXPECT_EQ(head.path, "/b//k/../");
    EXPECT_EQ(head.query.get("a"), "b=c");
    EXPECT_EQ(head.query.size(), 2U);
    ASSERT_EQ(parse("GET /%00%ff"), http_parse_state::complete);
    EXPECT_EQ(head.path, std::string("/\0\xff", 3));
    for (const char* wrong : {"GET *", "GET h:80", "GET http://h", "GET ftp://h/x", "GET ?x"}) {
        EXPECT_EQ(parse(wrong), http_parse_state::failed) << wrong;
        EXPECT_EQ(parser.problem().code, "InvalidURI") << wrong;
    }
    std::string many = "GET /?a";
    for (int i = 0; i < 200; ++i)
        many += "&a";
    EXPECT_EQ(parse(many), http_parse_state::failed);
}

TEST(response_headers, cannot_be_split_by_what_a_client_sent) {
    http_response_headers headers;
    headers.add("x-amz-meta-a", "one\r\nSet-Cookie: x\n\0y");
    EXPECT_EQ(headers.lines(), "x-amz-meta-a: one  Set-Cookie: x \r\n");
    headers.set("ETag", "\"1\"");
    headers.add("Other", 12);
    headers.set("etag", "\"2\"");
    EXPECT_EQ(headers.find("ETAG"), "\"2\"");
    EXPECT_EQ(headers.find("Other"), "12");
    headers.remove("X-Amz-Meta-A");
    EXPECT_EQ(headers.lines(), "Other: 12\r\netag: \"2\"\r\n");
    EXPECT_EQ(headers.find("x"), std::nullopt);
    EXPECT_DEATH(headers.add("Content-Length", "1"), "session's to write");
    EXPECT_DEATH(headers.add("a b", "1"), "token");
}

TEST(http_date, is_written_in_one_form_and_read_in_three) {
    const std::int64_t when = 784'111'777LL * 1'000'000'000;  // RFC 9110's example
    EXPECT_EQ(format_http_date(when), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), when);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), when);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), when);
    for (const char* wrong : {"", "Sun", "Sun, 31 Feb 1994 08:49:37 GMT",
                              "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
                              "Sun, 06 Foo 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"}) {
        EXPECT_EQ(parse_http_date(wrong), std::nullopt) << wrong;
    }
}

}  // namespace
}  // namespace taicang
