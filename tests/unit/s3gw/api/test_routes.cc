// Which request is which verb, and what is refused rather than taken for something else.
#include <set>

#include <gtest/gtest.h>

#include "s3gw/api/routes.h"

namespace taicang {
namespace {

using enum route_scope;

http_request_head head_of(http_method method, std::string_view query,
                          std::string_view header = "") {
    http_request_head head;
    head.method = method;
    EXPECT_TRUE(parse_query(query, 64, head.query));
    if (!header.empty()) head.headers.add(header, "/bucket/key");
    return head;
}

std::string verb_of(http_method method, route_scope scope, std::string_view query,
                    std::string_view header = "") {
    const route_match match = match_route(head_of(method, query, header), scope);
    if (match.found != nullptr) return std::string(match.found->name);
    return match.refused == s3_code::method_not_allowed ? "MethodNotAllowed" : "NotImplemented";
}

TEST(routes, the_most_particular_row_wins) {
    using m = http_method;
    EXPECT_EQ(verb_of(m::get, service, ""), "ListBuckets");
    EXPECT_EQ(verb_of(m::get, bucket, ""), "ListObjects");
    EXPECT_EQ(verb_of(m::get, bucket, "list-type=2&prefix=a"), "ListObjectsV2");
    EXPECT_EQ(verb_of(m::get, bucket, "versions"), "ListObjectVersions");
    EXPECT_EQ(verb_of(m::post, bucket, "delete"), "DeleteObjects");
    EXPECT_EQ(verb_of(m::put, object, ""), "PutObject");
    EXPECT_EQ(verb_of(m::put, object, "", "x-amz-copy-source"), "CopyObject");
    EXPECT_EQ(verb_of(m::put, object, "partNumber=1&uploadId=u"), "UploadPart");
    EXPECT_EQ(verb_of(m::put, object, "partNumber=1&uploadId=u", "x-amz-copy-source"),
              "UploadPartCopy");
    EXPECT_EQ(verb_of(m::post, object, "uploads"), "CreateMultipartUpload");
    EXPECT_EQ(verb_of(m::post, object, "uploadId=u"), "CompleteMultipartUpload");
    EXPECT_EQ(verb_of(m::del, object, "uploadId=u"), "AbortMultipartUpload");
    EXPECT_EQ(verb_of(m::get, object, "versionId=null"), "GetObject");
}

TEST(routes, a_known_sub_resource_that_is_not_built_is_never_another_verb) {
    std::set<std::string> reached;
    for (const route_scope scope : {bucket, object}) {
        for (const http_method method :
             {http_method::get, http_method::head, http_method::put, http_method::del}) {
            for (const std::string_view name : all_sub_resources()) {
                const route_match match = match_route(head_of(method, name), scope);
                if (match.found == nullptr) continue;
                EXPECT_TRUE(match.found->query == name || match.found->takes[0] == name ||
                            match.found->takes[1] == name)
                    << match.found->name << " answers ?" << name;
                reached.insert(std::string(match.found->name));
            }
        }
    }
    EXPECT_TRUE(reached.contains("ListMultipartUploads"));
}

TEST(routes, a_name_alone_that_nobody_knows_is_a_sub_resource) {
    for (const http_method method :
         {http_method::get, http_method::head, http_method::put, http_method::del}) {
        for (const route_scope scope : {bucket, object}) {
            EXPECT_EQ(verb_of(method, scope, "quota"), "NotImplemented");
            EXPECT_EQ(verb_of(method, scope, "quota="), "NotImplemented");
        }
    }
}

TEST(routes, parameters_of_listings_and_signatures_may_be_empty_and_others_have_values) {
    using m = http_method;
    EXPECT_EQ(verb_of(m::get, bucket, "prefix=&delimiter=&marker=&encoding-type="), "ListObjects");
    EXPECT_EQ(verb_of(m::get, bucket, "list-type=2&continuation-token&start-after="),
              "ListObjectsV2");
    EXPECT_EQ(verb_of(m::get, object, "response-content-type=&x-id=GetObject"), "GetObject");
    EXPECT_EQ(verb_of(m::put, object, "X-Amz-Security-Token=&x-id=PutObject"), "PutObject");
    EXPECT_EQ(verb_of(m::get, object, "cache-buster=17"), "GetObject");
}

TEST(routes, a_method_that_no_row_has_is_not_allowed) {
    EXPECT_EQ(verb_of(http_method::put, service, ""), "MethodNotAllowed");
    EXPECT_EQ(verb_of(http_method::post, bucket, ""), "NotImplemented");  // a browser's form
}

}  // namespace
}  // namespace taicang
