// Durable 4 KiB records through the journal at 64 in flight, beside its limit: a raw mirrored group
// commit of the same bytes in the same batch sizes by the same disk seam. Also the engine's CPU per
// record, apart from disk time. Usage: bench_journal [directory] [seconds a figure] [payload
// bytes]. Makes a hub there and removes it.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "storage/base/async.h"
#include "storage/base/log.h"
#include "storage/base/when_all.h"
#include "storage/io/reactor.h"
#include "storage/journal/batch_builder.h"
#include "storage/journal/journal.h"

namespace taicang {
namespace {

constexpr unsigned in_flight = 64;
constexpr unsigned copies = 3;

double process_cpu_s() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct figure {
    std::uint64_t records = 0;
    std::uint64_t commits = 0;
    double span_s = 1;
    double cpu_s = 0;
    [[nodiscard]] double per_second() const { return static_cast<double>(records) / span_s; }
    void print(const char* what) const {
        std::printf(
            "%-28s %10.0f records/s  %6.1f records a commit  %7.1f us a commit  %5.2f us CPU a "
            "record\n",
            what, per_second(), static_cast<double>(records) / static_cast<double>(commits),
            span_s * 1e6 / static_cast<double>(commits),
            cpu_s * 1e6 / static_cast<double>(records));
    }
};

void must(const result<void>& done, const char* what) {
    if (done) return;
    std::fprintf(stderr, "bench_journal: %s: %s\n", what, done.error().message.c_str());
    std::exit(1);
}

/// Clients that each append a record, wait until it is durable, and go on.
class clients {
  public:
    clients(environment& env, journal& log, std::size_t payload)
        : env_(env), log_(log), payload_(payload, 'x') {
        digest_ = sha256(as_bytes(payload_));
        log_.on_durable([this](lsn last) {
            while (!waiting_.empty() && waiting_.front().first <= last) {
                waiting_.front().second->set();
                waiting_.pop_front();
            }
        });
    }

    task<result<void>> run(nanoseconds span) {
        end_ = env_.home.monotonic_now() + span;
        gate all;
        for (unsigned i = 0; i < in_flight; ++i)
            spawn(all, client());
        co_await all.close();
        co_return failed_ ? result<void>(*failed_) : ok();
    }

  private:
    task<void> client() {
        event durable;
        while (env_.home.monotonic_now() < end_ && !failed_) {
            auto admitted = co_await log_.admit(payload_.size() + 200);
            if (admitted.is(errc::journal_full)) {
                log_.release_below(log_.last_durable());
                co_await sleep_for(one_millisecond);
                continue;
            }
            if (!admitted) {
                failed_ = admitted.error();
                break;
            }
            record_draft draft;
            draft.body.assign(200, 'b');
            draft.payload = as_bytes(payload_);
            draft.payload_digest = digest_;
            const lsn position = log_.append(std::move(draft));
            durable.reset();
            waiting_.emplace_back(position, &durable);
            co_await durable.wait();
            // Half of the cap is let go at a time, so that recycling is part of the figure.
            if (log_.fill() > 0.5) log_.release_below(log_.last_durable());
        }
    }

    environment& env_;
    journal& log_;
    std::string payload_;
    sha256_digest digest_{};
    nanoseconds end_ = 0;
    std::optional<error> failed_;
    std::deque<std::pair<lsn, event*>> waiting_;
};

task<result<figure>> through_the_journal(environment& env, std::string directory, nanoseconds span,
                                         std::size_t payload) {
    hub_layout layout;
    layout.directory = directory;
    tier_layout tier;
    tier.capacity_bytes_per_device = std::uint64_t{1} << 30;
    layout.tiers.push_back(tier);
    TC_CO_TRY(co_await device_set::format(env, layout));
    open_options how;
    how.directory = directory;
    TC_CO_TRY_ASSIGN(devices, co_await device_set::open(env, how));
    journal_options options;
    options.bytes_max = 512ULL << 20;
    TC_CO_TRY_ASSIGN(log, co_await journal::open(env, *devices, options));
    figure f;
    {
        clients load(env, *log, payload);
        TC_CO_TRY(co_await load.run(span / 10));  // warms extents and caches
        const journal_figures before = log->figures();
        const double cpu = process_cpu_s();
        const nanoseconds began = env.home.monotonic_now();
        TC_CO_TRY(co_await load.run(span));
        f.span_s = static_cast<double>(env.home.monotonic_now() - began) / 1e9;
        f.cpu_s = process_cpu_s() - cpu;
        f.records = log->figures().records - before.records;
        f.commits = log->figures().commits - before.commits;
        log->on_durable({});
    }
    co_await log->stop();
    co_await devices->stop();
    co_return f;
}

task<result<void>> write_and_flush(disk_file& file, std::uint64_t offset, bytes_view bytes) {
    TC_CO_TRY(co_await file.write(offset, bytes));
    co_return co_await file.flush();
}

/// The limit: the same bytes, gathered by nobody, to three pre-written files.
task<result<figure>> raw(environment& env, std::string directory, nanoseconds span,
                         std::uint64_t bytes_a_commit, std::uint64_t records_a_commit) {
    constexpr std::uint64_t file_bytes = 512ULL << 20;
    std::vector<std::unique_ptr<disk_file>> files;
    buffer zeros = env.buffers.allocate_zeroed(1 << 20);
    for (unsigned i = 0; i < copies; ++i) {
        TC_CO_TRY_ASSIGN(file, co_await env.files.open(directory + "/raw-" + std::to_string(i),
                                                       open_mode::create_exclusive));
        TC_CO_TRY(co_await file->allocate(0, file_bytes));
        for (std::uint64_t at = 0; at < file_bytes; at += zeros.size()) {
            TC_CO_TRY(co_await file->write(at, zeros.view()));
        }
        TC_CO_TRY(co_await file->flush());
        files.push_back(std::move(file));
    }
    buffer batch = env.buffers.allocate_zeroed(static_cast<std::size_t>(bytes_a_commit));
    figure f;
    const double cpu = process_cpu_s();
    const nanoseconds began = env.home.monotonic_now();
    std::uint64_t offset = 0;
    while (env.home.monotonic_now() - began < span) {
        if (offset + bytes_a_commit > file_bytes) offset = 0;
        std::vector<task<result<void>>> running;
        for (auto& file : files)
            running.push_back(write_and_flush(*file, offset, batch.view()));
        auto done = co_await when_all(std::move(running));
        for (auto& one : done) {
            if (!one) co_return std::move(one).error();
        }
        offset += bytes_a_commit;
        ++f.commits;
        f.records += records_a_commit;
    }
    f.span_s = static_cast<double>(env.home.monotonic_now() - began) / 1e9;
    f.cpu_s = process_cpu_s() - cpu;
    co_return f;
}

/// Encoding, chaining, copying and checksums of batches of 64, without any disk.
figure encoding_alone(buffer_pool& pool, std::size_t payload, double seconds, executor& clock) {
    const std::string bytes(payload, 'x');
    record_draft draft;
    draft.body.assign(200, 'b');
    draft.payload = as_bytes(bytes);
    draft.payload_digest = sha256(draft.payload);
    figure f;
    sha256_digest chain{};
    const nanoseconds began = clock.monotonic_now();
    const auto end = began + static_cast<nanoseconds>(seconds * 1e9);
    const double cpu = process_cpu_s();
    std::size_t hint = 0;
    while (clock.monotonic_now() < end) {
        batch_builder batch(pool, hint, lsn(f.records + 1), chain);
        for (unsigned i = 0; i < in_flight; ++i)
            chain = batch.add(draft, shard_id{});
        batch.place({segment_id(1), ensemble_epoch(1), 0}, f.commits, lsn(f.records));
        hint = batch.memory_bytes();
        f.records += in_flight;
        ++f.commits;
    }
    f.span_s = static_cast<double>(clock.monotonic_now() - began) / 1e9;
    f.cpu_s = process_cpu_s() - cpu;
    return f;
}

int run(const std::string& directory, double seconds, std::size_t payload) {
    set_log_level(log_level::warn);
    auto started = reactor::start({});
    if (!started) {
        std::fprintf(stderr, "bench_journal: %s\n", started.error().message.c_str());
        return 1;
    }
    reactor& home = **started;
    const auto pool = make_worker_pool("bench", 1);
    const auto random = system_random();
    buffer_pool buffers(64 << 20);
    memory_budget budget(256 << 20, 64);
    metric_registry metrics;
    environment env{home, *pool, *pool, home.files(), *random, buffers, budget, metrics};
    const std::string hub = directory + "/bench_journal_hub";
    const std::string files = directory + "/bench_journal_raw";
    std::filesystem::remove_all(hub);
    std::filesystem::remove_all(files);
    std::filesystem::create_directories(files);
    std::printf("backend: %s\n", std::string(home.backend_reason()).c_str());
    const auto span = static_cast<nanoseconds>(seconds * 1e9);

    encoding_alone(buffers, payload, seconds / 5, home).print("encoding alone, no disk");
    auto engine = home.run(through_the_journal(env, hub, span, payload));
    if (!engine) must(engine.error(), "journal");
    engine->print("journal, 64 in flight");
    const std::uint64_t a_commit =
        std::max<std::uint64_t>(1, engine->records / std::max<std::uint64_t>(1, engine->commits));
    auto limit = home.run(raw(env, files, span, round_up(a_commit * payload, page_size), a_commit));
    if (!limit) must(limit.error(), "raw");
    limit->print("raw mirrored commit");
    std::printf("journal / raw: %.2f\n", engine->per_second() / limit->per_second());
    home.stop();
    std::filesystem::remove_all(hub);
    std::filesystem::remove_all(files);
    return 0;
}

}  // namespace
}  // namespace taicang

int main(int argc, char** argv) {
    const std::string directory = argc > 1 ? argv[1] : "/var/tmp";
    const double seconds = argc > 2 ? std::atof(argv[2]) : 5;
    const auto payload = static_cast<std::size_t>(argc > 3 ? std::atoi(argv[3]) : 4096);
    return taicang::run(directory, seconds, payload);
}
