#include "tools/server/listeners.h"

#include <charconv>

#include "s3gw/http/tls_transport.h"

namespace taicang {

namespace {

result<http_listener> parse_listener(const std::string& text, bool is_tls) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) {
        return error(
            errc::invalid_argument,
            "listener \"" + text + "\": give HOST:PORT, e.g. 127.0.0.1:9000 or [::1]:9000");
    }
    http_listener listener;
    listener.is_tls = is_tls;
    listener.host = text.substr(0, colon);
    if (listener.host.starts_with('[') && listener.host.ends_with(']')) {
        listener.host = listener.host.substr(1, listener.host.size() - 2);
    }
    const char* first = text.data() + colon + 1;
    const char* last = text.data() + text.size();
    const auto read = std::from_chars(first, last, listener.port);
    if (read.ec != std::errc() || read.ptr != last) {
        return error(errc::invalid_argument,
                     "listener \"" + text + "\": the port is not a number from 0 to 65535");
    }
    return listener;
}

}  // namespace

result<std::vector<http_listener>> parse_listeners(const std::vector<std::string>& plain,
                                                   const std::vector<std::string>& tls) {
    std::vector<http_listener> listeners;
    for (const std::string& text : plain) {
        TC_TRY_ASSIGN(listener, parse_listener(text, false));
        listeners.push_back(std::move(listener));
    }
    for (const std::string& text : tls) {
        TC_TRY_ASSIGN(listener, parse_listener(text, true));
        listeners.push_back(std::move(listener));
    }
    return listeners;
}

result<void> check_listeners(const configuration& wanted) {
    TC_TRY_ASSIGN(s3, parse_listeners(wanted.listen, wanted.listen_tls));
    TC_TRY_ASSIGN(admin, parse_listeners(wanted.admin, {}));
    if (wanted.listen_tls.empty()) return ok();
    TC_TRY_ASSIGN(context, tls_context::make_server(wanted.tls_certificate, wanted.tls_key));
    return ok();
}

}  // namespace taicang
