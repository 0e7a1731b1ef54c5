// One S3 request on its way through a verb: who asks, for what, with which body; and the ways to
// answer. Threads: the http worker's executor. Lifetime: a call lives in the handler's frame until
// the verb's task ends; body sources must not refer to it.
#pragma once

#include <string>
#include <string_view>

#include "s3gw/api/gateway_memory.h"
#include "s3gw/api/s3_handler.h"
#include "s3gw/auth/payload.h"
#include "s3gw/http/message.h"
#include "s3gw/xml/errors.h"
#include "storage/base/async.h"

namespace taicang {

struct s3_call {
    http_request& request;
    const s3_services& services;
    gateway_memory& memory;
    authenticated& who;
    payload_reader* body = nullptr;  ///< never null once a verb runs
    std::string bucket{};            ///< decoded; "" for the service
    std::string key{};               ///< decoded; "" for buckets
    std::string request_id{};
    std::string_view host_id{};
    std::string_view verb = "other";  ///< S3's name of the operation, once it is known
    bool is_head = false;
    bool bucket_in_host = false;  ///< virtual-host style

    [[nodiscard]] std::string_view header(std::string_view name) const {
        return request.headers.get(name);
    }
    [[nodiscard]] bool has_header(std::string_view name) const { return request.headers.has(name); }
    [[nodiscard]] std::string_view query(std::string_view name) const {
        return request.query.get(name);
    }
    [[nodiscard]] bool has_query(std::string_view name) const { return request.query.has(name); }
    [[nodiscard]] std::string owner() const { return who.who ? who.who->name : std::string(); }
    [[nodiscard]] object_service& objects() const { return services.objects; }
};

using s3_verb = task<http_response> (*)(s3_call& call);

/// Runs a question on the engine; the caller's parameters went into its frame here.
template <class T>
task<T> ask(const s3_call& call, task<T> question) {
    return run_on(call.services.engine, std::move(question));
}

/// The error response, as XML (without a document for HEAD). Failures of ours (5xx) are logged with
/// the sentence that the client does not get to see.
http_response refuse(const s3_call& call, const s3_error& why);
http_response refuse(const s3_call& call, const error& why);
/// 200 with an XML document.
http_response answer_xml(std::string document);
/// An empty answer.
http_response answer_empty(unsigned status);

}  // namespace taicang
