#include "tools/cli/bench_load.h"

#include <cstring>

#include "storage/base/limits.h"
#include "storage/base/when_all.h"

namespace taicang {

namespace {
constexpr std::uint64_t raw_file_bytes = 256ULL << 20;
constexpr const char* bucket_name = "taicang-bench";
/// Made in one visit to a compute thread.
constexpr std::size_t bodies_at_once = 32;
}  // namespace

std::vector<body_source::prepared> body_source::make(environment& env, std::size_t bytes,
                                                     std::uint64_t first, std::size_t count) {
    digest_set kinds;
    kinds.add(digest_kind::md5).add(digest_kind::sha256);
    std::vector<prepared> made;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t number = first + i;
        prepared one{env.buffers.allocate(bytes), {}};
        std::memset(one.bytes.data(), static_cast<int>(number & 0xff), one.bytes.size());
        std::memcpy(one.bytes.data(), &number, std::min(sizeof number, one.bytes.size()));
        one.digests = digests_of(kinds, one.bytes.view());
        made.push_back(std::move(one));
    }
    return made;
}

task<void> body_source::refill() {
    const std::uint64_t first = made_;
    made_ += bodies_at_once;
    auto making = [this, first] { return make(env_, body_bytes_, first, bodies_at_once); };
    auto made = co_await offload(env_.compute, std::move(making));
    for (prepared& one : made)
        ready_.push_back(std::move(one));
    coming_ -= bodies_at_once;
    arrived_.pulse();
}

task<body_source::prepared> body_source::next() {
    for (;;) {
        while (ready_.size() + coming_ < ahead_) {
            coming_ += bodies_at_once;
            const bool begun = spawn(gate_, refill());
            TC_ASSERT_WHY(begun, "a body is asked for after stop()");
        }
        if (!ready_.empty()) break;
        co_await arrived_.wait();
    }
    prepared first = std::move(ready_.front());
    ready_.pop_front();
    co_return std::move(first);
}

task<void> body_source::stop() {
    co_await gate_.close();
    ready_.clear();
}

task<result<void>> put_load::prepare() {
    // Named, not temporaries: g++ 12 destroys temporaries of a co_await expression twice.
    std::string name = bucket_name;
    std::string owner = "bench";
    std::string region = "us-east-1";
    auto made =
        co_await objects_.create_bucket(std::move(name), std::move(owner), std::move(region));
    if (!made && !made.is(errc::bucket_exists)) co_return std::move(made).error();
    co_return ok();
}

task<result<void>> put_load::client(nanoseconds until) {
    while (env_.home.monotonic_now() < until) {
        const std::uint64_t number = next_++;
        put_request request;
        request.bucket = bucket_name;
        request.key = "object-" + std::to_string(number);
        auto body = co_await bodies_.next();
        request.known_digests = std::move(body.digests);
        auto stored = co_await objects_.put(std::move(request), std::move(body.bytes));
        if (!stored) co_return std::move(stored).error();
        ++done_;
    }
    co_return ok();
}

task<result<void>> put_load::run_for(nanoseconds span) {
    const nanoseconds until = env_.home.monotonic_now() + span;
    std::vector<task<result<void>>> clients;
    for (unsigned i = 0; i < in_flight_; ++i)
        clients.push_back(client(until));
    auto ended = co_await when_all(std::move(clients));
    for (auto& one : ended) {
        if (!one) co_return std::move(one).error();
    }
    co_return ok();
}

task<result<void>> raw_commit_load::prepare() {
    TC_CO_TRY(co_await env_.files.make_directory(directory_));
    buffer zeros = env_.buffers.allocate_zeroed(4 * limits::mib);
    for (unsigned i = 0; i < copies_; ++i) {
        const std::string path = directory_ + "/raw-" + std::to_string(i);
        auto file = co_await env_.files.open(path, open_mode::create_exclusive);
        if (!file) co_return std::move(file).error();
        for (std::uint64_t at = 0; at < raw_file_bytes; at += zeros.size()) {
            TC_CO_TRY(co_await (*file)->write(at, zeros.view()));
        }
        TC_CO_TRY(co_await (*file)->flush());
        files_.push_back(std::move(*file));
    }
    co_return ok();
}

task<result<void>> raw_commit_load::write_and_flush(disk_file& file, std::uint64_t offset,
                                                    bytes_view bytes) {
    TC_CO_TRY(co_await file.write(offset, bytes));
    co_return co_await file.flush();
}

task<result<void>> raw_commit_load::run_for(nanoseconds span) {
    const nanoseconds until = env_.home.monotonic_now() + span;
    buffer batch = env_.buffers.allocate_zeroed(round_up(batch_bytes_, page_size));
    std::uint64_t offset = 0;
    while (env_.home.monotonic_now() < until) {
        if (offset + batch.size() > raw_file_bytes) offset = 0;
        std::vector<task<result<void>>> copies;
        for (auto& file : files_)
            copies.push_back(write_and_flush(*file, offset, batch.view()));
        auto written = co_await when_all(std::move(copies));
        for (auto& one : written) {
            if (!one) co_return std::move(one).error();
        }
        offset += batch.size();
        done_ += per_batch_;
    }
    co_return ok();
}

task<result<void>> raw_commit_load::remove() {
    files_.clear();
    for (unsigned i = 0; i < copies_; ++i) {
        std::string path = directory_ + "/raw-" + std::to_string(i);
        auto removed = co_await env_.files.remove(std::move(path));
        if (!removed && !removed.is(errc::not_found)) co_return std::move(removed).error();
    }
    co_return ok();
}

}  // namespace taicang
