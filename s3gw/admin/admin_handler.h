// The admin listener: JSON under /admin/v1/ (signed with SigV4, service "s3", by a key that may
// administer), /health/live, /health/ready, /metrics. Threads: a handler belongs to its http
// worker; the hub is reached by run_on(engine). Lifetime: the services outlive every handler.
#pragma once

#include <atomic>
#include <string>

#include "s3gw/auth/credentials.h"
#include "s3gw/http/server.h"
#include "storage/base/buffer.h"
#include "storage/base/executor.h"
#include "storage/base/memory_budget.h"
#include "storage/base/metrics.h"
#include "storage/hub/hub.h"

namespace taicang {

struct admin_services {
    executor& engine;
    hub& storage;
    memory_budget& budget;
    buffer_pool& buffers;
    const credential_store& keys;
    metric_registry& metrics;
    const std::atomic<bool>& ready;  ///< false while starting or stopping
    std::string region = "us-east-1";
    std::string version;  ///< of the binary
};

/// A handler for each worker of an http_server. Endpoints: GET /admin/v1/status, /admin/v1/devices,
/// /admin/v1/jobs, POST /admin/v1/jobs/<name>/pause|resume, GET /admin/v1/buckets, PUT and DELETE
/// /admin/v1/buckets/<name>. Every answer carries "schema": 1; errors are
/// {"schema":1,"error":{"code":"bucket_not_found","message":"..."}}.
http_handler_factory make_admin_handlers(admin_services services);

}  // namespace taicang
