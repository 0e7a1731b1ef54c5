// What tools/bench-s3 measures Taicang against: the least that a program can do for the same
// requests.
//
//   s3_null_program memory --port P --bytes N       answers every request with the same N bytes
//   s3_null_program bodies --port P --directory D   a PUT: received over HTTP, MD5, SHA-256 and
//   CRC32C
//                                                   computed, written with O_DIRECT, made durable;
//                                                   a GET: read with O_DIRECT, CRC32C computed,
//                                                   sent
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/digest.h"

namespace taicang {
namespace {

constexpr std::size_t piece_bytes = 1024 * 1024;  ///< of a body, in memory at once
constexpr std::size_t head_bytes_max = 16 * 1024;
constexpr std::size_t block_bytes = 4096;
constexpr int backlog = 1024;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "s3_null_program: %s\n", why.c_str());
    std::exit(1);
}

int listen_on(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof(at)) != 0 || ::listen(fd, backlog) != 0)
        give_up("listening on port " + std::to_string(port) + ": " + std::strerror(errno));
    return fd;
}

int accept_on(int listener) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) give_up(std::string("accepting: ") + std::strerror(errno));
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

/// One thread; requests fit one segment of loopback, so what arrives is a whole request.
[[noreturn]] void answer_from_memory(std::uint16_t port, std::size_t bytes) {
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes) +
                               "\r\n\r\n" + std::string(bytes, 'm');
    const int listener = listen_on(port);
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    const auto watch = [poller](int fd) {
        epoll_event wanted{EPOLLIN, {.fd = fd}};
        ::epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
    };
    watch(listener);
    std::array<epoll_event, 128> ready;
    std::vector<char> into(head_bytes_max);
    for (;;) {
        const int count = ::epoll_wait(poller, ready.data(), static_cast<int>(ready.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int fd = ready[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener) {
                watch(accept_on(listener));
                continue;
            }
            const ssize_t got = ::recv(fd, into.data(), into.size(), 0);
            if (got <= 0 || !send_all(fd, answer)) ::close(fd);
        }
    }
}

struct free_memory {
    void operator()(char* memory) const { std::free(memory); }
};

/// A connection of the other kind, on a thread of its own.
class body_connection {
  public:
    body_connection(int fd, const std::string& directory)
        : fd_(fd),
          directory_(directory),
          piece_(static_cast<char*>(std::aligned_alloc(block_bytes, piece_bytes))) {}
    ~body_connection() { ::close(fd_); }
    body_connection(const body_connection&) = delete;
    body_connection& operator=(const body_connection&) = delete;

    void serve() {
        while (read_head()) {
            const bool is_put = head_.starts_with("PUT ");
            if (!(is_put ? store() : give())) return;
        }
    }

  private:
    bool read_head();
    bool store();
    bool give();
    bool fill(std::size_t bytes);
    int open_file(int flags);

    const int fd_;
    const std::string& directory_;
    const std::unique_ptr<char, free_memory> piece_;
    std::string head_;
    std::string rest_;            // of the body, received with the head
    std::uint32_t last_sum_ = 0;  // a server would compare it with what it knows
};

bool body_connection::read_head() {
    head_ = std::move(rest_);
    rest_.clear();
    std::array<char, head_bytes_max> into;
    std::size_t end = head_.find("\r\n\r\n");
    while (end == std::string::npos) {
        const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
        if (got <= 0 || head_.size() > head_bytes_max) return false;
        head_.append(into.data(), static_cast<std::size_t>(got));
        end = head_.find("\r\n\r\n");
    }
    rest_ = head_.substr(end + 4);
    head_.resize(end + 4);
    return true;
}

/// The file that the last part of the path names.
int body_connection::open_file(int flags) {
    const std::string path = head_.substr(0, head_.find('?'));
    const std::string name = directory_ + path.substr(path.rfind('/'));
    const int file = ::open(name.c_str(), flags | O_DIRECT | O_CLOEXEC, 0644);
    if (file < 0) give_up("opening " + name + ": " + std::strerror(errno));
    return file;
}

/// Receives the next `bytes` of the body into the piece.
bool body_connection::fill(std::size_t bytes) {
    std::size_t have = std::min(rest_.size(), bytes);
    std::memcpy(piece_.get(), rest_.data(), have);
    rest_.erase(0, have);
    while (have < bytes) {
        const ssize_t got = ::recv(fd_, piece_.get() + have, bytes - have, 0);
        if (got <= 0) return false;
        have += static_cast<std::size_t>(got);
    }
    return true;
}

bool body_connection::store() {
    const std::size_t at = head_.find("Content-Length: ");
    if (at == std::string::npos) give_up("a PUT without Content-Length");
    const std::uint64_t length = std::strtoull(head_.c_str() + at + 16, nullptr, 10);
    content_hasher hasher(
        digest_set().add(digest_kind::md5).add(digest_kind::sha256).add(digest_kind::crc32c));
    const int file = open_file(O_WRONLY | O_CREAT);
    for (std::uint64_t done = 0; done < length; done += piece_bytes) {
        const std::size_t bytes = std::min<std::uint64_t>(piece_bytes, length - done);
        if (!fill(bytes)) {
            ::close(file);
            return false;
        }
        hasher.update(as_bytes(std::string_view(piece_.get(), bytes)));
        if (::pwrite(file, piece_.get(), bytes, static_cast<off_t>(done)) !=
            static_cast<ssize_t>(bytes))
            give_up(std::string("writing: ") + std::strerror(errno));
    }
    if (::fdatasync(file) != 0) give_up(std::string("flushing: ") + std::strerror(errno));
    ::close(file);
    return send_all(fd_, "HTTP/1.1 200 OK\r\nETag: \"" + to_hex(as_bytes(hasher.finish().md5)) +
                             "\"\r\nContent-Length: 0\r\n\r\n");
}

bool body_connection::give() {
    const int file = open_file(O_RDONLY);
    struct stat about {};
    if (::fstat(file, &about) != 0) give_up(std::string("reading: ") + std::strerror(errno));
    const auto length = static_cast<std::uint64_t>(about.st_size);
    bool is_sent =
        send_all(fd_, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n");
    std::uint32_t sum = 0;
    for (std::uint64_t done = 0; is_sent && done < length; done += piece_bytes) {
        const ssize_t got = ::pread(file, piece_.get(), piece_bytes, static_cast<off_t>(done));
        if (got <= 0) give_up(std::string("reading: ") + std::strerror(errno));
        const std::string_view bytes(piece_.get(), static_cast<std::size_t>(got));
        sum = crc32c(as_bytes(bytes), sum);
        is_sent = send_all(fd_, bytes);
    }
    ::close(file);
    last_sum_ = sum;
    return is_sent;
}

[[noreturn]] void serve_bodies(std::uint16_t port, const std::string& directory) {
    const int listener = listen_on(port);
    for (;;) {
        const int fd = accept_on(listener);
        std::thread([fd, &directory] { body_connection(fd, directory).serve(); }).detach();
    }
}

[[noreturn]] void run(int count, char** words) {
    std::map<std::string, std::string> given;
    for (int i = 2; i + 1 < count; i += 2)
        given[words[i]] = words[i + 1];
    const auto port =
        static_cast<std::uint16_t>(std::strtoul(given["--port"].c_str(), nullptr, 10));
    const std::string_view verb = count > 1 ? words[1] : "";
    if (verb == "memory")
        answer_from_memory(port, std::strtoull(given["--bytes"].c_str(), nullptr, 10));
    if (verb == "bodies") serve_bodies(port, given["--directory"]);
    give_up("`memory --port P --bytes N` or `bodies --port P --directory D` is wanted");
}

}  // namespace
}  // namespace taicang

int main(int count, char** words) {
    taicang::run(count, words);
}
