// What a signed 4 KiB GET costs in http and auth, without storage: parsing, verifying, the whole
// session in memory, and through loopback sockets, where `server_us` is the CPU time of the
// server's one worker for a request, kernel included.
#include <array>
#include <atomic>
#include <cstring>
#include <ctime>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "s3gw/auth/payload.h"
#include "s3gw/auth/signer.h"
#include "s3gw/auth/sigv4.h"
#include "s3gw/http/connections.h"
#include "s3gw/http/head_parser.h"
#include "s3gw/http/server.h"

namespace taicang {
namespace {

constexpr std::int64_t signed_at = 1'709'208'000'000'000'000;
constexpr std::size_t object_bytes = 4096;

sign_key bench_key() {
    return {"AKIABENCH", "a secret for the benchmark"};
}

credential_store& store() {
    static credential_store* const made = [] {
        auto* keys = new credential_store();
        keys->put({bench_key().access_key, secret_text(bench_key().secret_key), "", true, false});
        return keys;
    }();
    return *made;
}

/// A GET as an SDK sends it; `number` makes keys differ.
std::string signed_get(std::size_t number, std::int64_t now) {
    sign_request request;
    request.host = "127.0.0.1:9000";
    request.path = "/bench-bucket/directory/object-" + std::to_string(number) + ".bin";
    const signed_request made = sign_by_header(bench_key(), request, "UNSIGNED-PAYLOAD", now);
    std::string text = "GET " + made.target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : made.headers)
        text += name + ": " + value + "\r\n";
    text +=
        "User-Agent: Boto3/1.34 md/Botocore#1.34 ua/2.0 os/linux lang/python#3.11\r\n"
        "Accept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n";
    return text;
}

class one_piece final : public http_body_source {
  public:
    task<result<bytes_view>> next() override {
        static const std::string bytes(object_bytes, 'x');
        const bytes_view piece = is_sent_ ? bytes_view{} : as_bytes(bytes);
        is_sent_ = true;
        co_return piece;
    }
    [[nodiscard]] std::optional<std::uint64_t> length() const override { return object_bytes; }

  private:
    bool is_sent_ = false;
};

/// Verifies, then answers like GetObject.
class get_handler final : public http_handler {
  public:
    explicit get_handler(std::int64_t now) : authenticator_(store(), {"us-east-1"}), now_(now) {}
    task<http_response> handle(http_request& request) override {
        http_response response;
        if (authenticator_.authenticate(request, now_, who_) || who_.is_anonymous()) {
            response.status = 403;
            co_return response;
        }
        response.headers.add("ETag", "\"9e107d9d372bb6826bd81d3542a419d6\"");
        response.headers.add("Last-Modified", "Thu, 29 Feb 2024 12:00:00 GMT");
        response.headers.add("Content-Type", "application/octet-stream");
        response.headers.add("Accept-Ranges", "bytes");
        response.headers.add("x-amz-request-id", "4442587FB7D0A2F9");
        response.source = std::make_unique<one_piece>();
        co_return response;
    }
    http_response protocol_error(const http_problem&) override { return {}; }
    http_response source_failed(const http_request&, const error&) override { return {}; }

  private:
    request_authenticator authenticator_;
    authenticated who_;
    std::int64_t now_;
};

void parse_head(benchmark::State& state) {
    const std::string text = signed_get(1, signed_at);
    http_head_parser parser(http_limits{});
    http_request_head head;
    for (auto _ : state) {
        parser.reset(head);
        benchmark::DoNotOptimize(parser.parse(text));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_head);

void authenticate(benchmark::State& state) {
    const std::string text = signed_get(1, signed_at);
    http_head_parser parser(http_limits{});
    http_request_head head;
    parser.reset(head);
    static_cast<void>(parser.parse(text));
    request_authenticator authenticator(store(), {"us-east-1"});
    authenticated who;
    for (auto _ : state) {
        if (authenticator.authenticate(head, signed_at, who)) state.SkipWithError("refused");
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(authenticate);

/// Work runs at once, in order; no timers fire.
class plain_queue final : public executor {
  public:
    void post(work w) override { queue_.push_back(std::move(w)); }
    void post(std::coroutine_handle<> handle) override {
        queue_.emplace_back([handle] { handle.resume(); });
    }
    timer_id post_after(nanoseconds, work) override { return 1; }
    bool cancel_timer(timer_id) override { return true; }
    [[nodiscard]] nanoseconds monotonic_now() const override { return 0; }
    [[nodiscard]] std::int64_t wall_now() const override { return signed_at; }
    void run() {
        const running_scope scope(this);
        while (!queue_.empty()) {
            work next = std::move(queue_.front());
            queue_.pop_front();
            next();
        }
    }

  private:
    std::deque<work> queue_;
};

/// Gives the same request as often as it is told to, and swallows what is written.
class endless_client final : public http_transport {
  public:
    endless_client(std::string request, std::uint64_t requests)
        : request_(std::move(request)), left_(requests) {}
    task<result<std::size_t>> read_some(bytes_span into) override {
        if (left_ == 0) co_return std::size_t{0};
        --left_;
        std::memcpy(into.data(), request_.data(), request_.size());
        co_return request_.size();
    }
    task<result<void>> write(std::span<const bytes_view> pieces) override {
        for (const bytes_view piece : pieces)
            written += piece.size();
        co_return ok();
    }
    void interrupt() noexcept override {}
    task<void> shutdown_write() override { co_return; }
    void close() noexcept override {}
    [[nodiscard]] const std::string& peer_address() const noexcept override { return peer_; }
    [[nodiscard]] bool is_tls() const noexcept override { return false; }
    [[nodiscard]] std::uint64_t bytes_moved() const noexcept override { return written; }
    std::uint64_t written = 0;

  private:
    std::string request_;
    std::uint64_t left_;
    std::string peer_ = "192.0.2.1:1";
};

void session_in_memory(benchmark::State& state) {
    const std::string text = signed_get(1, signed_at);
    constexpr std::uint64_t batch = 1000;
    for (auto _ : state) {
        plain_queue home;
        get_handler handler(signed_at);
        http_limits limits;
        http_worker_figures figures;
        std::unique_ptr<http_connections> connections;
        home.post([&] {
            connections = std::make_unique<http_connections>(home, handler, limits, figures);
            connections->serve(std::make_unique<endless_client>(text, batch), 1);
        });
        home.run();
        if (figures.requests != batch) state.SkipWithError("requests went missing");
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(session_in_memory);

/// CPU time of the thread that runs `where`.
std::int64_t cpu_ns_of(executor& where) {
    std::promise<std::int64_t> told;
    auto answer = told.get_future();
    where.post([&told] {
        timespec used{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
        told.set_value(used.tv_sec * one_second + used.tv_nsec);
    });
    return answer.get();
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) return -1;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/// Keeps one request in flight on each of its connections until `left` requests have been sent.
void drive(std::uint16_t port, std::size_t connections, std::atomic<std::int64_t>& left,
           std::int64_t now) {
    struct peer {
        int fd;
        std::string request;
        std::size_t expected = 0;
        std::size_t got = 0;
        std::string head;
    };
    std::vector<peer> peers;
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    std::size_t busy = 0;
    for (std::size_t i = 0; i < connections; ++i) {
        peers.push_back({connect_to(port), signed_get(i, now), 0, 0, ""});
    }
    const auto ask = [&](peer& p) {
        if (left.fetch_sub(1) <= 0) return;
        p.expected = p.got = 0;
        p.head.clear();
        ++busy;
        static_cast<void>(::send(p.fd, p.request.data(), p.request.size(), MSG_NOSIGNAL));
    };
    for (std::size_t i = 0; i < peers.size(); ++i) {
        epoll_event want{EPOLLIN, {.u64 = i}};
        ::epoll_ctl(poller, EPOLL_CTL_ADD, peers[i].fd, &want);
        ask(peers[i]);
    }
    std::vector<char> into(65'536);
    std::array<epoll_event, 64> ready;
    while (busy != 0) {
        const int count = ::epoll_wait(poller, ready.data(), static_cast<int>(ready.size()), -1);
        for (int i = 0; i < count; ++i) {
            peer& p = peers[ready[static_cast<std::size_t>(i)].data.u64];
            const ssize_t got = ::recv(p.fd, into.data(), into.size(), 0);
            if (got <= 0) return;
            p.got += static_cast<std::size_t>(got);
            if (p.expected == 0) {
                p.head.append(into.data(), static_cast<std::size_t>(got));
                const std::size_t end = p.head.find("\r\n\r\n");
                if (end != std::string::npos) p.expected = end + 4 + object_bytes;
            }
            if (p.expected == 0 || p.got < p.expected) continue;
            --busy;
            ask(p);
        }
    }
    for (const peer& p : peers)
        ::close(p.fd);
    ::close(poller);
}

void over_loopback(benchmark::State& state) {
    timespec clock{};
    ::clock_gettime(CLOCK_REALTIME, &clock);
    const std::int64_t now = clock.tv_sec * one_second;
    http_server_options options;
    options.listeners = {{"127.0.0.1", 0, false}};
    http_server server(std::move(options),
                       [now](executor&, unsigned) { return std::make_unique<get_handler>(now); });
    if (const auto started = server.start(); !started) {
        state.SkipWithError(started.error().message.c_str());
        return;
    }
    const auto connections = static_cast<std::size_t>(state.range(0));
    constexpr std::int64_t requests = 50'000;
    std::int64_t used = 0;
    for (auto _ : state) {
        std::atomic<std::int64_t> left{requests};
        const std::int64_t before = cpu_ns_of(server.worker(0));
        drive(server.bound()[0].port, connections, left, now);
        used += cpu_ns_of(server.worker(0)) - before;
        if (left > 0) state.SkipWithError("a request failed");
    }
    const double all = static_cast<double>(state.iterations()) * static_cast<double>(requests);
    state.SetItemsProcessed(static_cast<std::int64_t>(all));
    state.counters["server_us"] = static_cast<double>(used) / all / 1000.0;
    state.counters["requests_per_core_s"] = all * 1e9 / static_cast<double>(used);
    server.stop(one_second);
}
BENCHMARK(over_loopback)->Arg(1)->Arg(16)->Arg(64)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace taicang

BENCHMARK_MAIN();
