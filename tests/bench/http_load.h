// A load generator for HTTP/1.1 over loopback: one thread, epoll, one request in flight on each of
// many kept connections. It costs a server's core as little as it can: requests are made beforehand
// and of an answer only the head and samples of the body are looked at. Threads: one. Lifetime:
// what exchanges point to outlives run_for().
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace taicang {

/// One request and what its answer must be: status 200 and the following.
struct http_exchange {
    std::string_view head;  ///< with the blank line at its end
    std::string_view body;
    std::string_view answer_head_has;  ///< stands somewhere in the answer's head
    std::uint64_t answer_length = 0;   ///< of its body
    /// Its body, or the begin of it. Of each piece that arrives the first bytes are compared.
    std::string_view answer_begins;
};

/// Called for each request, in order.
using next_exchange = std::function<http_exchange()>;

struct load_figures {
    std::uint64_t done = 0;
    std::uint64_t wrong = 0;
    std::string first_wrong;  ///< why, in a sentence
    double seconds = 0;       ///< until the last answer
    double cpu_seconds = 0;   ///< of the generator itself
    void add(const load_figures& more);
};

/// Connects, sends requests to 127.0.0.1:`port` until `seconds` are over or `requests_max` were
/// sent, waits for the answers under way, disconnects. The first wrong answer ends it.
[[nodiscard]] load_figures run_load(std::uint16_t port, unsigned connections, double seconds,
                                    std::uint64_t requests_max, const next_exchange& next);

}  // namespace taicang
