// CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation.
#include "s3gw/api/body.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/requests.h"
#include "s3gw/xml/writer.h"

namespace taicang::verb {

namespace {

/// What a new bucket may be asked to be and is not.
std::optional<s3_error> refuse_bucket_wishes(const s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) return refused;
    const std::string_view lock = call.header("x-amz-bucket-object-lock-enabled");
    if (!lock.empty() && !http_name_equal(lock, "false"))
        return s3_error(s3_code::not_implemented, "Object lock is not implemented.");
    const std::string_view ownership = call.header("x-amz-object-ownership");
    if (!ownership.empty() && ownership != "BucketOwnerEnforced") {
        return s3_error(s3_code::not_implemented,
                        "ACLs are not implemented: the bucket's owner owns its objects "
                        "(BucketOwnerEnforced).");
    }
    return std::nullopt;
}

s3_error other_region(const s3_call& call, const std::string& wanted) {
    return s3_error(s3_code::illegal_location_constraint,
                    "The " + wanted +
                        " location constraint is incompatible for the region specific endpoint "
                        "this request was sent to; this hub is in " +
                        call.services.region + ".");
}

}  // namespace

task<http_response> create_bucket(s3_call& call) {
    if (auto refused = refuse_bucket_wishes(call)) co_return refuse(call, *refused);
    auto document = co_await read_document(call, document_digests::of_body);
    if (!document) co_return refuse(call, document.refusal());
    auto body = parse_create_bucket(document->text);
    if (!body) co_return refuse(call, s3_error(s3_code::malformed_xml, body.error().message));
    const std::string& wanted = body->location_constraint;
    if (!wanted.empty() && wanted != call.services.region)
        co_return refuse(call, other_region(call, wanted));
    auto question = call.objects().create_bucket(call.bucket, call.owner(), call.services.region);
    auto created = co_await ask(call, std::move(question));
    if (created.is(errc::already_exists))
        co_return refuse(call, s3_error(s3_code::bucket_already_exists));
    if (!created) co_return refuse(call, created.error());
    http_response response = answer_empty(200);
    response.headers.add("Location", "/" + call.bucket);
    co_return response;
}

task<http_response> head_bucket(s3_call& call) {
    auto question = call.objects().find_bucket(call.bucket);
    auto found = co_await ask(call, std::move(question));
    if (!found) co_return refuse(call, found.error());
    http_response response = answer_empty(200);
    response.headers.add("x-amz-bucket-region", found->region);
    co_return response;
}

task<http_response> delete_bucket(s3_call& call) {
    auto question = call.objects().delete_bucket(call.bucket);
    auto removed = co_await ask(call, std::move(question));
    if (!removed) co_return refuse(call, removed.error());
    co_return answer_empty(204);
}

task<http_response> get_bucket_location(s3_call& call) {
    auto question = call.objects().find_bucket(call.bucket);
    auto found = co_await ask(call, std::move(question));
    if (!found) co_return refuse(call, found.error());
    // us-east-1 is the empty constraint, by S3's history.
    const std::string shown = found->region == "us-east-1" ? std::string() : found->region;
    std::string document(R"(<?xml version="1.0" encoding="UTF-8"?>)"
                         "\n"
                         R"(<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)");
    xml_escape(shown, document);
    document += "</LocationConstraint>";
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
