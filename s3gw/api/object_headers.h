// Response headers that tell an object. Pure; any thread.
#pragma once

#include "s3gw/api/call.h"
#include "storage/object/types.h"

namespace taicang {

/// ETag, Last-Modified, content headers (with the request's response-* overrides), metadata, class,
/// checksum when asked.
void add_object_headers(const s3_call& call, const object_info& info, http_response_headers& into);
void add_checksum_header(const stored_checksum& checksum, std::size_t parts,
                         http_response_headers& into);
std::string_view storage_class_word(storage_class klass);

}  // namespace taicang
