#include "s3gw/api/routes.h"

#include <algorithm>
#include <array>

#include "s3gw/api/verbs.h"

namespace taicang {

namespace {

using enum route_scope;
using m = http_method;
using enum digest_check;

// Most particular first: the first row that fits is the verb.
// clang-format off
constexpr std::array routes = {
    route{"ListBuckets", m::get, service, "", "", {}, here, verb::list_buckets},

    route{"GetBucketLocation", m::get, bucket, "location", "", {}, here, verb::get_bucket_location},
    route{"ListObjectVersions", m::get, bucket, "versions", "", {}, here, verb::list_object_versions},
    route{"ListMultipartUploads", m::get, bucket, "uploads", "", {}, here, verb::list_multipart_uploads},
    route{"ListObjectsV2", m::get, bucket, "list-type", "", {}, here, verb::list_objects_v2},
    route{"ListObjects", m::get, bucket, "", "", {}, here, verb::list_objects},
    route{"HeadBucket", m::head, bucket, "", "", {}, here, verb::head_bucket},
    route{"CreateBucket", m::put, bucket, "", "", {}, here, verb::create_bucket},
    route{"DeleteBucket", m::del, bucket, "", "", {}, here, verb::delete_bucket},
    route{"DeleteObjects", m::post, bucket, "delete", "", {}, here, verb::delete_objects},

    route{"ListParts", m::get, object, "uploadId", "", {}, here, verb::list_parts},
    route{"GetObjectTagging", m::get, object, "tagging", "", {"versionId"}, here, verb::get_object_tagging},
    route{"GetObject", m::get, object, "", "", {"versionId", "partNumber"}, here, verb::get_object},
    route{"HeadObject", m::head, object, "", "", {"versionId", "partNumber"}, here, verb::head_object},
    route{"UploadPartCopy", m::put, object, "uploadId", "x-amz-copy-source", {"partNumber"}, here, verb::upload_part_copy},
    route{"UploadPart", m::put, object, "uploadId", "", {"partNumber"}, caller, verb::upload_part},
    route{"CopyObject", m::put, object, "", "x-amz-copy-source", {}, here, verb::copy_object},
    route{"PutObject", m::put, object, "", "", {}, caller, verb::put_object},
    route{"AbortMultipartUpload", m::del, object, "uploadId", "", {}, here, verb::abort_multipart_upload},
    route{"DeleteObject", m::del, object, "", "", {"versionId"}, here, verb::delete_object},
    route{"CreateMultipartUpload", m::post, object, "uploads", "", {}, here, verb::create_multipart_upload},
    route{"CompleteMultipartUpload", m::post, object, "uploadId", "", {}, here, verb::complete_multipart_upload},
};

// Parameters that choose another operation than the plain one, or what it works on. One of them
// that the row does not name makes the request NotImplemented, never something else than was asked
// for. Source: the operations of the Amazon S3 API reference.
constexpr std::array<std::string_view, 48> sub_resources = {
    "abac", "accelerate", "acl", "analytics", "append", "attributes", "cors", "delete",
    "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "list-type",
    "location", "logging", "metadataConfiguration", "metadataInventoryTable",
    "metadataJournalTable", "metadataTable", "metrics", "mfa", "notification", "object-lock",
    "ownershipControls", "partNumber", "partial-update", "policy", "policyStatus",
    "publicAccessBlock", "renameObject", "replication", "requestPayment", "restore", "retention",
    "select", "select-type", "session", "sse", "tagging", "tier", "torrent", "uploadId",
    "uploads", "versionId", "versioning", "versions", "website"};

// Parameters of the verbs above that a client may send empty.
constexpr std::array<std::string_view, 19> plain_parameters = {
    "bucket-region", "continuation-token", "delimiter", "encoding-type", "fetch-owner",
    "key-marker", "marker", "max-buckets", "max-keys", "max-parts", "max-uploads",
    "part-number-marker", "prefix", "start-after", "upload-id-marker", "version-id-marker", "x-id",
    "AWSAccessKeyId", "Signature"};
// clang-format on

bool is_plain(std::string_view name) {
    return name.starts_with("x-amz-") || name.starts_with("X-Amz-") ||
           name.starts_with("response-") ||
           std::find(plain_parameters.begin(), plain_parameters.end(), name) !=
               plain_parameters.end();
}

/// Also what nobody knows: a name alone (`?quota`) chooses an operation, in S3 and its dialects.
bool is_sub_resource(const http_query_item& item) {
    return std::find(sub_resources.begin(), sub_resources.end(), item.name) !=
               sub_resources.end() ||
           (item.value.empty() && !item.name.empty() && !is_plain(item.name));
}

bool fits(const route& row, const http_request_head& head) {
    return (row.query.empty() || head.query.has(row.query)) &&
           (row.header.empty() || head.headers.has(row.header));
}

bool names(const route& row, std::string_view sub_resource) {
    return row.query == sub_resource ||
           std::find(row.takes.begin(), row.takes.end(), sub_resource) != row.takes.end();
}

/// The sub-resource of the request that the row does not stand for.
std::string_view unmet(const route* row, const http_request_head& head) {
    for (const http_query_item& item : head.query) {
        if (is_sub_resource(item) && (row == nullptr || !names(*row, item.name))) return item.name;
    }
    return {};
}

}  // namespace

std::span<const route> all_routes() {
    return routes;
}

std::span<const std::string_view> all_sub_resources() {
    return sub_resources;
}

route_match match_route(const http_request_head& head, route_scope scope) {
    route_match match;
    bool method_known = false;
    for (const route& row : routes) {
        if (row.scope != scope || row.method != head.method) continue;
        method_known = true;
        if (!fits(row, head)) continue;
        match.sub_resource = unmet(&row, head);
        if (match.sub_resource.empty()) match.found = &row;
        return match;
    }
    match.sub_resource = unmet(nullptr, head);
    // POST to a bucket is the upload of a browser's form: known, not built.
    const bool is_form = head.method == http_method::post && scope == route_scope::bucket;
    if (!method_known && match.sub_resource.empty() && !is_form)
        match.refused = s3_code::method_not_allowed;
    return match;
}

}  // namespace taicang
