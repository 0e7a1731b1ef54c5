#include "tools/server/server.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "s3gw/admin/admin_handler.h"
#include "s3gw/api/s3_handler.h"
#include "s3gw/auth/credentials.h"
#include "s3gw/http/server.h"
#include "tools/server/endpoints.h"
#include "tools/server/engine.h"
#include "tools/server/listeners.h"
#include "tools/version.h"

namespace taicang {

// In the order of their making; destroyed in reverse.
struct server_parts {
    configuration wanted;
    engine storage;
    credential_store keys;
    std::atomic<bool> ready{false};
    std::unique_ptr<http_server> s3;
    std::unique_ptr<http_server> admin;
};

namespace {

constexpr nanoseconds stop_patience = 10 * one_second;

std::vector<std::string> urls_of(const http_server& running) {
    std::vector<std::string> urls;
    for (const http_bound_address& at : running.bound()) {
        const bool is_v6 = at.address.find(':') != std::string::npos;
        urls.push_back(std::string(at.is_tls ? "https://" : "http://") +
                       (is_v6 ? "[" + at.address + "]" : at.address) + ":" +
                       std::to_string(at.port));
    }
    return urls;
}

result<void> start_s3(server_parts& made) {
    const configuration& wanted = made.wanted;
    environment& env = made.storage.env();
    http_server_options s3;
    TC_TRY_ASSIGN(listeners, parse_listeners(wanted.listen, wanted.listen_tls));
    s3.listeners = std::move(listeners);
    s3.tls = {wanted.tls_certificate, wanted.tls_key};
    s3.workers = wanted.workers == 0 ? std::max(1U, std::thread::hardware_concurrency())
                                     : static_cast<unsigned>(wanted.workers);
    made.s3 = std::make_unique<http_server>(
        s3, make_s3_handlers({env.home, made.storage.storage().objects(), env.budget, env.buffers,
                              env.compute, made.keys, env.metrics, env.random, wanted.region,
                              wanted.domains}));
    return made.s3->start();
}

result<void> start_admin(server_parts& made) {
    const configuration& wanted = made.wanted;
    environment& env = made.storage.env();
    http_server_options admin;
    admin.name = "admin";
    TC_TRY_ASSIGN(listeners, parse_listeners(wanted.admin, {}));
    admin.listeners = std::move(listeners);
    made.admin = std::make_unique<http_server>(
        admin,
        make_admin_handlers({env.home, made.storage.storage(), env.budget, env.buffers, made.keys,
                             env.metrics, made.ready, wanted.region, std::string(version_text)}));
    return made.admin->start();
}

result<served_endpoints> start_all(server_parts& made) {
    const configuration& wanted = made.wanted;
    TC_TRY(made.storage.start(wanted, {}));
    TC_TRY_ASSIGN(root, load_or_create_root_key(wanted.data, root_key_settings_from_environment(),
                                                made.storage.env().random));
    served_endpoints served;
    served.access_key = root.key.access_key;
    served.credentials_path = root.path;
    served.key_generated = root.origin == root_key_origin::generated;
    if (served.key_generated) served.secret_key_once = std::string(root.key.secret.reveal());
    made.keys.put(std::move(root.key));
    TC_TRY(start_admin(made));
    TC_TRY(start_s3(made));
    served.s3 = urls_of(*made.s3);
    served.admin = urls_of(*made.admin);
    TC_TRY(write_endpoints(wanted.data, served));
    made.ready = true;
    return served;
}

}  // namespace

server::server() = default;
server::~server() {
    stop();
}

result<served_endpoints> server::start(const configuration& wanted) {
    TC_ASSERT(!parts_);
    parts_ = std::make_unique<server_parts>();
    parts_->wanted = wanted;
    auto served = start_all(*parts_);
    if (!served) stop();
    return served;
}

void server::stop() {
    if (!parts_) return;
    // Nobody finds a hub that is going down.
    if (parts_->ready.exchange(false)) remove_endpoints(parts_->wanted.data);
    if (parts_->s3) parts_->s3->stop(stop_patience);
    if (parts_->admin) parts_->admin->stop(stop_patience);
    parts_->storage.stop();
    parts_.reset();
}

}  // namespace taicang
