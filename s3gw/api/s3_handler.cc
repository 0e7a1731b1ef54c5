#include "s3gw/api/s3_handler.h"

#include <algorithm>
#include <array>

#include "s3gw/api/call.h"
#include "s3gw/api/routes.h"
#include "s3gw/auth/payload.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"

namespace taicang {

namespace {

bool is_utf8(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const auto lead = static_cast<unsigned char>(text[at]);
        std::size_t more = 0;
        std::uint32_t value = 0;
        if (lead < 0x80) {
            ++at;
            continue;
        }
        if (lead >= 0xc2 && lead <= 0xdf) {
            more = 1;
            value = lead & 0x1fU;
        } else if ((lead & 0xf0U) == 0xe0) {
            more = 2;
            value = lead & 0x0fU;
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            more = 3;
            value = lead & 0x07U;
        } else {
            return false;
        }
        if (text.size() - at <= more) return false;
        for (std::size_t i = 1; i <= more; ++i) {
            const auto next = static_cast<unsigned char>(text[at + i]);
            if ((next & 0xc0U) != 0x80) return false;
            value = value << 6 | (next & 0x3fU);
        }
        if ((more == 2 && (value < 0x800 || (value >= 0xd800 && value <= 0xdfff))) ||
            (more == 3 && (value < 0x10000 || value > 0x10ffff))) {
            return false;
        }
        at += more + 1;
    }
    return true;
}

struct verb_metrics {
    metric_counter* requests[6];  // by the first digit of the status
    metric_histogram* latency;
};

class s3_handler final : public http_handler {
  public:
    s3_handler(const s3_services& services, executor& worker)
        : services_(services), worker_(worker), authenticator_(services.keys, {services.region}) {
        for (const route& row : all_routes())
            metrics_.push_back(metrics_of(row.name));
        other_ = metrics_of("other");
    }

    task<http_response> handle(http_request& request) override {
        const nanoseconds began = worker_.monotonic_now();
        authenticated who;
        s3_call call{request, services_, who, nullptr, {}, {}, next_request_id(), false};
        call.is_head = request.method == http_method::head;
        const route* row = nullptr;
        http_response response = co_await answer(call, row);
        response.headers.add("x-amz-request-id", call.request_id);
        response.headers.add("x-amz-id-2", host_id_);
        response.headers.add("Server", "Taicang");
        count(row, response.status, worker_.monotonic_now() - began);
        co_return response;
    }

    http_response protocol_error(const http_problem& problem) override {
        http_response response;
        response.status = problem.status;
        const std::string id = next_request_id();
        s3_error_place place;
        place.request_id = id;
        response.body = render_error_document(problem.code, problem.message, place);
        response.headers.add("Content-Type", "application/xml");
        response.headers.add("x-amz-request-id", id);
        response.headers.add("Server", "Taicang");
        return response;
    }

    http_response source_failed(const http_request& request, const error& why) override {
        http_response response;
        const s3_error shown = s3_error_of(why);
        response.status = shown.status();
        const std::string id = next_request_id();
        s3_error_place place;
        place.resource = request.path;
        place.request_id = id;
        response.body = render_error_document(shown, place);
        response.headers.add("Content-Type", "application/xml");
        response.headers.add("x-amz-request-id", id);
        log_event(log_level::error, "read_failed")
            .with("path", request.path)
            .with("error", why.message);
        return response;
    }

  private:
    verb_metrics metrics_of(std::string_view name) {
        verb_metrics made{};
        for (unsigned digit = 1; digit < 6; ++digit) {
            const std::string labels =
                "verb=\"" + std::string(name) + "\",code=\"" + std::to_string(digit) + "xx\"";
            made.requests[digit] = &services_.metrics.counter("taicang_s3_requests_total",
                                                              "S3 requests answered.", labels);
        }
        made.latency =
            &services_.metrics.histogram("taicang_s3_request_seconds", "From head to response.",
                                         "verb=\"" + std::string(name) + "\"");
        return made;
    }

    void count(const route* row, unsigned status, nanoseconds took) {
        const auto index = static_cast<std::size_t>(row == nullptr ? 0 : row - all_routes().data());
        verb_metrics& counted = row == nullptr ? other_ : metrics_[index];
        counted.requests[std::clamp(status / 100, 1U, 5U)]->add();
        counted.latency->observe_ns(took);
    }

    std::string next_request_id() {
        // 64 random bits: enough to find a line in a log; not a secret.
        std::array<std::byte, 8> raw{};
        services_.random.fill(raw);
        std::string id = to_hex(raw);
        std::transform(id.begin(), id.end(), id.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        return id;
    }

    /// Bucket and key from the path, or from host and path.
    std::optional<s3_error> resolve(s3_call& call) const {
        std::string_view path = call.request.path;
        if (path.starts_with('/')) path.remove_prefix(1);
        std::string_view host = call.header("Host");
        host = host.substr(0, host.rfind(':') == std::string_view::npos || host.ends_with(']')
                                  ? host.size()
                                  : host.rfind(':'));
        for (const std::string& domain : services_.domains) {
            if (host.size() > domain.size() + 1 && host.ends_with(domain) &&
                host[host.size() - domain.size() - 1] == '.') {
                call.bucket = std::string(host.substr(0, host.size() - domain.size() - 1));
                call.key = std::string(path);
                return check_names(call);
            }
        }
        const std::size_t slash = std::min(path.find('/'), path.size());
        call.bucket = std::string(path.substr(0, slash));
        call.key = slash < path.size() ? std::string(path.substr(slash + 1)) : std::string();
        return check_names(call);
    }

    static std::optional<s3_error> check_names(const s3_call& call) {
        if (call.key.size() > limits::key_bytes_max) {
            return s3_error(s3_code::key_too_long)
                .with("Size", std::to_string(call.key.size()))
                .with("MaxSizeAllowed", std::to_string(limits::key_bytes_max));
        }
        if (!is_utf8(call.key) || !is_utf8(call.bucket))
            return s3_error(s3_code::invalid_uri, "The key is not UTF-8.");
        return std::nullopt;
    }

    task<http_response> answer(s3_call& call, const route*& row) {
        if (auto refused = resolve(call)) co_return refuse(call, *refused);
        if (auto failed = authenticator_.authenticate(call.request, worker_.wall_now(), call.who)) {
            co_return refuse(call, s3_error_of(std::move(*failed)));
        }
        if (call.who.is_anonymous()) co_return refuse(call, s3_error(s3_code::access_denied));
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
        row = match.found;
        const std::unique_ptr<payload_reader> body =
            make_payload_reader(call.request, call.who, digest_check::here);
        call.body = body.get();
        co_return co_await match.found->verb(call);
    }

    const s3_services services_;
    executor& worker_;
    request_authenticator authenticator_;
    std::vector<verb_metrics> metrics_;
    verb_metrics other_{};
    std::string host_id_ = "taicang";
};

}  // namespace

http_handler_factory make_s3_handlers(s3_services services) {
    return [services = std::move(services)](executor& worker,
                                            unsigned) -> std::unique_ptr<http_handler> {
        return std::make_unique<s3_handler>(services, worker);
    };
}

}  // namespace taicang
