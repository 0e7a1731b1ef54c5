// A handler for tests of sessions: answers by path.
//   /echo     reads the whole body and sends it back
//   /size     reads the whole body and sends its length, or the error's name with status 400
//   /ignore   answers 200 without reading the body
//   /stream/N streams N bytes of unknown length; /sized/N the same with a Content-Length
//   /fail/N   a source that announces more and fails after N bytes
//   /wait     waits until release()
//   otherwise 200 with the path as body
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "s3gw/http/handler.h"
#include "storage/base/async.h"

namespace taicang::tests {

class counted_source final : public http_body_source {
  public:
    counted_source(std::uint64_t bytes, std::optional<std::uint64_t> told, bool fails)
        : left_(bytes), told_(told), fails_(fails), piece_(10'000, 'z') {}
    task<result<bytes_view>> next() override {
        if (left_ == 0 && fails_) co_return error(errc::corrupt, "the disk is gone");
        const auto length = std::min<std::uint64_t>(left_, piece_.size());
        left_ -= length;
        co_return as_bytes(piece_).first(static_cast<std::size_t>(length));
    }
    [[nodiscard]] std::optional<std::uint64_t> length() const override { return told_; }

  private:
    std::uint64_t left_;
    std::optional<std::uint64_t> told_;
    bool fails_;
    std::string piece_;
};

class scripted_handler final : public http_handler {
  public:
    std::vector<std::string> seen;   ///< method, path
    std::vector<std::string> ended;  ///< "200 in=0 out=5 sent"
    std::vector<std::string> problems;
    event released;
    std::size_t body_piece = 4096;

    task<http_response> handle(http_request& request) override {
        seen.push_back(std::string(request.method_text) + " " + request.path);
        http_response response;
        const std::string path = request.path;
        if (path == "/echo" || path == "/size") {
            auto body = co_await read_all(*request.body);
            if (!body) {
                response.status = 400;
                response.body = errc_name(body.error().code);
            } else {
                response.body = path == "/echo" ? *body : std::to_string(body->size());
            }
        } else if (path == "/wait") {
            co_await released.wait();
            response.body = "waited";
        } else if (path.starts_with("/stream/")) {
            response.source = std::make_unique<counted_source>(number(path), std::nullopt, false);
        } else if (path.starts_with("/sized/")) {
            response.source = std::make_unique<counted_source>(number(path), number(path), false);
        } else if (path.starts_with("/fail/")) {
            response.source =
                std::make_unique<counted_source>(number(path), number(path) + 10, true);
        } else if (path == "/close") {
            response.close = true;
        } else if (path == "/nothing") {
            response.status = 204;
        } else if (path != "/ignore") {
            response.body = path;
        }
        co_return response;
    }
    http_response protocol_error(const http_problem& problem) override {
        problems.push_back(std::string(problem.code));
        http_response response;
        response.status = problem.status;
        response.body = problem.code;
        return response;
    }
    http_response source_failed(const http_request&, const error& why) override {
        http_response response;
        response.status = 500;
        response.body = errc_name(why.code);
        return response;
    }
    void finished(const http_request&, const http_exchange& how) override {
        ended.push_back(std::to_string(how.status) + " in=" + std::to_string(how.bytes_in) +
                        " out=" + std::to_string(how.bytes_out) + (how.sent ? " sent" : " lost"));
    }

  private:
    static std::uint64_t number(const std::string& path) {
        return std::strtoull(path.c_str() + path.rfind('/') + 1, nullptr, 10);
    }
    task<result<std::string>> read_all(http_body_reader& body) const {
        std::string all;
        std::vector<std::byte> into(body_piece);
        for (;;) {
            auto got = co_await body.read(into);
            if (!got) co_return std::move(got).error();
            if (*got == 0) co_return all;
            all += as_text(bytes_view(into).first(*got));
        }
    }
};

}  // namespace taicang::tests
