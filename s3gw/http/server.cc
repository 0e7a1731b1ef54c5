#include "s3gw/http/server.h"

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include <pthread.h>
#include <unistd.h>

#include "s3gw/http/asio_executor.h"
#include "s3gw/http/connections.h"
#include "s3gw/http/listen.h"
#include "s3gw/http/tcp_transport.h"
#include "s3gw/http/tls_transport.h"
#include "storage/base/assert.h"
#include "storage/base/async.h"
#include "storage/base/log.h"

namespace taicang {

namespace {

constexpr nanoseconds accept_pause = 100 * one_millisecond;

detail::detached run_and_tell(task<void> body, std::promise<void>& told) {
    co_await std::move(body);
    told.set_value();
}

/// Runs a task on an executor and blocks the calling thread, which is none of the workers, until it
/// is done.
void run_blocking(executor& where, task<void> body) {
    TC_ASSERT(executor::current_or_null() == nullptr);
    std::promise<void> told;
    auto done = told.get_future();
    where.post([&told, held = std::move(body)]() mutable { run_and_tell(std::move(held), told); });
    done.wait();
}

}  // namespace

struct http_server::state {
    struct worker_thread {
        asio_executor loop;
        http_worker_figures figures;
        std::unique_ptr<http_handler> handler;
        std::optional<http_connections> connections;
        std::thread thread;
    };

    http_server_options options;
    http_handler_factory make_handler;
    std::vector<std::unique_ptr<worker_thread>> workers;
    std::vector<std::unique_ptr<http_acceptor>> acceptors;
    std::vector<http_bound_address> bound;
    std::shared_ptr<tls_context> tls;
    std::unique_ptr<gate> accepting;  ///< on worker 0
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused{0};
    bool is_running = false;

    result<void> bind();
    task<void> set_up(worker_thread& worker, unsigned index);
    task<void> tear_down(worker_thread& worker, nanoseconds patience);
    task<void> start_accepting();
    task<void> stop_accepting();
    task<void> accept_loop(http_acceptor& acceptor);
    void hand_out(accepted_connection connection, bool is_tls);
};

result<void> http_server::state::bind() {
    for (const http_listener& listener : options.listeners) {
        if (listener.is_tls && tls == nullptr) {
            TC_TRY_ASSIGN(made, tls_context::make_server(options.tls.certificate_chain_path,
                                                         options.tls.private_key_path));
            tls = std::move(made);
        }
        TC_TRY_ASSIGN(made, http_acceptor::bind(workers.front()->loop.context(), listener));
        for (auto& acceptor : made) {
            bound.push_back(acceptor->address());
            acceptors.push_back(std::move(acceptor));
        }
    }
    if (acceptors.empty() && !options.listeners.empty()) {
        return error(errc::invalid_argument,
                     "None of the addresses to listen on exists on this machine. Give one that "
                     "does, e.g. 127.0.0.1.");
    }
    return ok();
}

task<void> http_server::state::set_up(worker_thread& worker, unsigned index) {
    worker.handler = make_handler(worker.loop, index);
    TC_ASSERT(worker.handler != nullptr);
    worker.connections.emplace(worker.loop, *worker.handler, options.limits, worker.figures);
    co_return;
}

task<void> http_server::state::tear_down(worker_thread& worker, nanoseconds patience) {
    co_await worker.connections->stop(patience);
    worker.connections.reset();
    worker.handler.reset();
}

task<void> http_server::state::start_accepting() {
    accepting = std::make_unique<gate>();
    for (auto& acceptor : acceptors) {
        task<void> loop = accept_loop(*acceptor);
        spawn(*accepting, std::move(loop));
    }
    co_return;
}

task<void> http_server::state::stop_accepting() {
    for (auto& acceptor : acceptors)
        acceptor->close();
    co_await accepting->close();
    accepting.reset();
    acceptors.clear();
}

task<void> http_server::state::accept_loop(http_acceptor& acceptor) {
    bool is_exhausted = false;
    for (;;) {
        auto connection = co_await acceptor.accept();
        if (connection) {
            is_exhausted = false;
            hand_out(std::move(connection).value(), acceptor.address().is_tls);
            continue;
        }
        if (connection.is(errc::stopped)) co_return;
        if (connection.is(errc::busy)) {
            // The connection stays in the backlog; trying at once would only spin.
            if (!is_exhausted) {
                log_event(log_level::warn, "http_accept_failed")
                    .with("server", options.name)
                    .with("reason", connection.error().message);
            }
            is_exhausted = true;
            co_await sleep_for(accept_pause);
        }
    }
}

void http_server::state::hand_out(accepted_connection connection, bool is_tls) {
    std::uint64_t open = 0;
    worker_thread* least = nullptr;
    std::uint64_t least_open = 0;
    const std::uint64_t number = accepted.fetch_add(1, std::memory_order_relaxed) + 1;
    // Ties go round, so that a burst, whose connections are not counted yet, is spread.
    for (std::size_t i = 0; i < workers.size(); ++i) {
        worker_thread& worker = *workers[(number + i) % workers.size()];
        const auto has = worker.figures.connections_open.load(std::memory_order_relaxed);
        open += has;
        if (least == nullptr || has < least_open) {
            least = &worker;
            least_open = has;
        }
    }
    if (open >= options.limits.connections_max) {
        refused.fetch_add(1, std::memory_order_relaxed);
        ::close(connection.descriptor);
        return;
    }
    least->loop.post([this, least, is_tls, number, from = std::move(connection)]() mutable {
        auto transport = make_tcp_transport(least->loop.context(), from.descriptor, from.is_ipv6,
                                            std::move(from.peer_address));
        if (transport == nullptr) return;
        if (is_tls) transport = make_tls_transport(tls, std::move(transport));
        if (least->connections) least->connections->serve(std::move(transport), number);
    });
}

http_server::http_server(http_server_options options, http_handler_factory make_handler)
    : state_(std::make_unique<state>()) {
    TC_ASSERT(options.workers > 0 && make_handler != nullptr);
    state_->options = std::move(options);
    state_->make_handler = std::move(make_handler);
}

http_server::~http_server() {
    stop(0);
}

result<void> http_server::start() {
    state& s = *state_;
    TC_ASSERT_WHY(!s.is_running, "a server is started once at a time");
    s.bound.clear();
    s.workers.clear();
    for (unsigned i = 0; i < s.options.workers; ++i) {
        s.workers.push_back(std::make_unique<state::worker_thread>());
    }
    auto bound = s.bind();
    if (!bound) {
        s.acceptors.clear();
        s.workers.clear();
        return bound;
    }
    for (unsigned i = 0; i < s.options.workers; ++i) {
        state::worker_thread& worker = *s.workers[i];
        worker.thread = std::thread([&worker, name = s.options.name + "-" + std::to_string(i)] {
            pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
            worker.loop.run();
        });
        run_blocking(worker.loop, s.set_up(worker, i));
    }
    run_blocking(s.workers.front()->loop, s.start_accepting());
    s.is_running = true;
    return ok();
}

void http_server::stop(nanoseconds patience) {
    state& s = *state_;
    if (!s.is_running) return;
    s.is_running = false;
    run_blocking(s.workers.front()->loop, s.stop_accepting());
    // All workers wait at the same time, so patience is spent once.
    std::vector<std::promise<void>> told(s.workers.size());
    for (std::size_t i = 0; i < s.workers.size(); ++i) {
        state::worker_thread& worker = *s.workers[i];
        worker.loop.post([&s, &worker, &promise = told[i], patience] {
            run_and_tell(s.tear_down(worker, patience), promise);
        });
    }
    for (auto& promise : told)
        promise.get_future().wait();
    for (auto& worker : s.workers) {
        worker->loop.stop();
        worker->thread.join();
    }
    // The workers stay, stopped, for their figures.
}

const std::vector<http_bound_address>& http_server::bound() const noexcept {
    return state_->bound;
}

http_server_figures http_server::figures() const {
    http_server_figures sum;
    sum.connections_accepted = state_->accepted.load(std::memory_order_relaxed);
    sum.connections_refused = state_->refused.load(std::memory_order_relaxed);
    for (const auto& worker : state_->workers) {
        const http_worker_figures& figures = worker->figures;
        sum.connections_open += figures.connections_open.load(std::memory_order_relaxed);
        sum.requests += figures.requests.load(std::memory_order_relaxed);
        sum.protocol_errors += figures.protocol_errors.load(std::memory_order_relaxed);
        sum.timeouts += figures.timeouts.load(std::memory_order_relaxed);
    }
    return sum;
}

executor& http_server::worker(unsigned index) {
    TC_ASSERT(index < state_->workers.size());
    return state_->workers[index]->loop;
}

}  // namespace taicang
