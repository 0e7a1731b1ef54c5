// Documents that are sent: escaping, errors, keys under encoding-type=url.
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "s3gw/http/head.h"
#include "s3gw/xml/errors.h"
#include "s3gw/xml/tree.h"
#include "s3gw/xml/writer.h"

namespace taicang {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    xml_escape(text, out);
    return out;
}

TEST(xml_writer, writes_a_document) {
    std::string out;
    xml_writer xml(out);
    xml.open_s3("ListBucketResult").element("Name", "a&b").element("MaxKeys", std::uint64_t{1000});
    xml.element("IsTruncated", false).empty("Marker").open("Contents").element("Key", "k");
    EXPECT_EQ(xml.depth(), 2U);
    xml.close().close();
    EXPECT_EQ(out,
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
              "<Name>a&amp;b</Name><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
              "<Marker/><Contents><Key>k</Key></Contents></ListBucketResult>");
    EXPECT_DEATH(xml.close(), "more elements closed");
}

TEST(xml_writer, escapes_what_xml_cannot_carry) {
    EXPECT_EQ(escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    EXPECT_EQ(escaped("a\tb\r\nc"), "a&#x9;b&#xd;&#xa;c");
    EXPECT_EQ(escaped(std::string_view("\0\x01\x1f\x7f", 4)), "&#x0;&#x1;&#x1f;&#x7f;");
    EXPECT_EQ(escaped("\xE4\xB8\xAD\xF0\x9F\x98\x80"), "\xE4\xB8\xAD\xF0\x9F\x98\x80");
    EXPECT_EQ(escaped("\xEF\xBF\xBE"), "&#xfffe;");
    const std::string bad = "\xEF\xBF\xBD";
    EXPECT_EQ(escaped("a\xFFz"), "a" + bad + "z");
    EXPECT_EQ(escaped("\xC0\xAF"), bad + bad) << "overlong";
    EXPECT_EQ(escaped("\xED\xA0\x80"), bad + bad + bad) << "a surrogate";
    EXPECT_EQ(escaped("\xE4\xB8"), bad + bad) << "cut";
    EXPECT_EQ(escaped("\xF4\x90\x80\x80"), bad + bad + bad + bad) << "beyond Unicode";
}

TEST(xml_writer, what_it_writes_is_read_back) {
    std::string key;
    for (unsigned code = 0x20; code < 0x3000; ++code) {
        if (code == 0x7F) continue;
        if (code < 0x80) {
            key += static_cast<char>(code);
        } else if (code < 0x800) {
            key += static_cast<char>(0xC0 | (code >> 6));
            key += static_cast<char>(0x80 | (code & 63));
        } else {
            key += static_cast<char>(0xE0 | (code >> 12));
            key += static_cast<char>(0x80 | ((code >> 6) & 63));
            key += static_cast<char>(0x80 | (code & 63));
        }
    }
    key += "\t\r\n";
    std::string out;
    xml_writer xml(out);
    xml.element("Key", std::string_view(key));
    const auto tree = parse_xml(out);
    ASSERT_TRUE(tree.ok()) << tree.error().message;
    EXPECT_EQ(tree->text, key);
}

TEST(xml_writer, url_encoded_keys_decode_to_themselves) {
    std::string key;
    for (int c = 0; c < 256; ++c)
        key += static_cast<char>(c);
    const std::string encoded = s3_url_encode_key(key);
    EXPECT_EQ(escaped(encoded), encoded);
    std::string back;
    for (const bool plus_is_space : {false, true}) {
        ASSERT_TRUE(percent_decode(encoded, plus_is_space, back));
        EXPECT_EQ(back, key) << "whatever a client takes a plus for";
    }
    EXPECT_EQ(s3_url_encode_key("a/b c+d*e.f"), "a/b%20c%2Bd*e.f");
}

TEST(s3_errors, the_document_tells_where) {
    s3_error what(s3_code::invalid_argument, "max-keys < 0");
    what.with("ArgumentName", "max-keys");
    EXPECT_EQ(what.status(), 400U);
    EXPECT_EQ(render_error_document(what, {"/b/k", "b", "k", "R1", "H1"}),
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidArgument</Code>"
              "<Message>max-keys &lt; 0</Message><ArgumentName>max-keys</ArgumentName>"
              "<BucketName>b</BucketName><Key>k</Key><Resource>/b/k</Resource>"
              "<RequestId>R1</RequestId><HostId>H1</HostId></Error>");
    const std::string plain = render_error_document(s3_error(s3_code::no_such_key), {});
    EXPECT_NE(plain.find("<Code>NoSuchKey</Code><Message>The specified key does not exist."
                         "</Message></Error>"),
              std::string::npos);
}

TEST(s3_errors, the_table_is_sound) {
    std::set<std::string_view> codes;
    for (unsigned i = 0; i <= static_cast<unsigned>(s3_code::version_not_supported); ++i) {
        const s3_code_info& info = info_of(static_cast<s3_code>(i));
        EXPECT_TRUE(codes.insert(info.code).second) << info.code;
        EXPECT_TRUE(info.status >= 301 && info.status <= 507) << info.code;
        EXPECT_FALSE(info.message.empty());
    }
    EXPECT_EQ(info_of(s3_code::no_such_bucket).code, "NoSuchBucket");
    EXPECT_EQ(info_of(s3_code::version_not_supported).code, "HttpVersionNotSupported");
}

TEST(s3_errors, our_numbers_become_their_words) {
    EXPECT_EQ(s3_code_of(errc::key_not_found), s3_code::no_such_key);
    EXPECT_EQ(s3_code_of(errc::busy), s3_code::slow_down);
    EXPECT_EQ(s3_code_of(errc::no_space), s3_code::insufficient_storage);
    EXPECT_EQ(s3_code_of(errc::signature_mismatch), s3_code::signature_does_not_match);
    EXPECT_EQ(s3_code_of(auth_error::request_expired), s3_code::access_denied);
    // A device's name is nothing for a client; what it did wrong is.
    EXPECT_EQ(s3_error_of(error(errc::io_failed, "reading /dev/nvme0n1")).message, "");
    EXPECT_EQ(s3_error_of(error(errc::invalid_part, "part 3 is missing")).message,
              "part 3 is missing");
    // A new number must be given a word, or be named here as one that tells a client nothing.
    const std::set<errc> internal = {
        errc::corrupt,           errc::outcome_unknown, errc::version_unsupported,
        errc::io_failed,         errc::io_short,        errc::device_foreign,
        errc::device_stale,      errc::device_swapped,  errc::device_fenced,
        errc::device_missing,    errc::term_lost,       errc::journal_damaged,
        errc::stripe_unreadable, errc::index_lost};
    for (unsigned number = 0; number < 1000; ++number) {
        const auto code = static_cast<errc>(number);
        if (errc_name(code) == "unknown_error") continue;
        EXPECT_EQ(s3_code_of(code) == s3_code::internal_error, internal.contains(code))
            << errc_name(code);
    }
}

}  // namespace
}  // namespace taicang
