#include "tools/cli/serve.h"

#include <csignal>
#include <cstdio>

#include <sys/resource.h>

#include "storage/base/log.h"
#include "tools/cli/exit_code.h"
#include "tools/server/server.h"

namespace taicang {

namespace {

void raise_file_limit() {
    // Connections and devices need descriptors; the soft limit is often 1024.
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_event(log_level::warn, "file_limit_kept")
            .with("soft", static_cast<std::uint64_t>(limit.rlim_cur));
    }
}

std::string joined(const std::vector<std::string>& parts) {
    std::string all;
    for (const std::string& part : parts)
        all += (all.empty() ? "" : "  ") + part;
    return all;
}

void print_welcome(const configuration& wanted, const served_endpoints& served) {
    const std::string endpoint = served.s3.empty() ? std::string("(none)") : served.s3.front();
    std::printf("taicang serves %s\n\n  S3      %s\n  admin   %s\n", wanted.data.c_str(),
                joined(served.s3).c_str(), joined(served.admin).c_str());
    std::printf("\n  export AWS_ACCESS_KEY_ID=%s\n", served.access_key.c_str());
    if (served.key_generated) {
        std::printf(
            "  export AWS_SECRET_ACCESS_KEY=%s\n  (made by this first start, shown once, kept in "
            "%s)\n",
            served.secret_key_once.c_str(), served.credentials_path.c_str());
    } else if (!served.credentials_path.empty()) {
        std::printf(
            "  export AWS_SECRET_ACCESS_KEY=\"$(sed -n 's/^TAICANG_ROOT_SECRET_KEY=//p' '%s')\"\n",
            served.credentials_path.c_str());
    } else {
        std::printf("  export AWS_SECRET_ACCESS_KEY=\"$TAICANG_ROOT_SECRET_KEY\"\n");
    }
    std::printf("  export AWS_DEFAULT_REGION=%s\n\nTry:\n", wanted.region.c_str());
    std::printf("  aws --endpoint-url %s s3 mb s3://granary\n", endpoint.c_str());
    std::printf(
        "  aws --endpoint-url %s s3 cp --recursive --no-follow-symlinks /usr/share/doc "
        "s3://granary/doc\n",
        endpoint.c_str());
    std::printf("  aws --endpoint-url %s s3 ls --recursive --summarize s3://granary/doc\n\n",
                endpoint.c_str());
    std::fflush(stdout);
}

}  // namespace

int run_serve(const configuration& wanted) {
    // Blocked before any thread starts, so that all threads inherit it and only sigwait() below
    // sees the signals.
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    server running;
    auto served = running.start(wanted);
    if (!served) {
        std::fprintf(stderr, "taicang: cannot serve %s: %s\n", wanted.data.c_str(),
                     served.error().message.c_str());
        return exit_code_of(served.error().code);
    }
    print_welcome(wanted, *served);
    int caught = 0;
    while (sigwait(&stops, &caught) != 0) {
    }
    log_event(log_level::info, "stopping").with("signal", caught);
    running.stop();
    return exit_done;
}

}  // namespace taicang
