// Opens objects for GET and HEAD and streams their bytes. Threads: the worker's executor, reaching
// the engine by run_on; readers live and die on the engine. Memory: a reader leases what it holds
// and reads ahead; the gateway holds one buffer of it at a time, within that lease. Lifetime: a
// source owns its reader; its next() is awaited by the session, so nothing of it outlives the
// worker.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "s3gw/api/call.h"
#include "s3gw/api/engine_handle.h"
#include "s3gw/api/fields.h"
#include "storage/object/object_service.h"

namespace taicang {

/// An open object with its first bytes, fetched in one crossing.
struct opened_object {
    object_info info;
    std::uint64_t first = 0;
    std::uint64_t length = 0;
    bool is_range = false;
    engine_handle<object_reader> reader;  ///< empty once `begin` is all there is
    buffer begin;
    memory_lease lease;  ///< of `begin`, when there is no reader
    /// errc::not_modified or errc::range_not_satisfiable: not opened, but `info` is known, as the
    /// answer tells of it.
    std::optional<error> refused;
};
task<result<opened_object>> open_object(const s3_call& call, open_request request,
                                        std::optional<range_guard> guard);

/// Streams an opened object: the engine reads ahead while a buffer is sent.
std::unique_ptr<http_body_source> make_object_source(const s3_call& call, opened_object opened);

}  // namespace taicang
