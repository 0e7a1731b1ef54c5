// What a worker serves. One object a worker, so it needs no lock of its own; the factory of
// http_server makes it. Threads: all calls on the worker's executor; several requests (of different
// connections) are in progress at once. Lifetime: made before the worker's first connection,
// destroyed on the worker after its last.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "s3gw/http/message.h"
#include "storage/base/result.h"
#include "storage/base/task.h"

namespace taicang {

/// A request that never reached the handler. The connection is closed after the response.
struct http_problem {
    unsigned status = 400;
    std::string_view code;  ///< S3's word: BadRequest, RequestHeaderSectionTooLarge,
                            ///< RequestTimeout, NotImplemented...
    std::string message;
    std::string_view remote_address;
};

/// How a request ended, for metrics and the access log.
struct http_exchange {
    unsigned status = 0;
    std::uint64_t bytes_in = 0;    ///< of the body
    std::uint64_t bytes_out = 0;   ///< of the body
    std::int64_t duration_ns = 0;  ///< head complete to last byte handed to the kernel
    bool sent = false;  ///< false: the client vanished, or the body's source failed in the middle
};

class http_handler {
  public:
    http_handler() = default;
    http_handler(const http_handler&) = delete;
    http_handler& operator=(const http_handler&) = delete;
    virtual ~http_handler() = default;

    /// Answers one request. May run on other executors by run_on() but must end on the worker's.
    virtual task<http_response> handle(http_request& request) = 0;
    /// The response to a request that is not HTTP, too big or too slow.
    virtual http_response protocol_error(const http_problem& problem) = 0;
    /// The response when a body source failed before its first byte.
    virtual http_response source_failed(const http_request& request, const error& why) = 0;
    /// Called once after every handle().
    virtual void finished(const http_request& request, const http_exchange& how) {
        static_cast<void>(request);
        static_cast<void>(how);
    }
};

}  // namespace taicang
