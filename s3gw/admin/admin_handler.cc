#include "s3gw/admin/admin_handler.h"

#include "s3gw/admin/hub_metrics.h"
#include "s3gw/admin/status_json.h"
#include "s3gw/auth/sigv4.h"
#include "s3gw/xml/errors.h"
#include "storage/base/async.h"
#include "storage/hub/findings.h"

namespace taicang {

namespace {

http_response text_answer(unsigned status, std::string_view type, std::string body) {
    http_response response;
    response.status = status;
    response.headers.add("Content-Type", type);
    response.headers.add("Cache-Control", "no-store");
    response.body = std::move(body);
    return response;
}

http_response json_answer(unsigned status, std::string body) {
    return text_answer(status, "application/json", std::move(body));
}

http_response json_refusal(const error& why) {
    return json_answer(info_of(s3_code_of(why.code)).status, error_json(why));
}

task<hub_status> status_on_engine(hub& storage) {
    co_return storage.status();
}

task<std::string> unready_on_engine(hub& storage) {
    co_return unready_reason(storage.status());
}

task<bool> set_paused_on_engine(hub& storage, std::string name, bool paused) {
    co_return paused ? storage.jobs().pause(name) : storage.jobs().resume(name);
}

class admin_handler final : public http_handler {
  public:
    admin_handler(const admin_services& services, executor& worker)
        : services_(services), worker_(worker), authenticator_(services.keys, {services.region}) {}

    task<http_response> handle(http_request& request) override {
        const std::string_view path = request.path;
        if (path == "/health/live") co_return text_answer(200, "text/plain", "live\n");
        if (path == "/health/ready") co_return co_await readiness();
        if (path == "/metrics") {
            const hub_status status =
                co_await run_on(services_.engine, status_on_engine(services_.storage));
            std::string page = services_.metrics.render();
            page += hub_metrics(status, services_.budget.figures(), services_.buffers);
            co_return text_answer(200, "text/plain; version=0.0.4", std::move(page));
        }
        if (path.starts_with("/admin/v1/")) {
            std::string below(path.substr(10));
            co_return co_await administer(request, std::move(below));
        }
        co_return json_refusal(
            error(errc::not_found, "nothing is at " + request.path + "; see docs/admin-api.md"));
    }

    http_response protocol_error(const http_problem& problem) override {
        return json_answer(problem.status,
                           error_json(error(errc::invalid_argument, problem.message)));
    }
    http_response source_failed(const http_request&, const error& why) override {
        return json_refusal(why);
    }

  private:
    task<http_response> readiness() {
        if (!services_.ready.load()) {
            co_return text_answer(503, "text/plain",
                                  "not ready: the hub is starting or stopping\n");
        }
        const std::string why =
            co_await run_on(services_.engine, unready_on_engine(services_.storage));
        if (!why.empty()) co_return text_answer(503, "text/plain", "not ready: " + why + "\n");
        co_return text_answer(200, "text/plain", "ready\n");
    }

    task<http_response> administer(http_request& request, std::string path) {
        authenticated who;
        if (auto failed = authenticator_.authenticate(request, worker_.wall_now(), who)) {
            const s3_error shown = s3_error_of(std::move(*failed));
            const std::string sentence =
                shown.message.empty() ? std::string(info_of(shown.code).message) : shown.message;
            co_return json_refusal(error(errc::permission_denied, sentence));
        }
        if (who.is_anonymous() || !who.who->may_administer) {
            co_return json_refusal(
                error(errc::permission_denied,
                      "this needs a request signed (SigV4) by a key that may administer"));
        }
        if (request.method == http_method::get) co_return co_await show(std::move(path));
        if (path.starts_with("buckets/"))
            co_return co_await change_bucket(request.method, path.substr(8), who.who->name);
        if (path.starts_with("jobs/") && request.method == http_method::post)
            co_return co_await steer_job(path.substr(5));
        co_return json_refusal(
            error(errc::unsupported, "this method is not known for /admin/v1/" + path));
    }

    task<http_response> show(std::string path) {
        if (path == "buckets") {
            auto buckets =
                co_await run_on(services_.engine, services_.storage.objects().list_buckets());
            if (!buckets) co_return json_refusal(buckets.error());
            co_return json_answer(200, buckets_json(*buckets));
        }
        const hub_status status =
            co_await run_on(services_.engine, status_on_engine(services_.storage));
        if (path == "status") co_return json_answer(200, status_json(status, services_.version));
        if (path == "devices") co_return json_answer(200, devices_json(status));
        if (path == "jobs") co_return json_answer(200, jobs_json(status));
        co_return json_refusal(
            error(errc::not_found, "nothing is at /admin/v1/" + path + "; see docs/admin-api.md"));
    }

    task<http_response> change_bucket(http_method method, std::string name, std::string owner) {
        object_service& objects = services_.storage.objects();
        if (method == http_method::put) {
            auto made = co_await run_on(services_.engine,
                                        objects.create_bucket(name, owner, services_.region));
            if (!made) co_return json_refusal(made.error());
            co_return json_answer(200, done_json());
        }
        if (method != http_method::del)
            co_return json_refusal(error(errc::unsupported, "buckets take GET, PUT and DELETE"));
        auto removed = co_await run_on(services_.engine, objects.delete_bucket(name));
        if (!removed) co_return json_refusal(removed.error());
        co_return json_answer(200, done_json());
    }

    task<http_response> steer_job(std::string path) {
        const std::size_t slash = path.rfind('/');
        const std::string name = path.substr(0, slash);
        const std::string action =
            slash == std::string::npos ? std::string() : path.substr(slash + 1);
        if (action != "pause" && action != "resume") {
            co_return json_refusal(error(
                errc::not_found, "jobs take pause and resume: POST /admin/v1/jobs/NAME/pause"));
        }
        const bool found = co_await run_on(
            services_.engine, set_paused_on_engine(services_.storage, name, action == "pause"));
        if (!found)
            co_return json_refusal(
                error(errc::not_found, "no job is called " + name + "; see `taicang job ls`"));
        co_return json_answer(200, done_json());
    }

    const admin_services services_;
    executor& worker_;
    request_authenticator authenticator_;
};

}  // namespace

http_handler_factory make_admin_handlers(admin_services services) {
    return [services](executor& worker, unsigned) -> std::unique_ptr<http_handler> {
        return std::make_unique<admin_handler>(services, worker);
    };
}

}  // namespace taicang
