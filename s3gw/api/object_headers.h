// Response headers that tell an object. Pure; any thread.
#pragma once

#include "s3gw/api/call.h"
#include "s3gw/xml/writer.h"
#include "storage/object/types.h"

namespace taicang {

/// ETag, Last-Modified, content headers (with the request's response-* overrides), metadata, class.
void add_object_headers(const s3_call& call, const object_info& info, http_response_headers& into);
/// What a 304 repeats (RFC 9110, 15.4.5).
void add_validators(const object_info& info, http_response_headers& into);
/// The object's checksum, when x-amz-checksum-mode asks for it.
void add_wished_checksum(const s3_call& call, const version_row& version,
                         http_response_headers& into);
void add_checksum_header(const stored_checksum& checksum, std::size_t parts,
                         http_response_headers& into);
/// "<base64>", and "-<parts>" behind a checksum of checksums.
std::string checksum_text(const stored_checksum& checksum, std::size_t parts);
/// <ChecksumCRC32> and <ChecksumType>.
void write_checksum(xml_writer& xml, const stored_checksum& checksum, std::size_t parts);
std::string_view checksum_type_word(bool full_object);
std::string_view storage_class_word(storage_class klass);

}  // namespace taicang
