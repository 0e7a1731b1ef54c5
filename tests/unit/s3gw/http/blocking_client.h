// A client of the kernel's own sockets, as blunt as can be, for tests that go through a real
// listener; plain or TLS.
#pragma once

#include <array>
#include <csignal>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace taicang::tests {

class blocking_client {
  public:
    /// `host`: "127.0.0.1" or "::1".
    blocking_client(const std::string& host, std::uint16_t port, bool is_tls = false) {
        const bool is_ipv6 = host.find(':') != std::string::npos;
        fd_ = ::socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval patience{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (is_ipv6) {
            sockaddr_in6 to{};
            to.sin6_family = AF_INET6;
            to.sin6_port = htons(port);
            ::inet_pton(AF_INET6, host.c_str(), &to.sin6_addr);
            connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
        } else {
            sockaddr_in to{};
            to.sin_family = AF_INET;
            to.sin_port = htons(port);
            ::inet_pton(AF_INET, host.c_str(), &to.sin_addr);
            connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
        }
        // OpenSSL writes without MSG_NOSIGNAL; a server that hangs up is an answer here, not a
        // signal.
        std::signal(SIGPIPE, SIG_IGN);
        if (connected_ && is_tls) connected_ = begin_tls();
    }
    blocking_client(const blocking_client&) = delete;
    blocking_client& operator=(const blocking_client&) = delete;
    ~blocking_client() {
        if (ssl_ != nullptr) SSL_free(ssl_);
        if (context_ != nullptr) SSL_CTX_free(context_);
        ::close(fd_);
    }

    [[nodiscard]] bool connected() const { return connected_; }
    bool send(std::string_view text) {
        while (!text.empty()) {
            const long put =
                ssl_ != nullptr
                    ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
                    : static_cast<long>(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL));
            if (put <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(put));
        }
        return true;
    }
    /// Up to `most` bytes; "" at the end or on an error.
    std::string receive(std::size_t most = 65'536) {
        std::string text(most, '\0');
        const long got = ssl_ != nullptr ? SSL_read(ssl_, text.data(), static_cast<int>(most))
                                         : static_cast<long>(::recv(fd_, text.data(), most, 0));
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }
    std::string receive_to_end() {
        std::string all;
        for (std::string part = receive(); !part.empty(); part = receive())
            all += part;
        return all;
    }
    /// One response with a Content-Length; the body.
    std::string response_body() {
        std::string all;
        std::size_t end = std::string::npos;
        while (end == std::string::npos) {
            const std::string part = receive();
            if (part.empty()) return "(connection closed after " + all + ")";
            all += part;
            end = all.find("\r\n\r\n");
        }
        const std::size_t at = all.find("Content-Length: ");
        const std::size_t length = std::stoul(all.substr(at + 16));
        while (all.size() < end + 4 + length) {
            const std::string part = receive();
            if (part.empty()) return "(short body)";
            all += part;
        }
        return all.substr(end + 4);
    }
    /// Closes with a reset instead of an orderly end.
    void reset() {
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        ::close(fd_);
        fd_ = -1;
    }

  private:
    bool begin_tls() {
        context_ = SSL_CTX_new(TLS_client_method());
        ssl_ = SSL_new(context_);
        SSL_set_fd(ssl_, fd_);
        return SSL_connect(ssl_) == 1;
    }
    int fd_ = -1;
    bool connected_ = false;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
};

}  // namespace taicang::tests
