// Moves request bodies into the object service, across the worker's and the engine's threads, in
// bounded memory: a lease is taken before anything is read. Threads: the worker's executor,
// reaching the engine by run_on. Lifetime: tasks end before the call does.
#pragma once

#include <string>

#include "s3gw/api/call.h"
#include "s3gw/api/fields.h"
#include "storage/object/object_service.h"

namespace taicang {

/// An XML document of a client, with the memory that it and what is made of it may take.
struct request_document {
    std::string text;
    gateway_lease lease;
};
enum class document_digests : std::uint8_t {
    of_body,   ///< Content-MD5 and x-amz-checksum-* speak of the document: compared
    of_object  ///< x-amz-checksum-* speaks of something else: Content-MD5 is compared only
};
/// Reads a whole document of at most limits::xml_body_bytes_max bytes.
task<read_or_refused<request_document>> read_document(s3_call& call, document_digests digests);

/// Stores the request's body as an object. Small ones cross to the engine once.
task<result<put_result>> store_object(s3_call& call, put_request request, body_claims claims);
/// Stores the request's body as a part.
task<result<put_result>> store_part(s3_call& call, part_request request, body_claims claims);

}  // namespace taicang
