// XML bodies as clients send them, and what is refused.
#include <string>

#include <gtest/gtest.h>

#include "s3gw/xml/requests.h"
#include "s3gw/xml/tree.h"

namespace taicang {
namespace {

TEST(xml_requests, delete_objects) {
    const auto got = parse_delete_objects(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
        "  <Object><Key> a&amp;b &#x1F600;\xE4\xB8\xAD</Key></Object>\n"
        "  <Object><Key>v</Key><VersionId>null</VersionId><ETag>\"e\"</ETag></Object>\n"
        "  <Quiet>true</Quiet>\n</Delete>");
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_TRUE(got->quiet);
    ASSERT_EQ(got->objects.size(), 2U);
    EXPECT_EQ(got->objects[0].key, " a&b \xF0\x9F\x98\x80\xE4\xB8\xAD")
        << "blanks are part of keys";
    EXPECT_FALSE(got->objects[0].version_id);
    EXPECT_EQ(got->objects[1].version_id, "null");
    EXPECT_EQ(got->objects[1].etag, "e");
}

TEST(xml_requests, delete_objects_is_limited_and_knows_every_condition) {
    const auto with = [](std::size_t count) {
        std::string text = "<Delete>";
        for (std::size_t i = 0; i < count; ++i)
            text += "<Object><Key>k</Key></Object>";
        return parse_delete_objects(text + "</Delete>");
    };
    EXPECT_TRUE(with(1000).ok());
    EXPECT_TRUE(with(1001).is(errc::xml_malformed));
    EXPECT_TRUE(with(0).is(errc::xml_malformed));
    for (const char* wrong :
         {"<Delete><Object/></Delete>", "<Delete><Object><Key/></Object></Delete>",
          "<Delete><Object><Key>a</Key><Size>1</Size></Object></Delete>",
          "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "<Delete><Other/></Delete>",
          "<Remove><Object><Key>a</Key></Object></Remove>"}) {
        EXPECT_TRUE(parse_delete_objects(wrong).is(errc::xml_malformed)) << wrong;
    }
}

TEST(xml_requests, complete_multipart) {
    const auto got = parse_complete_multipart(
        "<s3:CompleteMultipartUpload xmlns:s3=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<s3:Part><s3:PartNumber>2</s3:PartNumber><s3:ETag>&quot;abc&quot;</s3:ETag></s3:Part>"
        "<Part><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME><ETag>def</ETag>"
        "<PartNumber> 1 </PartNumber></Part></s3:CompleteMultipartUpload>");
    ASSERT_TRUE(got.ok()) << got.error().message;
    ASSERT_EQ(got->parts.size(), 2U);
    EXPECT_EQ(got->parts[0].number, 2U) << "the order is the caller's to judge";
    EXPECT_EQ(got->parts[0].etag, "abc");
    EXPECT_EQ(got->parts[1].number, 1U);
    EXPECT_EQ(got->parts[1].crc64nvme, "AAAAAAAAAAA=");
    const auto part = [](const std::string& inside) {
        return parse_complete_multipart("<CompleteMultipartUpload><Part>" + inside +
                                        "</Part></CompleteMultipartUpload>");
    };
    for (const char* wrong :
         {"", "<ETag>a</ETag>", "<PartNumber>1</PartNumber>",
          "<PartNumber>0</PartNumber><ETag>a</ETag>",
          "<PartNumber>10001</PartNumber><ETag>a</ETag>",
          "<PartNumber>-1</PartNumber><ETag>a</ETag>", "<PartNumber>1x</PartNumber><ETag>a</ETag>",
          "<PartNumber>99999999999</PartNumber><ETag>a</ETag>"}) {
        EXPECT_TRUE(part(wrong).is(errc::xml_malformed)) << wrong;
    }
    EXPECT_TRUE(parse_complete_multipart("<CompleteMultipartUpload/>").is(errc::xml_malformed));
}

TEST(xml_requests, create_bucket) {
    EXPECT_EQ(parse_create_bucket("")->location_constraint, "");
    EXPECT_EQ(parse_create_bucket(" \n")->location_constraint, "");
    EXPECT_EQ(parse_create_bucket("<CreateBucketConfiguration xmlns=\"x\"><LocationConstraint>"
                                  "eu-west-1</LocationConstraint></CreateBucketConfiguration>")
                  ->location_constraint,
              "eu-west-1");
    EXPECT_TRUE(parse_create_bucket("<Other/>").is(errc::xml_malformed));
    EXPECT_TRUE(parse_create_bucket("not xml").is(errc::xml_malformed));
}

TEST(xml_tree, hostile_documents_are_refused_cheaply) {
    const std::string bomb =
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b "
        "\"&a;&a;&a;&a;&a;\">]><x>&b;</x>";
    const auto refused = parse_xml(bomb);
    ASSERT_TRUE(refused.is(errc::xml_malformed));
    EXPECT_NE(refused.error().message.find("document type"), std::string::npos);
    EXPECT_TRUE(
        parse_xml("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>").is(errc::xml_malformed));
    EXPECT_TRUE(parse_xml("<x>&unknown;</x>").is(errc::xml_malformed));
    std::string deep;
    for (int i = 0; i < 100'000; ++i)
        deep += "<a>";
    EXPECT_TRUE(parse_xml(deep).is(errc::xml_malformed));
    std::string wide = "<a>";
    for (int i = 0; i < 300'000; ++i)
        wide += "<b/>";
    EXPECT_TRUE(parse_xml(wide + "</a>").is(errc::xml_malformed));
    EXPECT_TRUE(parse_xml("<a>" + std::string(3 << 20, 'x') + "</a>").is(errc::xml_malformed));
    for (const char* wrong :
         {"", "<a>", "<a></b>", "<a/><b/>", "<a>\xff</a>", "<a>&#x1;</a>", "<a b=c/>", "text"}) {
        EXPECT_TRUE(parse_xml(wrong).is(errc::xml_malformed)) << wrong;
    }
}

TEST(xml_tree, text_may_be_in_pieces) {
    const auto got = parse_xml("<a>one<b>x</b><![CDATA[<two>]]>&#116;hree<!-- no --></a>");
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->text, "one<two>three");
    EXPECT_EQ(got->child_text("b"), "x");
    EXPECT_EQ(got->child("c"), nullptr);
}

}  // namespace
}  // namespace taicang
