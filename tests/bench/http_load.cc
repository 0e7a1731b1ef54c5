#include "tests/bench/http_load.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <optional>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "storage/base/clock.h"

namespace taicang {

namespace {

constexpr std::size_t receive_bytes = 256 * 1024;
constexpr std::size_t send_bytes_max = 1024 * 1024;  ///< in one turn of a connection
constexpr std::size_t answer_head_bytes_max = 16 * 1024;
constexpr std::size_t compared_bytes = 64;  ///< of each piece of a body
constexpr std::size_t events_max = 128;
constexpr int patience_ms = 30'000;  ///< nothing at all happens: the server hangs

double cpu_seconds_now() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

/// The value of Content-Length.
std::optional<std::uint64_t> content_length(std::string_view head) {
    constexpr std::string_view name = "\r\ncontent-length:";
    const auto found =
        std::search(head.begin(), head.end(), name.begin(), name.end(), [](char have, char want) {
            return (have >= 'A' && have <= 'Z' ? have + ('a' - 'A') : have) == want;
        });
    if (found == head.end()) return std::nullopt;
    std::string_view text = head.substr(static_cast<std::size_t>(found - head.begin()));
    text.remove_prefix(name.size());
    while (text.starts_with(' '))
        text.remove_prefix(1);
    std::uint64_t length = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), length).ec != std::errc())
        return std::nullopt;
    return length;
}

struct connection {
    int fd = -1;
    bool is_busy = false;
    bool waits_for_room = false;
    http_exchange now;
    std::size_t sent = 0;  // of head and body together
    std::string head;      // of the answer, until it is whole
    bool has_head = false;
    std::uint64_t received = 0;  // of the answer's body
};

class generator {
  public:
    generator(std::uint16_t port, unsigned connections, const next_exchange& next)
        : next_(next), into_(receive_bytes), poller_(::epoll_create1(EPOLL_CLOEXEC)) {
        peers_.resize(connections);
        for (std::size_t i = 0; i < peers_.size() && !has_failed(); ++i)
            open(i, port);
    }
    ~generator() {
        for (const connection& one : peers_) {
            if (one.fd >= 0) ::close(one.fd);
        }
        ::close(poller_);
    }
    generator(const generator&) = delete;
    generator& operator=(const generator&) = delete;

    load_figures run(double seconds, std::uint64_t requests_max);

  private:
    [[nodiscard]] bool has_failed() const { return figures_.wrong != 0; }
    void fail(std::string why) {
        if (figures_.wrong++ == 0) figures_.first_wrong = std::move(why);
    }
    void open(std::size_t number, std::uint16_t port);
    void begin(connection& one);
    void send_more(connection& one);
    void receive(connection& one);
    void take(connection& one, std::string_view piece);
    bool take_head(connection& one, std::string_view& piece);
    void watch(connection& one, bool for_room);

    const next_exchange& next_;
    std::vector<char> into_;
    int poller_;
    std::vector<connection> peers_;
    std::size_t busy_ = 0;
    std::uint64_t left_ = 0;
    std::int64_t until_ = 0;
    load_figures figures_;
};

void generator::open(std::size_t number, std::uint16_t port) {
    connection& one = peers_[number];
    one.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(one.fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) {
        fail("connecting to port " + std::to_string(port) + ": " + std::strerror(errno));
        return;
    }
    const int on = 1;
    ::setsockopt(one.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event wanted{EPOLLIN, {.u64 = number}};
    ::epoll_ctl(poller_, EPOLL_CTL_ADD, one.fd, &wanted);
}

void generator::watch(connection& one, bool for_room) {
    if (one.waits_for_room == for_room) return;
    one.waits_for_room = for_room;
    const auto number = static_cast<std::uint64_t>(&one - peers_.data());
    const std::uint32_t events = for_room ? EPOLLIN | EPOLLOUT : EPOLLIN;
    epoll_event wanted{events, {.u64 = number}};
    ::epoll_ctl(poller_, EPOLL_CTL_MOD, one.fd, &wanted);
}

void generator::begin(connection& one) {
    if (left_ == 0 || has_failed() || system_monotonic_now() >= until_) return;
    --left_;
    one.now = next_();
    one.sent = 0;
    one.head.clear();
    one.has_head = false;
    one.received = 0;
    one.is_busy = true;
    ++busy_;
    send_more(one);
}

void generator::send_more(connection& one) {
    std::size_t turn = 0;
    const std::size_t all = one.now.head.size() + one.now.body.size();
    while (one.sent < all && turn < send_bytes_max) {
        const bool in_head = one.sent < one.now.head.size();
        std::string_view rest = in_head ? one.now.head.substr(one.sent)
                                        : one.now.body.substr(one.sent - one.now.head.size());
        rest = rest.substr(0, send_bytes_max);
        const int flags =
            MSG_DONTWAIT | MSG_NOSIGNAL | (in_head && !one.now.body.empty() ? MSG_MORE : 0);
        const ssize_t put = ::send(one.fd, rest.data(), rest.size(), flags);
        if (put < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) break;
            return fail(std::string("sending: ") + std::strerror(errno));
        }
        one.sent += static_cast<std::size_t>(put);
        turn += static_cast<std::size_t>(put);
    }
    watch(one, one.sent < all);
}

/// True once the head is whole; takes its bytes off the piece.
bool generator::take_head(connection& one, std::string_view& piece) {
    constexpr std::string_view blank_line = "\r\n\r\n";
    std::string_view head = piece;
    const bool is_whole_here = one.head.empty() && piece.find(blank_line) != std::string_view::npos;
    const std::size_t before = one.head.size();
    if (!is_whole_here) head = one.head.append(piece);
    const std::size_t end = head.find(blank_line);
    if (end == std::string_view::npos) {
        if (head.size() > answer_head_bytes_max) fail("an answer's head does not end");
        return false;
    }
    one.has_head = true;
    const std::string_view all = head;
    head = head.substr(0, end + blank_line.size());
    piece.remove_prefix(head.size() - before);
    const auto length = content_length(head);
    if (!head.starts_with("HTTP/1.1 200 ")) {
        fail("answered with: " + std::string(all.substr(0, 1000)));
    } else if (length != one.now.answer_length) {
        fail("an answer of another length than " + std::to_string(one.now.answer_length) + ": " +
             std::string(head));
    } else if (head.find(one.now.answer_head_has) == std::string_view::npos) {
        fail("an answer without '" + std::string(one.now.answer_head_has) +
             "': " + std::string(head));
    }
    return !has_failed();
}

void generator::take(connection& one, std::string_view piece) {
    if (!one.is_busy) return fail("bytes arrived that were not asked for");
    if (!one.has_head && !take_head(one, piece)) return;
    if (one.received + piece.size() > one.now.answer_length)
        return fail("an answer is longer than it said");
    if (one.received < one.now.answer_begins.size()) {
        const std::string_view expected = one.now.answer_begins.substr(one.received);
        const std::size_t count = std::min({expected.size(), piece.size(), compared_bytes});
        if (expected.substr(0, count) != piece.substr(0, count))
            return fail("an answer has other bytes than were stored");
    }
    one.received += piece.size();
    if (one.received < one.now.answer_length) return;
    if (one.sent < one.now.head.size() + one.now.body.size())
        return fail("an answer came before the request was read");
    ++figures_.done;
    one.is_busy = false;
    --busy_;
    begin(one);
}

void generator::receive(connection& one) {
    const ssize_t got = ::recv(one.fd, into_.data(), into_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return fail(std::string("receiving: ") + std::strerror(errno));
    if (got == 0) return fail("the server closed a connection");
    take(one, std::string_view(into_.data(), static_cast<std::size_t>(got)));
}

load_figures generator::run(double seconds, std::uint64_t requests_max) {
    const std::int64_t started = system_monotonic_now();
    const double cpu_before = cpu_seconds_now();
    until_ = started + static_cast<std::int64_t>(seconds * 1e9);
    left_ = requests_max;
    for (connection& one : peers_)
        begin(one);
    std::array<epoll_event, events_max> ready;
    while (busy_ != 0 && !has_failed()) {
        const int count =
            ::epoll_wait(poller_, ready.data(), static_cast<int>(ready.size()), patience_ms);
        if (count == 0) fail("nothing was heard for 30 s");
        for (int i = 0; i < count && !has_failed(); ++i) {
            const epoll_event& event = ready[static_cast<std::size_t>(i)];
            connection& one = peers_[event.data.u64];
            if ((event.events & EPOLLOUT) != 0) send_more(one);
            if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(one);
        }
    }
    figures_.seconds = static_cast<double>(system_monotonic_now() - started) / 1e9;
    figures_.cpu_seconds = cpu_seconds_now() - cpu_before;
    return figures_;
}

}  // namespace

void load_figures::add(const load_figures& more) {
    done += more.done;
    if (wrong == 0) first_wrong = more.first_wrong;
    wrong += more.wrong;
    seconds += more.seconds;
    cpu_seconds += more.cpu_seconds;
}

load_figures run_load(std::uint16_t port, unsigned connections, double seconds,
                      std::uint64_t requests_max, const next_exchange& next) {
    generator made(port, connections, next);
    return made.run(seconds, requests_max);
}

}  // namespace taicang
