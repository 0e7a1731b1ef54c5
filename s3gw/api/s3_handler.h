// The S3 gateway: turns HTTP requests into calls of the object service and back. A verb is one file
// and one row of the route table (routes.cc). Threads: a handler belongs to its http worker;
// storage is reached by run_on(engine). Lifetime: the services outlive every handler.
#pragma once

#include <string>
#include <vector>

#include "s3gw/auth/credentials.h"
#include "s3gw/http/server.h"
#include "storage/base/buffer.h"
#include "storage/base/executor.h"
#include "storage/base/memory_budget.h"
#include "storage/base/metrics.h"
#include "storage/base/random.h"
#include "storage/object/object_service.h"

namespace taicang {

struct s3_services {
    executor& engine;  ///< the shard's executor; `objects` lives there
    object_service& objects;
    memory_budget& budget;
    buffer_pool& buffers;
    worker_pool& compute;
    const credential_store& keys;
    metric_registry& metrics;
    random_source& random;  ///< thread safe (system_random)
    std::string region = "us-east-1";
    std::vector<std::string> domains;  ///< virtual-host style: <bucket>.<domain>
};

/// A handler for each worker of an http_server.
http_handler_factory make_s3_handlers(s3_services services);

}  // namespace taicang
