// All verbs; each is defined in the file of its name, and stands as a row in routes.cc.
// Threads: the worker's executor. Lifetime: the call outlives the task.
#pragma once

#include "s3gw/api/call.h"

namespace taicang::verb {

task<http_response> list_buckets(s3_call& call);
task<http_response> create_bucket(s3_call& call);
task<http_response> head_bucket(s3_call& call);
task<http_response> delete_bucket(s3_call& call);
task<http_response> get_bucket_location(s3_call& call);
task<http_response> list_objects(s3_call& call);
task<http_response> list_objects_v2(s3_call& call);
task<http_response> list_object_versions(s3_call& call);
task<http_response> delete_objects(s3_call& call);

task<http_response> put_object(s3_call& call);
task<http_response> get_object(s3_call& call);
task<http_response> get_object_tagging(s3_call& call);
task<http_response> head_object(s3_call& call);
task<http_response> delete_object(s3_call& call);
task<http_response> copy_object(s3_call& call);

task<http_response> create_multipart_upload(s3_call& call);
task<http_response> upload_part(s3_call& call);
task<http_response> upload_part_copy(s3_call& call);
task<http_response> complete_multipart_upload(s3_call& call);
task<http_response> abort_multipart_upload(s3_call& call);
task<http_response> list_parts(s3_call& call);
task<http_response> list_multipart_uploads(s3_call& call);

}  // namespace taicang::verb
