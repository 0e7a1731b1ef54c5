#include "s3gw/auth/payload.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "storage/base/assert.h"

namespace taicang {

namespace {

constexpr std::size_t read_ahead_bytes = 16 * 1024;
const std::vector<aws_trailer> no_trailers;

/// The body as it is, hashed on the way when its digest was signed.
class plain_payload final : public payload_reader {
  public:
    plain_payload(const http_request& request, const authenticated& who, digest_check digest)
        : raw_(*request.body),
          length_(request.content_length),
          expected_(who.payload_sha256),
          is_hashed_(who.payload == payload_kind::signed_digest && digest == digest_check::here) {
        if (!request.has_body()) length_ = 0;
    }

    task<result<std::size_t>> read(bytes_span into) override {
        if (failed_) co_return error(errc::payload_digest_mismatch);
        auto got = co_await raw_.read(into);
        if (!got || !is_hashed_) co_return got;
        if (*got != 0) {
            hash_.update(into.data(), *got);
            co_return got;
        }
        if (!checked_) {
            checked_ = true;
            failed_ = hash_.finish() != expected_;
        }
        if (failed_) {
            co_return error(errc::payload_digest_mismatch,
                            "The provided 'x-amz-content-sha256' header does not match what was "
                            "computed.");
        }
        co_return got;
    }
    [[nodiscard]] std::optional<std::uint64_t> bytes_left() const override {
        return raw_.bytes_left();
    }
    [[nodiscard]] const std::vector<aws_trailer>& trailers() const noexcept override {
        return no_trailers;
    }
    [[nodiscard]] std::optional<std::uint64_t> payload_length() const noexcept override {
        return length_;
    }

  private:
    http_body_reader& raw_;
    std::optional<std::uint64_t> length_;
    sha256_bytes expected_;
    bool is_hashed_;
    bool checked_ = false;
    bool failed_ = false;
    sha256_running hash_;
};

/// The body without its aws-chunked framing.
class chunked_payload final : public payload_reader {
  public:
    chunked_payload(const http_request& request, const authenticated& who)
        : raw_(*request.body), decoder_(who), length_(who.decoded_length) {
        ahead_.resize(read_ahead_bytes);
    }

    task<result<std::size_t>> read(bytes_span into) override {
        TC_ASSERT(!into.empty());
        while (!decoder_.finished()) {
            // The middle of a big chunk goes straight into the caller's memory.
            if (begin_ == end_ && decoder_.chunk_left() >= read_ahead_bytes &&
                into.size() >= read_ahead_bytes) {
                co_return co_await read_straight(into);
            }
            if (begin_ == end_) {
                auto got = co_await raw_.read(ahead_);
                if (!got) co_return got;
                if (*got == 0) {
                    auto ended = decoder_.end_of_input();
                    if (!ended) co_return std::move(ended).error();
                    co_return std::size_t{0};
                }
                begin_ = 0;
                end_ = *got;
            }
            // No more than the caller takes, so that a payload view is always handed on whole;
            // framing is eaten by itself since it yields no payload.
            const std::size_t length = std::min(end_ - begin_, into.size());
            auto step = decoder_.next(bytes_view(ahead_).subspan(begin_, length));
            if (!step) co_return std::move(step).error();
            begin_ += step->consumed;
            if (!step->payload.empty()) {
                std::memcpy(into.data(), step->payload.data(), step->payload.size());
                co_return step->payload.size();
            }
        }
        co_return co_await expect_end();
    }
    [[nodiscard]] std::optional<std::uint64_t> bytes_left() const override {
        if (!length_) return std::nullopt;
        return *length_ - std::min(*length_, decoder_.decoded());
    }
    [[nodiscard]] const std::vector<aws_trailer>& trailers() const noexcept override {
        return decoder_.trailers();
    }
    [[nodiscard]] std::optional<std::uint64_t> payload_length() const noexcept override {
        return length_;
    }

  private:
    task<result<std::size_t>> read_straight(bytes_span into) {
        const auto length =
            static_cast<std::size_t>(std::min<std::uint64_t>(decoder_.chunk_left(), into.size()));
        auto got = co_await raw_.read(into.first(length));
        if (!got) co_return got;
        if (*got == 0) {
            auto ended = decoder_.end_of_input();
            TC_ASSERT(!ended.ok());
            co_return std::move(ended).error();
        }
        auto step = decoder_.next(into.first(*got));
        if (!step) co_return std::move(step).error();
        TC_ASSERT(step->consumed == *got && step->payload.size() == *got);
        co_return *got;
    }
    /// The raw body must end where the last chunk did; reading its end also leaves the connection
    /// ready.
    task<result<std::size_t>> expect_end() {
        if (begin_ == end_) {
            auto got = co_await raw_.read(ahead_);
            if (!got || *got == 0) co_return got;
        }
        co_return error(errc::chunk_malformed, "The body goes on after its last chunk.");
    }

    http_body_reader& raw_;
    aws_chunked_decoder decoder_;
    std::optional<std::uint64_t> length_;
    std::vector<std::byte> ahead_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace

std::unique_ptr<payload_reader> make_payload_reader(const http_request& request,
                                                    const authenticated& who, digest_check digest) {
    TC_ASSERT(request.body != nullptr);
    if (is_aws_chunked(who.payload)) return std::make_unique<chunked_payload>(request, who);
    return std::make_unique<plain_payload>(request, who, digest);
}

}  // namespace taicang
