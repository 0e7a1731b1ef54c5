// Sessions over a connection in memory with virtual time: what a client sends and what it gets,
// byte for byte.
#include <string>

#include <gtest/gtest.h>

#include "s3gw/http/connections.h"
#include "storage/base/mark.h"
#include "tests/unit/s3gw/http/memory_transport.h"
#include "tests/unit/s3gw/http/scripted_handler.h"
#include "tests/unit/s3gw/manual_executor.h"

namespace taicang {
namespace {

using tests::manual_executor;
using tests::memory_pipe;
using tests::memory_transport;
using tests::scripted_handler;

class session_test : public testing::Test {
  protected:
    session_test() { limits_.drain_bytes_max = 1000; }
    ~session_test() override {
        if (!connections_) return;
        handler_.released.set();
        home_.run(stop());
        EXPECT_TRUE(pipe_->server_closed);
    }
    task<bool> stop() {
        co_await connections_->stop(0);
        co_return true;
    }
    void open() {
        if (!connections_) connections_.emplace(home_, handler_, limits_, figures_);
        pipe_ = std::make_shared<memory_pipe>();
        home_.post([this] { connections_->serve(std::make_unique<memory_transport>(pipe_), 1); });
        home_.run_ready();
    }
    /// Sends text and gives what the server has written since the last time.
    std::string talk(std::string_view text) {
        home_.post([this, copy = std::string(text)] { pipe_->send(copy); });
        home_.run_ready();
        return std::exchange(pipe_->to_client, {});
    }
    std::string pass(nanoseconds span) {
        home_.run_for(span);
        return std::exchange(pipe_->to_client, {});
    }
    static std::string body_of(const std::string& response) {
        const std::size_t end = response.find("\r\n\r\n");
        return end == std::string::npos ? "" : response.substr(end + 4);
    }
    static bool starts(const std::string& response, std::string_view status) {
        return response.starts_with("HTTP/1.1 " + std::string(status));
    }
    static bool has(const std::string& response, std::string_view line) {
        return response.find(std::string(line) + "\r\n") != std::string::npos;
    }
    [[nodiscard]] bool closed() const { return pipe_->server_closed; }

    manual_executor home_;
    scripted_handler handler_;
    http_limits limits_;
    http_worker_figures figures_;
    std::optional<http_connections> connections_;
    std::shared_ptr<memory_pipe> pipe_;
};

TEST_F(session_test, one_request_is_one_read_and_one_write) {
    open();
    const std::string response = talk("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(response,
              "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nDate: Fri, 24 May 2013 00:00:00 GMT\r\n\r\n"
              "/hello");
    EXPECT_EQ(pipe_->reads, 1U);
    EXPECT_EQ(pipe_->writes, 1U);
    EXPECT_FALSE(closed());
}

TEST_F(session_test, a_connection_serves_many_requests_in_any_cut) {
    open();
    const std::string request = "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    for (int round = 0; round < 3; ++round) {
        std::string response;
        for (const char c : request)
            response += talk(std::string_view(&c, 1));
        EXPECT_TRUE(starts(response, "200 OK"));
        EXPECT_EQ(body_of(response), "hello");
    }
    EXPECT_EQ(handler_.ended, (std::vector<std::string>(3, "200 in=5 out=5 sent")));
}

TEST_F(session_test, pipelined_requests_are_answered_one_at_a_time_in_order) {
    open();
    std::string response = talk(
        "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"
        "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        "PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nde\r\n0\r\n\r\n"
        "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(response, "");
    EXPECT_EQ(handler_.seen.size(), 1U) << "the second waits for the first";
    home_.post([this] { handler_.released.set(); });
    response = talk("");
    EXPECT_EQ(handler_.seen,
              (std::vector<std::string>{"GET /wait", "PUT /echo", "PUT /echo", "GET /last"}));
    std::size_t at = 0;
    for (const char* body : {"\r\n\r\nwaited", "\r\n\r\nabc", "\r\n\r\nde", "\r\n\r\n/last"}) {
        at = response.find(body, at);
        ASSERT_NE(at, std::string::npos) << body << " in " << response;
    }
    EXPECT_TRUE(has(response, "Connection: close"));
    EXPECT_TRUE(closed());
}

TEST_F(session_test, head_gets_the_length_and_never_a_body) {
    open();
    std::string response = talk("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(has(response, "Content-Length: 6"));
    EXPECT_EQ(body_of(response), "");
    response = talk("HEAD /sized/50000 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(has(response, "Content-Length: 50000"));
    EXPECT_EQ(body_of(response), "");
    response = talk("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(starts(response, "204 No Content"));
    EXPECT_EQ(response.find("Content-Length"), std::string::npos);
    EXPECT_FALSE(closed());
}

TEST_F(session_test, continue_is_said_when_the_body_is_first_read) {
    open();
    const std::string head =
        " HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    EXPECT_EQ(talk("PUT /echo" + head), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(body_of(talk("hello")), "hello");
    // A client that does not wait is not told.
    EXPECT_TRUE(starts(talk("PUT /echo" + head + "hello"), "200 OK"));
    EXPECT_FALSE(closed());
    // An answer without reading: the body may or may not come, so the connection ends.
    const std::string early = talk("PUT /ignore" + head);
    EXPECT_TRUE(starts(early, "200 OK"));
    EXPECT_TRUE(has(early, "Connection: close"));
    EXPECT_TRUE(pipe_->server_shut);
}

TEST_F(session_test, an_unread_body_is_drained_when_short_and_ends_the_connection_when_long) {
    open();
    std::string response = talk("PUT /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    EXPECT_TRUE(starts(response, "200 OK"));
    EXPECT_FALSE(has(response, "Connection: close"));
    response = talk(std::string(1000, 'x') + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(body_of(response), "/next");

    response = talk("PUT /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
    EXPECT_TRUE(has(response, "Connection: close"));
    EXPECT_TRUE(pipe_->server_shut);
    EXPECT_FALSE(closed()) << "lingers so that the client can read the response";
    talk(std::string(5000, 'x'));
    EXPECT_TRUE(closed()) << "but not for ever";
}

TEST_F(session_test, chunked_bodies_come_through_in_any_cut) {
    handler_.body_piece = 30'000;
    std::string body;
    std::string wire;
    for (const std::size_t size : {1UL, 10UL, 40'000UL, 15UL, 16'384UL}) {
        const std::string chunk(size, static_cast<char>('a' + size % 26));
        std::array<char, 20> line;
        std::snprintf(line.data(), line.size(), "%zX", size);
        body += chunk;
        wire += std::string(line.data()) + ";name=value\r\n" + chunk + "\r\n";
    }
    wire += "0\r\nTrailer: ignored\r\n\r\n";
    for (const std::size_t step : {1UL, 1000UL, 1UL << 20}) {
        open();
        pipe_->read_step = step;
        const std::string response =
            talk("PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + wire +
                 "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_TRUE(starts(response, "200 OK"));
        EXPECT_NE(response.find(body + "HTTP/1.1 200 OK"), std::string::npos);
        EXPECT_TRUE(response.ends_with("/next"));
    }
}

TEST_F(session_test, malformed_chunks_are_the_handlers_error_and_the_connections_end) {
    for (const char* wire :
         {"x\r\n", "5\r\nhellooo\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "\r\n", "-1\r\n",
          "FFFFFFFFFFFFFFFF\r\n", "5 5\r\nhello\r\n", "5\r\nhello\r\n0\r\nA: b\rc\r\n\r\n"}) {
        open();
        const std::string response = talk(
            std::string("PUT /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n") +
            wire);
        EXPECT_TRUE(starts(response, "400")) << wire << response;
        EXPECT_EQ(body_of(response), "request_malformed") << wire;
        EXPECT_TRUE(has(response, "Connection: close"));
    }
    open();
    EXPECT_EQ(body_of(talk("PUT /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;" +
                           std::string(2000, 'e'))),
              "request_malformed");
}

TEST_F(session_test, a_body_shorter_than_its_length_is_told_from_one_in_time) {
    open();
    talk("PUT /size HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");
    home_.post([this] { pipe_->close(); });
    const std::string response = talk("");
    EXPECT_EQ(body_of(response), "incomplete_body");
    EXPECT_TRUE(closed());
}

TEST_F(session_test, a_client_that_vanishes_ends_the_request_without_a_response) {
    open();
    talk("PUT /size HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");
    home_.post([this] { pipe_->vanish(); });
    EXPECT_EQ(talk(""), "");
    EXPECT_EQ(handler_.ended, (std::vector<std::string>{"400 in=5 out=0 lost"}));
    EXPECT_TRUE(closed());

    open();
    talk("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    home_.post([this] { pipe_->vanish(); });
    talk("");
    EXPECT_FALSE(closed()) << "the handler still works";
    home_.post([this] { handler_.released.set(); });
    talk("");
    EXPECT_TRUE(closed());
}

TEST_F(session_test, streams_of_unknown_length_are_chunked_or_end_with_the_connection) {
    open();
    std::string response = talk("GET /stream/25000 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(has(response, "Transfer-Encoding: chunked"));
    const std::string z(10'000, 'z');
    EXPECT_EQ(body_of(response), "2710\r\n" + z + "\r\n2710\r\n" + z + "\r\n1388\r\n" +
                                     z.substr(0, 5000) + "\r\n0\r\n\r\n");
    EXPECT_EQ(body_of(talk("GET /stream/0 HTTP/1.1\r\nHost: h\r\n\r\n")), "0\r\n\r\n");
    response = talk("GET /stream/25000 HTTP/1.0\r\n\r\n");
    EXPECT_EQ(body_of(response), std::string(25'000, 'z'));
    EXPECT_TRUE(closed());
}

TEST_F(session_test, sized_streams_send_the_first_piece_with_the_head) {
    open();
    const std::string response = talk("GET /sized/4096 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(body_of(response), std::string(4096, 'z'));
    EXPECT_EQ(pipe_->writes, 1U);
    EXPECT_EQ(body_of(talk("GET /sized/0 HTTP/1.1\r\nHost: h\r\n\r\n")), "");
    EXPECT_FALSE(closed());
}

TEST_F(session_test, a_source_that_fails_first_is_an_error_and_later_a_broken_connection) {
    open();
    std::string response = talk("GET /fail/0 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(starts(response, "500"));
    EXPECT_EQ(body_of(response), "corrupt");
    EXPECT_FALSE(closed());
    response = talk("GET /fail/15000 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(has(response, "Content-Length: 15010"));
    EXPECT_EQ(body_of(response).size(), 15'000U);
    EXPECT_TRUE(closed());
    EXPECT_EQ(handler_.ended.back(), "200 in=0 out=15000 lost");
    EXPECT_GT(mark_count("http.source_failed_middle"), 0U);
}

TEST_F(session_test, requests_that_two_parties_could_read_differently_are_refused) {
    struct bad {
        const char* text;
        const char* code;
    };
    for (const bad& b : {
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: "
                 "chunked\r\n\r\n",
                 "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
                 "5\r\n\r\n",
                 "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                 "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
                 "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n folded\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tfolded\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\n Host: h\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nA: b\x01\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nA\x80: b\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                 "NotImplemented"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
                 "NotImplemented"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n",
                 "BadRequest"},
             bad{"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "BadRequest"},
             bad{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "HttpVersionNotSupported"},
             bad{"GET /\r\n\r\n", "BadRequest"},
             bad{"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "BadRequest"},
             bad{"G\x01T / HTTP/1.1\r\nHost: h\r\n\r\n", "BadRequest"},
             bad{"GET nowhere HTTP/1.1\r\nHost: h\r\n\r\n", "InvalidURI"},
             bad{"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "InvalidURI"},
             bad{"GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n", "InvalidURI"},
             bad{"GET /a?b=%4 HTTP/1.1\r\nHost: h\r\n\r\n", "InvalidURI"},
             bad{"GET / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n", "ExpectationFailed"},
             bad{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "BadRequest"},
         }) {
        open();
        handler_.seen.clear();
        const std::string response = talk(b.text);
        EXPECT_EQ(body_of(response), b.code) << b.text;
        EXPECT_TRUE(has(response, "Connection: close"));
        EXPECT_TRUE(pipe_->server_shut);
        EXPECT_TRUE(handler_.seen.empty()) << b.text;
    }
}

TEST_F(session_test, heads_are_limited_whole_and_in_parts) {
    limits_.head_bytes_max = 4096;
    limits_.headers_max = 20;
    limits_.target_bytes_max = 1000;
    open();
    EXPECT_EQ(body_of(talk("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(4100, 'a'))),
              "RequestHeaderSectionTooLarge");
    open();
    EXPECT_EQ(body_of(talk("GET /" + std::string(5000, 'a'))), "RequestHeaderSectionTooLarge");
    open();
    EXPECT_EQ(body_of(talk("GET /" + std::string(1000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n")),
              "RequestURITooLong");
    open();
    std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 20; ++i)
        many += "A: b\r\n";
    EXPECT_EQ(body_of(talk(many + "\r\n")), "RequestHeaderSectionTooLarge");
    // An endless head in small pieces holds no more memory and ends as well.
    open();
    std::string response;
    for (int i = 0; i < 100 && response.empty(); ++i)
        response = talk("A-Header: with a value\r\n");
    EXPECT_TRUE(starts(response, "400"));
    open();
    response = talk("GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 1000 && response.empty(); ++i)
        response = talk("aaaaaaaaaa");
    EXPECT_EQ(body_of(response), "RequestHeaderSectionTooLarge");
}

TEST_F(session_test, slow_heads_get_a_timeout_and_idle_connections_are_closed) {
    open();
    talk("GET / HT");
    EXPECT_EQ(pass(19 * one_second), "");
    const std::string response = pass(2 * one_second);
    EXPECT_EQ(body_of(response), "RequestTimeout");
    pass(3 * one_second);
    EXPECT_TRUE(closed());

    open();
    EXPECT_EQ(pass(21 * one_second), "") << "a connection that never spoke";
    EXPECT_TRUE(closed());

    open();
    talk("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    pass(74 * one_second);
    EXPECT_FALSE(closed());
    pass(2 * one_second);
    EXPECT_TRUE(closed());
    EXPECT_EQ(figures_.timeouts.load(), 4U);
}

TEST_F(session_test, slow_bodies_are_measured_by_their_rate) {
    limits_.body_window = 10 * one_second;
    limits_.body_bytes_per_window_min = 1000;
    open();
    talk("PUT /size HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    for (int i = 0; i < 30; ++i) {
        talk(std::string(600, 'x'));
        EXPECT_EQ(pass(4 * one_second), "") << "1200 bytes in 8 s are enough";
    }
    std::string response;
    for (int i = 0; i < 8 && response.empty(); ++i) {
        talk(std::string(300, 'x'));
        response = pass(4 * one_second);
    }
    EXPECT_EQ(body_of(response), "client_too_slow");
    EXPECT_TRUE(has(response, "Connection: close"));
}

TEST_F(session_test, a_slow_handler_costs_the_client_nothing) {
    open();
    talk("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(pass(1000 * one_second), "");
    home_.post([this] { handler_.released.set(); });
    EXPECT_EQ(body_of(talk("")), "waited");
}

TEST_F(session_test, a_client_that_does_not_take_the_response_is_dropped) {
    limits_.body_window = 10 * one_second;
    limits_.body_bytes_per_window_min = 1000;
    open();
    pipe_->write_room = 5000;
    talk("GET /sized/1000000 HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
        home_.post([this] { pipe_->take(600); });
        pass(5 * one_second);
        EXPECT_FALSE(closed());
    }
    pass(21 * one_second);
    EXPECT_TRUE(closed());
    EXPECT_TRUE(handler_.ended.back().ends_with("lost"));
}

TEST_F(session_test, old_clients_get_a_close_unless_they_ask_to_stay) {
    open();
    const std::string response = talk("GET /old HTTP/1.0\r\n\r\n");
    EXPECT_EQ(body_of(response), "/old");
    EXPECT_TRUE(has(response, "Connection: close"));
    EXPECT_TRUE(closed());
    open();
    EXPECT_EQ(body_of(talk("GET /old HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")), "/old");
    EXPECT_FALSE(closed());
    EXPECT_EQ(body_of(talk("\r\nGET /close HTTP/1.1\r\nHost: h\r\n\r\n")), "");
    EXPECT_TRUE(closed());
}

TEST_F(session_test, stopping_ends_idle_connections_at_once_and_busy_ones_after_their_response) {
    open();
    talk("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto busy = pipe_;
    open();
    talk("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto idle = pipe_;
    bool stopped = false;
    const auto stopping = [](http_connections& all, bool& done) -> task<void> {
        co_await all.stop(60 * one_second);
        done = true;
    };
    gate holder;
    home_.post([&] { spawn(holder, stopping(*connections_, stopped)); });
    home_.run_ready();
    EXPECT_TRUE(idle->server_closed);
    EXPECT_FALSE(busy->server_closed);
    home_.run_for(10 * one_second);
    EXPECT_FALSE(stopped);
    home_.post([this] { handler_.released.set(); });
    home_.run_ready();
    EXPECT_EQ(body_of(busy->to_client), "waited");
    EXPECT_TRUE(has(busy->to_client, "Connection: close"));
    EXPECT_TRUE(stopped);
    EXPECT_EQ(holder.holders(), 0U);
    connections_.reset();
}

}  // namespace
}  // namespace taicang
