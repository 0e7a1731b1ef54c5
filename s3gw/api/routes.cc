#include "s3gw/api/routes.h"

#include <algorithm>
#include <array>

#include "s3gw/api/verbs.h"

namespace taicang {

namespace {

using enum route_scope;

// Most particular first: the first row that fits is the verb.
constexpr std::array routes = {
    route{"ListBuckets", http_method::get, service, "", "", verb::list_buckets},

    route{"GetBucketLocation", http_method::get, bucket, "location", "", verb::get_bucket_location},
    route{"ListObjectVersions", http_method::get, bucket, "versions", "",
          verb::list_object_versions},
    route{"ListMultipartUploads", http_method::get, bucket, "uploads", "",
          verb::list_multipart_uploads},
    route{"ListObjectsV2", http_method::get, bucket, "list-type", "", verb::list_objects_v2},
    route{"ListObjects", http_method::get, bucket, "", "", verb::list_objects},
    route{"HeadBucket", http_method::head, bucket, "", "", verb::head_bucket},
    route{"CreateBucket", http_method::put, bucket, "", "", verb::create_bucket},
    route{"DeleteBucket", http_method::del, bucket, "", "", verb::delete_bucket},
    route{"DeleteObjects", http_method::post, bucket, "delete", "", verb::delete_objects},

    route{"ListParts", http_method::get, object, "uploadId", "", verb::list_parts},
    route{"GetObject", http_method::get, object, "", "", verb::get_object},
    route{"HeadObject", http_method::head, object, "", "", verb::head_object},
    route{"UploadPartCopy", http_method::put, object, "uploadId", "x-amz-copy-source",
          verb::upload_part_copy},
    route{"UploadPart", http_method::put, object, "uploadId", "", verb::upload_part},
    route{"CopyObject", http_method::put, object, "", "x-amz-copy-source", verb::copy_object},
    route{"PutObject", http_method::put, object, "", "", verb::put_object},
    route{"AbortMultipartUpload", http_method::del, object, "uploadId", "",
          verb::abort_multipart_upload},
    route{"DeleteObject", http_method::del, object, "", "", verb::delete_object},
    route{"CreateMultipartUpload", http_method::post, object, "uploads", "",
          verb::create_multipart_upload},
    route{"CompleteMultipartUpload", http_method::post, object, "uploadId", "",
          verb::complete_multipart_upload},
};

// Parameters that choose another operation than the plain one. One of them that no row names makes
// the request NotImplemented, never something else than was asked for.
constexpr std::array<std::string_view, 42> sub_resources = {"accelerate",
                                                            "acl",
                                                            "analytics",
                                                            "append",
                                                            "attributes",
                                                            "cors",
                                                            "delete",
                                                            "encryption",
                                                            "intelligent-tiering",
                                                            "inventory",
                                                            "legal-hold",
                                                            "lifecycle",
                                                            "list-type",
                                                            "location",
                                                            "logging",
                                                            "metadataConfiguration",
                                                            "metadataTable",
                                                            "metrics",
                                                            "notification",
                                                            "object-lock",
                                                            "ownershipControls",
                                                            "policy",
                                                            "policyStatus",
                                                            "publicAccessBlock",
                                                            "renameObject",
                                                            "replication",
                                                            "requestPayment",
                                                            "restore",
                                                            "retention",
                                                            "select",
                                                            "session",
                                                            "tagging",
                                                            "torrent",
                                                            "uploadId",
                                                            "uploads",
                                                            "versioning",
                                                            "versions",
                                                            "website",
                                                            "abac",
                                                            "partial-update",
                                                            "metadataInventoryTable",
                                                            "metadataJournalTable"};

bool is_sub_resource(std::string_view name) {
    return std::find(sub_resources.begin(), sub_resources.end(), name) != sub_resources.end();
}

bool fits(const route& row, const http_request_head& head) {
    return (row.query.empty() || head.query.has(row.query)) &&
           (row.header.empty() || head.headers.has(row.header));
}

/// The sub-resource of the request that the row does not stand for.
std::string_view unmet(const route* row, const http_request_head& head) {
    for (const http_query_item& item : head.query) {
        if (is_sub_resource(item.name) && (row == nullptr || row->query != item.name))
            return item.name;
    }
    return {};
}

}  // namespace

std::span<const route> all_routes() {
    return routes;
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
    const bool post_form = head.method == http_method::post;
    if (!method_known && match.sub_resource.empty() && !post_form)
        match.refused = s3_code::method_not_allowed;
    return match;
}

}  // namespace taicang
