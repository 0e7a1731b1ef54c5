// Signed bodies through a whole session: aws-chunked inside HTTP's own chunked coding and inside a
// Content-Length, and what becomes of the connection when a body is refused in its middle.
#include <string>

#include <gtest/gtest.h>

#include "s3gw/auth/payload.h"
#include "s3gw/auth/signer.h"
#include "s3gw/http/connections.h"
#include "tests/unit/s3gw/http/memory_transport.h"
#include "tests/unit/s3gw/manual_executor.h"

namespace taicang {
namespace {

using tests::manual_executor;
using tests::memory_pipe;
using tests::memory_transport;

/// Reads the body of whoever is authentic and answers with its length and trailers, or with the
/// error's name.
class storing_handler final : public http_handler {
  public:
    storing_handler() : authenticator_(store_, {"us-east-1"}) {
        store_.put({"AKIATEST", secret_text("a secret"), "", true, false});
    }
    task<http_response> handle(http_request& request) override {
        http_response response;
        authenticated who;
        const auto refused =
            authenticator_.authenticate(request, executor::current().wall_now(), who);
        if (refused || who.is_anonymous()) {
            response.status = 403;
            response.body = refused ? refused->message : "anonymous";
            co_return response;
        }
        const auto reader = make_payload_reader(request, who, digest_check::here);
        std::vector<std::byte> into(100'000);
        std::size_t length = 0;
        for (;;) {
            auto got = co_await reader->read(into);
            if (!got) {
                response.status = 400;
                response.body = errc_name(got.error().code);
                co_return response;
            }
            if (*got == 0) break;
            length += *got;
        }
        response.body = std::to_string(length);
        for (const auto& trailer : reader->trailers())
            response.body += " " + trailer.value;
        co_return response;
    }
    http_response protocol_error(const http_problem& problem) override {
        http_response response;
        response.status = problem.status;
        response.body = problem.message;
        return response;
    }
    http_response source_failed(const http_request&, const error&) override { return {}; }

  private:
    credential_store store_;
    request_authenticator authenticator_;
};

class signed_session_test : public testing::Test {
  protected:
    signed_session_test() {
        connections_.emplace(home_, handler_, limits_, figures_);
        home_.post([this] { connections_->serve(std::make_unique<memory_transport>(pipe_), 1); });
        home_.run_ready();
    }
    ~signed_session_test() override { home_.run(stop()); }
    task<bool> stop() {
        co_await connections_->stop(0);
        co_return true;
    }
    struct wire_request {
        std::string head;
        std::string body;
    };
    /// A PUT of `text` in aws-chunks.
    wire_request put(std::string_view word, const std::string& text, bool tells_decoded_length) {
        const bool has_trailer = word.ends_with("-TRAILER");
        sign_request request;
        request.method = "PUT";
        request.host = "h";
        request.path = "/bucket/key";
        request.headers = {{"content-encoding", "aws-chunked"}};
        if (has_trailer) request.headers.push_back({"x-amz-trailer", "x-amz-checksum-crc32"});
        if (tells_decoded_length) {
            request.headers.push_back(
                {"x-amz-decoded-content-length", std::to_string(text.size())});
        }
        const sign_key key{"AKIATEST", "a secret"};
        const signed_request made = sign_by_header(key, request, word, home_.wall_now());
        wire_request wire;
        wire.head = "PUT " + made.target + " HTTP/1.1\r\n";
        for (const auto& [name, value] : made.headers)
            wire.head += name + ": " + value + "\r\n";
        aws_chunked_encoder encoder(key, made, word);
        for (std::size_t at = 0; at < text.size(); at += 65'536) {
            wire.body += encoder.chunk(as_bytes(std::string_view(text).substr(at, 65'536)));
        }
        if (has_trailer) {
            wire.body += encoder.end({{"x-amz-checksum-crc32", "AAAAAA=="}});
        } else {
            wire.body += encoder.end({});
        }
        return wire;
    }
    static std::string with_length(const wire_request& wire) {
        return wire.head + "Content-Length: " + std::to_string(wire.body.size()) + "\r\n\r\n" +
               wire.body;
    }
    static std::string in_chunks(const wire_request& wire, std::size_t size) {
        std::string text = wire.head + "Transfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < wire.body.size(); at += size) {
            const std::string part = wire.body.substr(at, size);
            std::array<char, 20> line;
            std::snprintf(line.data(), line.size(), "%zx\r\n", part.size());
            text += line.data() + part + "\r\n";
        }
        return text + "0\r\n\r\n";
    }
    std::string talk(const std::string& text) {
        home_.post([this, text] { pipe_->send(text); });
        home_.run_ready();
        const std::string response = std::exchange(pipe_->to_client, {});
        const std::size_t end = response.find("\r\n\r\n");
        return end == std::string::npos ? "(nothing)" : response.substr(end + 4);
    }

    manual_executor home_;
    storing_handler handler_;
    http_limits limits_;
    http_worker_figures figures_;
    std::optional<http_connections> connections_;
    std::shared_ptr<memory_pipe> pipe_ = std::make_shared<memory_pipe>();
};

constexpr std::string_view unsigned_trailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
constexpr std::string_view signed_trailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
constexpr std::string_view signed_chunks = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

TEST_F(signed_session_test, every_coding_comes_through_on_one_connection) {
    const std::string text(300'000, 't');
    EXPECT_EQ(talk(with_length(put(signed_chunks, text, true))), "300000");
    EXPECT_EQ(talk(with_length(put(signed_trailer, text, true))), "300000 AAAAAA==");
    EXPECT_EQ(talk(with_length(put(unsigned_trailer, text, true))), "300000 AAAAAA==");
    // What the newest SDKs send for a stream: no Content-Length at all, and no decoded length.
    for (const std::size_t size : {1'000UL, 65'536UL, 1'000'000UL}) {
        EXPECT_EQ(talk(in_chunks(put(unsigned_trailer, text, false), size)), "300000 AAAAAA==");
        EXPECT_EQ(talk(in_chunks(put(signed_trailer, text, true), size)), "300000 AAAAAA==");
    }
    EXPECT_EQ(talk(in_chunks(put(unsigned_trailer, "", false), 10)), "0 AAAAAA==");
    EXPECT_FALSE(pipe_->server_closed);
}

TEST_F(signed_session_test, a_changed_chunk_is_refused_and_the_next_request_is_still_understood) {
    wire_request wire = put(signed_chunks, std::string(300'000, 't'), true);
    wire.body[1000] = 'x';
    EXPECT_EQ(talk(with_length(wire)), "signature_mismatch");
    EXPECT_EQ(talk(with_length(put(signed_chunks, "hello", true))), "5");
}

TEST_F(signed_session_test, a_body_that_goes_on_after_its_last_chunk_is_refused) {
    wire_request wire = put(unsigned_trailer, "hello", false);
    wire.body += "more";
    EXPECT_EQ(talk(with_length(wire)), "chunk_malformed");
}

TEST_F(signed_session_test, a_cut_body_is_incomplete) {
    const std::string whole = with_length(put(signed_chunks, std::string(300'000, 't'), true));
    home_.post([&] { pipe_->send(whole.substr(0, whole.size() - 100)); });
    home_.run_ready();
    home_.post([&] { pipe_->close(); });
    EXPECT_EQ(talk(""), "incomplete_body");
}

}  // namespace
}  // namespace taicang
