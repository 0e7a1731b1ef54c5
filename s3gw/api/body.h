// Moves bodies between HTTP and the object service, across the worker's and the engine's threads,
// in bounded memory: a lease of the memory budget is taken before anything is read. Threads: the
// worker's executor, reaching the engine by run_on. Lifetime: a body_source owns its reader.
#pragma once

#include <memory>
#include <string>

#include "s3gw/api/call.h"
#include "s3gw/api/engine_handle.h"
#include "s3gw/api/fields.h"
#include "storage/object/object_service.h"

namespace taicang {

/// Reads a whole body (XML) of at most `most` bytes; errc::object_too_large beyond.
task<result<std::string>> read_whole_body(s3_call& call, std::size_t most);

/// Stores the request's body as an object. Small ones cross to the engine once.
task<result<put_result>> store_object(s3_call& call, put_request request, body_claims claims);
/// Stores the request's body as a part.
task<result<put_result>> store_part(s3_call& call, part_request request, body_claims claims);

/// An open object with its first bytes, fetched in one crossing.
struct opened_object {
    object_info info;
    std::uint64_t first = 0;
    std::uint64_t length = 0;
    bool is_range = false;
    engine_handle<object_reader> reader;
    buffer begin;
    memory_lease lease;
};
task<result<opened_object>> open_object(const s3_services& services, open_request request);

/// Streams an opened object: sends a buffer while the engine reads the next.
std::unique_ptr<http_body_source> make_object_source(const s3_services& services,
                                                     opened_object opened);

}  // namespace taicang
