// The server on real loopback sockets: listeners of both families, TLS, many connections, stopping.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "s3gw/http/server.h"
#include "tests/unit/s3gw/http/blocking_client.h"
#include "tests/unit/s3gw/http/scripted_handler.h"

namespace taicang {
namespace {

using tests::blocking_client;
using tests::scripted_handler;

/// A self-signed certificate and its key in two PEM files.
class certificate_files {
  public:
    certificate_files() {
        std::string pattern = testing::TempDir() + "taicang-tls-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
        EVP_PKEY* key = EVP_EC_gen("P-256");
        X509* certificate = X509_new();
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        X509_set_pubkey(certificate, key);
        X509_NAME* name = X509_get_subject_name(certificate);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
        X509_set_issuer_name(certificate, name);
        X509_sign(certificate, key, EVP_sha256());
        std::FILE* out = std::fopen(files().certificate_chain_path.c_str(), "w");
        PEM_write_X509(out, certificate);
        std::fclose(out);
        out = std::fopen(files().private_key_path.c_str(), "w");
        PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(out);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    ~certificate_files() { std::filesystem::remove_all(directory_); }
    [[nodiscard]] http_tls_files files() const {
        return {directory_ + "/cert.pem", directory_ + "/key.pem"};
    }

  private:
    std::string directory_;
};

http_handler_factory scripted() {
    return [](executor&, unsigned) { return std::make_unique<scripted_handler>(); };
}

http_server_options on(std::vector<http_listener> listeners, unsigned workers = 1) {
    http_server_options options;
    options.name = "test";
    options.listeners = std::move(listeners);
    options.workers = workers;
    return options;
}

std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

bool machine_has_ipv6() {
    const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 loopback{};
    loopback.sin6_family = AF_INET6;
    loopback.sin6_addr = in6addr_loopback;
    const bool has =
        fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&loopback), sizeof(loopback)) == 0;
    ::close(fd);
    return has;
}

TEST(server, every_address_means_both_families) {
    http_server server(on({{"", 0, false}}), scripted());
    ASSERT_TRUE(server.start().ok());
    ASSERT_EQ(server.bound().size(), 1U);
    const std::uint16_t port = server.bound()[0].port;
    EXPECT_NE(port, 0);
    blocking_client v4("127.0.0.1", port);
    ASSERT_TRUE(v4.send(get("/four")));
    EXPECT_EQ(v4.response_body(), "/four");
    if (machine_has_ipv6()) {
        blocking_client v6("::1", port);
        ASSERT_TRUE(v6.send(get("/six")));
        EXPECT_EQ(v6.response_body(), "/six");
    }
    server.stop(one_second);
    EXPECT_FALSE(blocking_client("127.0.0.1", port).connected());
    EXPECT_GE(server.figures().requests, 1U);
}

TEST(server, a_name_binds_all_its_addresses_on_one_port) {
    http_server server(on({{"localhost", 0, false}}), scripted());
    const auto started = server.start();
    ASSERT_TRUE(started.ok()) << started.error().message;
    for (const auto& bound : server.bound()) {
        EXPECT_EQ(bound.port, server.bound()[0].port);
        blocking_client client(bound.address, bound.port);
        ASSERT_TRUE(client.send(get("/x"))) << bound.address;
        EXPECT_EQ(client.response_body(), "/x");
    }
}

TEST(server, a_taken_port_or_a_wrong_name_is_a_sentence) {
    http_server first(on({{"127.0.0.1", 0, false}}), scripted());
    ASSERT_TRUE(first.start().ok());
    http_server second(on({{"127.0.0.1", first.bound()[0].port, false}}), scripted());
    const auto taken = second.start();
    ASSERT_TRUE(taken.is(errc::busy));
    EXPECT_NE(taken.error().message.find("Another process holds that port"), std::string::npos);
    http_server third(on({{"no.such.host.invalid", 0, false}}), scripted());
    EXPECT_TRUE(third.start().is(errc::invalid_argument));
    http_server tls(on({{"127.0.0.1", 0, true}}), scripted());
    EXPECT_NE(tls.start().error().message.find("certificate"), std::string::npos);
}

TEST(server, big_bodies_go_both_ways) {
    http_server server(on({{"127.0.0.1", 0, false}}), scripted());
    ASSERT_TRUE(server.start().ok());
    blocking_client client("127.0.0.1", server.bound()[0].port);
    std::string body(8'000'000, '\0');
    for (std::size_t i = 0; i < body.size(); ++i)
        body[i] = static_cast<char>(i * 31 + i / 251);
    std::thread sender([&] {
        client.send("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n");
        client.send(body);
    });
    const std::string back = client.response_body();
    sender.join();
    EXPECT_EQ(back.size(), body.size());
    EXPECT_TRUE(back == body) << back.substr(0, 1000);
    ASSERT_TRUE(client.send(get("/sized/30000000")));
    EXPECT_EQ(client.response_body().size(), 30'000'000U);
}

TEST(server, tls_serves_small_and_big_and_survives_strangers) {
    const certificate_files certificate;
    auto options = on({{"127.0.0.1", 0, true}}, 2);
    options.tls = certificate.files();
    http_server server(std::move(options), scripted());
    const auto started = server.start();
    ASSERT_TRUE(started.ok()) << started.error().message;
    const std::uint16_t port = server.bound()[0].port;
    {
        blocking_client plain("127.0.0.1", port);
        ASSERT_TRUE(plain.send(get("/plain")));
        const std::string answer = plain.receive_to_end();
        EXPECT_EQ(answer.find("HTTP/1.1 200"), std::string::npos);
    }
    { const blocking_client silent("127.0.0.1", port); }
    blocking_client client("127.0.0.1", port, true);
    ASSERT_TRUE(client.connected());
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(client.send(get("/hello")));
        EXPECT_EQ(client.response_body(), "/hello");
    }
    std::string body(3'000'000, 'q');
    std::thread sender([&] {
        client.send("PUT /size HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n");
        client.send(body);
    });
    sender.join();
    EXPECT_EQ(client.response_body(), "3000000");
    ASSERT_TRUE(client.send(get("/sized/5000000")));
    EXPECT_EQ(client.response_body(), std::string(5'000'000, 'z'));
}

TEST(server, many_connections_are_spread_over_workers_and_limited) {
    auto options = on({{"127.0.0.1", 0, false}}, 2);
    options.limits.connections_max = 50;
    std::atomic<unsigned> made{0};
    http_server server(std::move(options), [&made](executor& home, unsigned index) {
        EXPECT_EQ(&home, &executor::current());
        EXPECT_LT(index, 2U);
        ++made;
        return std::make_unique<scripted_handler>();
    });
    ASSERT_TRUE(server.start().ok());
    EXPECT_EQ(made, 2U);
    std::vector<std::unique_ptr<blocking_client>> clients;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(std::make_unique<blocking_client>("127.0.0.1", server.bound()[0].port));
        ASSERT_TRUE(clients.back()->send(get("/x")));
        EXPECT_EQ(clients.back()->response_body(), "/x");
    }
    EXPECT_EQ(server.figures().connections_open, 50U);
    blocking_client refused("127.0.0.1", server.bound()[0].port);
    EXPECT_EQ(refused.receive(), "");
    EXPECT_EQ(server.figures().connections_refused, 1U);
    // Half leave by reset; the others go on.
    for (std::size_t i = 0; i < clients.size(); i += 2)
        clients[i]->reset();
    for (std::size_t i = 1; i < clients.size(); i += 2) {
        ASSERT_TRUE(clients[i]->send(get("/y")));
        EXPECT_EQ(clients[i]->response_body(), "/y");
    }
    server.stop(0);
    EXPECT_EQ(server.figures().connections_open, 0U);
}

TEST(server, stop_breaks_what_outlasts_its_patience_and_can_start_again) {
    http_server server(on({{"127.0.0.1", 0, false}}), scripted());
    ASSERT_TRUE(server.start().ok());
    blocking_client idle("127.0.0.1", server.bound()[0].port);
    blocking_client half("127.0.0.1", server.bound()[0].port);
    ASSERT_TRUE(idle.send(get("/x")));
    EXPECT_EQ(idle.response_body(), "/x");
    ASSERT_TRUE(
        half.send("PUT /size HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n"
                  "Expect: 100-continue\r\n\r\n"));
    EXPECT_EQ(half.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
    server.stop(50 * one_millisecond);
    EXPECT_EQ(idle.receive(), "");
    EXPECT_EQ(half.receive(), "");
    ASSERT_TRUE(server.start().ok());
    blocking_client again("127.0.0.1", server.bound()[0].port);
    ASSERT_TRUE(again.send(get("/again")));
    EXPECT_EQ(again.response_body(), "/again");
}

}  // namespace
}  // namespace taicang
