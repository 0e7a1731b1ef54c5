#include "tools/cli/client.h"

#include <memory>

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "s3gw/auth/credentials.h"
#include "s3gw/auth/signer.h"
#include "storage/base/clock.h"
#include "storage/base/digest.h"
#include "tools/server/endpoints.h"

namespace taicang {

namespace {

constexpr long connect_timeout_ms = 3000;
constexpr long call_timeout_ms = 60000;
constexpr std::size_t answer_bytes_max = 64U << 20;

struct curl_free {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* into) {
    auto& text = *static_cast<std::string*>(into);
    if (text.size() + size * count > answer_bytes_max) return 0;
    text.append(data, size * count);
    return size * count;
}

errc errc_named(const std::string& name) {
    for (int number = 1; number < 1000; ++number) {
        const auto code = static_cast<errc>(number);
        if (errc_name(code) == name) return code;
    }
    return errc::io_failed;
}

result<std::string> interpret(long status, std::string answer, const std::string& url) {
    if (status >= 200 && status < 300) return answer;
    const auto document = nlohmann::json::parse(answer, nullptr, false);
    if (document.is_object() && document.contains("error")) {
        const auto& why = document["error"];
        return error(errc_named(why.value("code", "")),
                     why.value("message", "the hub gave no reason"));
    }
    return error(errc::io_failed, url + " answered " + std::to_string(status) +
                                      "; is this the admin listener of a taicang hub?");
}

result<sign_key> root_signing_key(const client_target& target) {
    auto root = load_root_key(target.data, root_key_settings_from_environment());
    if (root.is(errc::not_found)) {
        return error(errc::permission_denied,
                     "no key to sign with: set TAICANG_ROOT_ACCESS_KEY and TAICANG_ROOT_SECRET_KEY "
                     "as for the hub; none is kept in " +
                         target.data);
    }
    if (!root) return std::move(root).error();
    const credential& key = root->key;
    return sign_key{key.access_key, std::string(key.secret.reveal()), target.region, "s3"};
}

result<std::string> perform(const std::string& url, const std::string& method,
                            const signed_request& signed_one) {
    const std::unique_ptr<CURL, curl_free> handle(curl_easy_init());
    if (!handle) return error(errc::io_failed, "libcurl cannot be used: out of memory?");
    curl_slist* lines = nullptr;
    for (const auto& [name, value] : signed_one.headers)
        lines = curl_slist_append(lines, (name + ": " + value).c_str());
    const std::unique_ptr<curl_slist, curl_free> held(lines);
    std::string answer;
    curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(handle.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle.get(), CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, call_timeout_ms);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &answer);
    const CURLcode done = curl_easy_perform(handle.get());
    if (done != CURLE_OK) {
        return error(errc::timed_out, "cannot reach the hub at " + url + ": " +
                                          curl_easy_strerror(done) +
                                          "; is it running? Start it with `taicang serve`");
    }
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    return interpret(status, std::move(answer), url);
}

}  // namespace

result<std::string> call_admin(const client_target& target, const std::string& method,
                               const std::string& path) {
    std::string endpoint = target.endpoint;
    if (endpoint.empty()) {
        TC_TRY_ASSIGN(served, read_endpoints(target.data));
        if (served.admin.empty())
            return error(errc::not_found,
                         "the hub in " + target.data + " has no admin listener; set `admin`");
        endpoint = served.admin.front();
    }
    TC_TRY_ASSIGN(key, root_signing_key(target));
    sign_request request;
    request.method = method;
    const std::size_t scheme = endpoint.find("://");
    request.host = scheme == std::string::npos ? endpoint : endpoint.substr(scheme + 3);
    request.path = path;
    const std::string empty_hash = to_hex(sha256({}));
    const signed_request signed_one =
        sign_by_header(key, request, empty_hash, system_wall_clock_now());
    return perform(
        (scheme == std::string::npos ? "http://" + endpoint : endpoint) + signed_one.target, method,
        signed_one);
}

}  // namespace taicang
