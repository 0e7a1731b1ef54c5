#include "s3gw/api/s3_handler.h"

#include <algorithm>
#include <array>

#include "s3gw/api/call.h"
#include "s3gw/api/request_target.h"
#include "s3gw/api/routes.h"
#include "s3gw/auth/payload.h"
#include "storage/base/log.h"

namespace taicang {

namespace {

bool begins(std::string_view name, std::string_view stem) {
    return http_name_equal(name.substr(0, stem.size()), stem);
}

/// Checksums of bodies count in headers only, as with S3: SDKs put that of an empty body into the
/// URLs they presign.
bool is_body_checksum(std::string_view name) {
    return http_name_equal(name, "x-amz-sdk-checksum-algorithm") ||
           (begins(name, "x-amz-checksum-") && !http_name_equal(name, "x-amz-checksum-mode") &&
            !http_name_equal(name, "x-amz-checksum-algorithm") &&
            !http_name_equal(name, "x-amz-checksum-type"));
}

/// A presigned URL carries headers of the request it stands for as parameters; they count as
/// headers. Parameters of the signature itself are no such headers, and no verb reads them.
void take_hoisted_headers(http_request& request) {
    for (const http_query_item& item : request.query) {
        if (!begins(item.name, "x-amz-") || is_body_checksum(item.name)) continue;
        if (!request.headers.has(item.name)) request.headers.add(item.name, item.value);
    }
}

struct verb_metrics {
    std::array<metric_counter*, 6> requests{};  ///< by the first digit of the status
    metric_histogram* latency = nullptr;
};

class s3_handler final : public http_handler {
  public:
    s3_handler(const s3_services& services, std::shared_ptr<gateway_memory> memory,
               executor& worker)
        : services_(services),
          memory_(std::move(memory)),
          worker_(worker),
          authenticator_(services.keys, {services.region}),
          bytes_in_(services.metrics.counter("taicang_s3_bytes_received_total",
                                             "Bytes of request bodies.")),
          bytes_out_(
              services.metrics.counter("taicang_s3_bytes_sent_total", "Bytes of response bodies.")),
          broken_(services.metrics.counter(
              "taicang_s3_responses_broken_total",
              "Responses that did not reach their end: the client went away, or a read failed.")) {
        for (const route& row : all_routes())
            metrics_.push_back(metrics_of(row.name));
        other_ = metrics_of("other");
    }

    task<http_response> handle(http_request& request) override {
        const nanoseconds began = worker_.monotonic_now();
        authenticated who;
        request_target target =
            target_of(request.path, request.headers.get("Host"), services_.domains);
        s3_call call{request, services_, *memory_, who};
        call.bucket = target.bucket;
        call.key = target.key;
        call.bucket_in_host = target.bucket_in_host;
        call.request_id = next_request_id();
        call.host_id = host_id;
        call.is_head = request.method == http_method::head;
        const route* row = nullptr;
        http_response response = co_await answer(call, target, row);
        sign_off(response, call.request_id);
        const nanoseconds took = worker_.monotonic_now() - began;
        count(row, response.status, took);
        if (log_enabled(log_level::debug)) log_answer(call, response.status, took);
        co_return response;
    }

    http_response protocol_error(const http_problem& problem) override {
        const std::string id = next_request_id();
        s3_error_place place;
        place.request_id = id;
        place.host_id = host_id;
        http_response response;
        response.status = problem.status;
        response.body = render_error_document(problem.code, problem.message, place);
        response.headers.add("Content-Type", "application/xml");
        sign_off(response, id);
        count(nullptr, response.status, 0);
        return response;
    }

    http_response source_failed(const http_request& request, const error& why) override {
        const s3_error shown = s3_error_of(why);
        const std::string id = next_request_id();
        s3_error_place place;
        place.resource = request.path;
        place.request_id = id;
        place.host_id = host_id;
        http_response response;
        response.status = shown.status();
        response.body = render_error_document(shown, place);
        response.headers.add("Content-Type", "application/xml");
        sign_off(response, id);
        log_event(log_level::error, "s3_read_failed")
            .with("request_id", id)
            .with("path", request.path)
            .with("why", why.message);
        return response;
    }

    void finished(const http_request&, const http_exchange& how) override {
        bytes_in_.add(how.bytes_in);
        bytes_out_.add(how.bytes_out);
        if (!how.sent) broken_.add();
    }

  private:
    static constexpr std::string_view host_id = "taicang";

    static void sign_off(http_response& response, std::string_view request_id) {
        response.headers.add("x-amz-request-id", request_id);
        response.headers.add("x-amz-id-2", host_id);
        response.headers.add("Server", "Taicang");
    }

    static void log_answer(const s3_call& call, unsigned status, nanoseconds took) {
        log_event(log_level::debug, "s3_request")
            .with("request_id", call.request_id)
            .with("from", call.request.remote_address)
            .with("who", call.owner())
            .with("verb", call.verb)
            .with("bucket", call.bucket)
            .with("key", call.key)
            .with("status", status)
            .with("microseconds", took / one_microsecond);
    }

    /// All buckets belong to the one account there is.
    static bool expects_another_owner(const s3_call& call) {
        for (const char* name :
             {"x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"}) {
            const auto expected = call.request.headers.find(name);
            if (expected && *expected != call.owner()) return true;
        }
        return false;
    }

    verb_metrics metrics_of(std::string_view name) {
        const std::string verb = "verb=\"" + std::string(name) + "\"";
        verb_metrics made;
        for (std::size_t digit = 1; digit < made.requests.size(); ++digit) {
            made.requests[digit] = &services_.metrics.counter(
                "taicang_s3_requests_total", "S3 requests answered, by verb and class of status.",
                verb + ",code=\"" + std::to_string(digit) + "xx\"");
        }
        made.latency = &services_.metrics.histogram(
            "taicang_s3_request_seconds", "From the head of a request to its response.", verb);
        return made;
    }

    void count(const route* row, unsigned status, nanoseconds took) {
        const verb_metrics& counted =
            row == nullptr ? other_ : metrics_[static_cast<std::size_t>(row - all_routes().data())];
        counted.requests[std::clamp(status / 100, 1U, 5U)]->add();
        counted.latency->observe_ns(took);
    }

    /// 64 random bits: enough to find a line in a log; not a secret.
    std::string next_request_id() {
        static constexpr std::string_view digits = "0123456789ABCDEF";
        std::array<std::byte, 8> raw{};
        services_.random.fill(raw);
        std::string id;
        for (const std::byte one : raw) {
            id += digits[std::to_integer<unsigned>(one) >> 4];
            id += digits[std::to_integer<unsigned>(one) & 15];
        }
        return id;
    }

    task<http_response> answer(s3_call& call, const request_target& target, const route*& row) {
        if (auto failed = authenticator_.authenticate(call.request, worker_.wall_now(), call.who))
            co_return refuse(call, s3_error_of(std::move(*failed)));
        if (call.who.is_anonymous()) co_return refuse(call, s3_error(s3_code::access_denied));
        if (auto refused = check_target(target)) co_return refuse(call, *refused);
        if (call.who.is_presigned) take_hoisted_headers(call.request);
        const route_scope scope = call.bucket.empty() ? route_scope::service
                                  : call.key.empty()  ? route_scope::bucket
                                                      : route_scope::object;
        const route_match match = match_route(call.request, scope);
        if (match.found == nullptr) {
            s3_error why(match.refused);
            if (!match.sub_resource.empty())
                why.with("SubResource", std::string(match.sub_resource));
            co_return refuse(call, why);
        }
        if (expects_another_owner(call)) co_return refuse(call, s3_error(s3_code::access_denied));
        row = match.found;
        call.verb = row->name;
        const std::unique_ptr<payload_reader> body =
            make_payload_reader(call.request, call.who, row->digest);
        call.body = body.get();
        auto answered = co_await row->verb(call);
        co_return std::move(answered);
    }

    const s3_services services_;
    const std::shared_ptr<gateway_memory> memory_;
    executor& worker_;
    request_authenticator authenticator_;
    std::vector<verb_metrics> metrics_;
    verb_metrics other_{};
    metric_counter& bytes_in_;
    metric_counter& bytes_out_;
    metric_counter& broken_;
};

}  // namespace

http_handler_factory make_s3_handlers(s3_services services) {
    auto memory = std::make_shared<gateway_memory>(services.budget);
    return [services = std::move(services), memory = std::move(memory)](
               executor& worker, unsigned) -> std::unique_ptr<http_handler> {
        return std::make_unique<s3_handler>(services, memory, worker);
    };
}

}  // namespace taicang
