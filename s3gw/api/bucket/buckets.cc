// ListBuckets, CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation.
#include "s3gw/api/body.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/requests.h"
#include "s3gw/xml/writer.h"
#include "storage/base/async.h"

namespace taicang::verb {

task<http_response> list_buckets(s3_call& call) {
    auto buckets = co_await run_on(call.services.engine, call.services.objects.list_buckets());
    if (!buckets) co_return refuse(call, buckets.error());
    const std::string_view prefix = call.query("prefix");
    std::string document;
    xml_writer xml(document);
    xml.open_s3("ListAllMyBucketsResult");
    xml.open("Owner").element("ID", call.owner()).element("DisplayName", call.owner()).close();
    xml.open("Buckets");
    for (const bucket_row& row : *buckets) {
        if (!row.name.starts_with(prefix)) continue;
        xml.open("Bucket")
            .element("Name", row.name)
            .element("CreationDate", iso_date(row.created))
            .close();
    }
    xml.close().close();
    co_return answer_xml(std::move(document));
}

task<http_response> create_bucket(s3_call& call) {
    auto attributes = read_attributes(call);  // refuses ACLs, locks and the like
    if (!attributes) co_return refuse(call, attributes.refusal());
    if (call.header("x-amz-bucket-object-lock-enabled") == "true") {
        co_return refuse(call,
                         s3_error(s3_code::not_implemented, "Object lock is not implemented."));
    }
    auto text = co_await read_whole_body(call, limits::xml_body_bytes_max);
    if (!text) co_return refuse(call, text.error());
    auto body = parse_create_bucket(*text);
    if (!body) co_return refuse(call, s3_error(s3_code::malformed_xml));
    const std::string& wanted = body->location_constraint;
    if (!wanted.empty() && wanted != call.services.region) {
        co_return refuse(call, s3_error(s3_code::illegal_location_constraint,
                                        "This hub is in region " + call.services.region + "; " +
                                            wanted + " is another one."));
    }
    auto created = co_await run_on(
        call.services.engine,
        call.services.objects.create_bucket(call.bucket, call.owner(), call.services.region));
    if (!created) co_return refuse(call, created.error());
    http_response response = answer_empty(200);
    response.headers.add("Location", "/" + call.bucket);
    co_return response;
}

task<http_response> head_bucket(s3_call& call) {
    auto found =
        co_await run_on(call.services.engine, call.services.objects.find_bucket(call.bucket));
    if (!found) co_return refuse(call, found.error());
    http_response response = answer_empty(200);
    response.headers.add("x-amz-bucket-region", call.services.region);
    co_return response;
}

task<http_response> delete_bucket(s3_call& call) {
    auto removed =
        co_await run_on(call.services.engine, call.services.objects.delete_bucket(call.bucket));
    if (!removed) co_return refuse(call, removed.error());
    co_return answer_empty(204);
}

task<http_response> get_bucket_location(s3_call& call) {
    auto found =
        co_await run_on(call.services.engine, call.services.objects.find_bucket(call.bucket));
    if (!found) co_return refuse(call, found.error());
    // us-east-1 is the empty constraint, by S3's history.
    const std::string shown =
        call.services.region == "us-east-1" ? std::string() : call.services.region;
    std::string document(R"(<?xml version="1.0" encoding="UTF-8"?>)"
                         R"(<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)");
    xml_escape(shown, document);
    document += "</LocationConstraint>";
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
