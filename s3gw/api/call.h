// One S3 request on its way through a verb: who asks, for what, with which body; and the ways to
// answer. Threads: the http worker's executor. Lifetime: a call lives in the handler's frame until
// the verb's task ends; body sources must not refer to it.
#pragma once

#include <string>
#include <string_view>

#include "s3gw/api/s3_handler.h"
#include "s3gw/auth/payload.h"
#include "s3gw/http/message.h"
#include "s3gw/xml/errors.h"

namespace taicang {

struct s3_call {
    http_request& request;
    const s3_services& services;
    authenticated& who;
    payload_reader* body = nullptr;  ///< never null once a verb runs
    std::string bucket;              ///< decoded; "" for the service
    std::string key;                 ///< decoded; "" for buckets
    std::string request_id;
    bool is_head = false;

    [[nodiscard]] std::string_view header(std::string_view name) const {
        return request.headers.get(name);
    }
    [[nodiscard]] bool has_header(std::string_view name) const { return request.headers.has(name); }
    [[nodiscard]] std::string_view query(std::string_view name) const {
        return request.query.get(name);
    }
    [[nodiscard]] bool has_query(std::string_view name) const { return request.query.has(name); }
    [[nodiscard]] std::string owner() const { return who.who ? who.who->name : std::string(); }
};

using s3_verb = task<http_response> (*)(s3_call& call);

/// The error response, as XML (without a document for HEAD).
http_response refuse(const s3_call& call, const s3_error& why);
http_response refuse(const s3_call& call, const error& why);
/// 200 with an XML document.
http_response answer_xml(std::string document);
/// An empty answer.
http_response answer_empty(unsigned status);

}  // namespace taicang
