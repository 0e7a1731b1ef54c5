// Streams through the stripe store on real files: encode and write 64 MiB in runs, make them
// durable, read them back. Beside it the limit: the same chunk bytes written and read straight
// through the disk seam, without coding or checksums.
//   bench_stripe [DIRECTORY]   (six device files of about 200 MiB are made there and removed;
//   default: the working directory)
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "storage/base/async.h"
#include "storage/base/log.h"
#include "storage/base/when_all.h"
#include "storage/io/reactor.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {
namespace {

constexpr std::size_t stream_bytes = 64ULL << 20;
constexpr int rounds = 7;

struct stopwatch {
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
    double cpu_began = cpu();
    static double cpu() {
        rusage used{};
        getrusage(RUSAGE_SELF, &used);
        const auto seconds = [](const timeval& t) {
            return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
        };
        return seconds(used.ru_utime) + seconds(used.ru_stime);
    }
    [[nodiscard]] double wall() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    }
};

struct figure {
    double gb_per_s = 0;
    double cpu_ms = 0;
    void better(const stopwatch& watch) {
        const double speed = static_cast<double>(stream_bytes) / 1e9 / watch.wall();
        if (speed <= gb_per_s) return;
        gb_per_s = speed;
        cpu_ms = (stopwatch::cpu() - watch.cpu_began) * 1e3;
    }
    void print(const char* name, const figure& limit) const {
        std::printf("%-28s %6.2f GB/s  %6.1f ms CPU  (%4.2f x the limit)\n", name, gb_per_s, cpu_ms,
                    gb_per_s / limit.gb_per_s);
    }
};

class accepting_log final : public group_log {
  public:
    task<result<void>> group_opened(group_row) override { co_return ok(); }
};

struct hub {
    std::unique_ptr<device_set> devices;
    std::unique_ptr<stripe_store> store;
    accepting_log log;
    std::uint64_t groups = 0;
};

void must(const result<void>& done) {
    if (done) return;
    std::fprintf(stderr, "bench_stripe: %s\n", done.error().message.c_str());
    std::exit(1);
}

task<result<void>> open_hub(environment& env, std::string directory, hub& into) {
    hub_layout layout{.directory = directory, .tiers = {{.tier = tier_id::nvme}}};
    layout.tiers[0].capacity_bytes_per_device = 512ULL << 20;
    TC_CO_TRY(co_await device_set::format(env, layout));
    open_options options{.directory = directory};
    TC_CO_TRY_ASSIGN(devices, co_await device_set::open(env, options));
    into.devices = std::move(devices);
    into.store = stripe_store::make(env, *into.devices);
    into.store->set_group_log(&into.log);
    into.store->set_group_ids([&into] { return group_id(++into.groups); });
    co_return ok();
}

task<result<void>> close_hub(hub& open) {
    co_await open.store->stop();
    co_await open.devices->stop();
    co_return ok();
}

/// One of several streams side by side: takes every `step`-th run.
task<result<void>> write_stripes(stripe_store& store, bytes_view data, std::size_t first,
                                 std::size_t step, std::vector<stripe_store::written>& pieces) {
    const std::size_t most = store.run_bytes_max(tier_id::nvme);
    for (std::size_t i = first; i * most < data.size(); i += step) {
        run_request request{.tier = tier_id::nvme, .owner = {blob_id(1), i * most}, .data = {}};
        request.data = data.subspan(i * most, std::min(most, data.size() - i * most));
        TC_CO_TRY_ASSIGN(one, co_await store.write_run(request));
        pieces[i] = std::move(one);
    }
    co_return ok();
}

task<result<void>> write_stream(stripe_store& store, bytes_view data, std::size_t streams,
                                std::vector<stripe_store::written>& pieces) {
    const std::size_t most = store.run_bytes_max(tier_id::nvme);
    pieces.resize((data.size() + most - 1) / most);
    std::vector<task<result<void>>> bodies;
    for (std::size_t i = 0; i < streams; ++i)
        bodies.push_back(write_stripes(store, data, i, streams, pieces));
    const auto done = co_await when_all(std::move(bodies));
    for (const auto& one : done)
        TC_CO_TRY(one);
    auto durable = co_await store.make_durable(pieces);
    co_return durable;
}

task<result<void>> read_pieces(stripe_store& store,
                               const std::vector<stripe_store::written>& pieces, bytes_span into,
                               std::size_t first, std::size_t step) {
    for (std::size_t i = first; i < pieces.size(); i += step) {
        const piece& where = pieces[i].where;
        const std::size_t at = i * pieces[0].where.length;
        TC_CO_TRY(co_await store.read(where, 0, into.subspan(at, where.length)));
    }
    co_return ok();
}

task<result<void>> read_stream(stripe_store& store,
                               const std::vector<stripe_store::written>& pieces, bytes_span into,
                               std::size_t streams) {
    std::vector<task<result<void>>> bodies;
    for (std::size_t i = 0; i < streams; ++i)
        bodies.push_back(read_pieces(store, pieces, into, i, streams));
    const auto done = co_await when_all(std::move(bodies));
    for (const auto& one : done)
        TC_CO_TRY(one);
    co_return ok();
}

task<result<void>> free_groups(stripe_store& store) {
    for (const group_row& row : store.groups())
        store.release(row.id);
    co_await sleep_for(100 * one_millisecond);
    co_return ok();
}

task<result<void>> fence_two(device_set& devices) {
    const std::vector<extent_device*> active = devices.active(tier_id::nvme);
    for (std::size_t i = 0; i < 2; ++i)
        devices.fence(active[i]->id(), "taken away by the bench");
    auto settled = co_await devices.settle();
    co_return settled;
}

/// The same bytes to the same number of files, each chunk's part one write; then read back.
task<result<void>> raw_pass(std::vector<std::unique_ptr<disk_file>>& files, buffer& chunk,
                            bool writing, std::size_t data_files) {
    const std::size_t per_file = stream_bytes / 4;
    for (std::size_t at = 0; at < per_file; at += 4 * chunk.size()) {
        std::vector<task<result<void>>> bodies;
        for (std::size_t i = 0; i < data_files; ++i) {
            for (std::size_t run = 0; run < 4; ++run) {
                const std::size_t offset = at + run * chunk.size();
                if (writing) {
                    bodies.push_back(files[i]->write(offset, chunk.view()));
                } else {
                    bodies.push_back(files[i]->read(offset, chunk.span()));
                }
            }
        }
        const auto done = co_await when_all(std::move(bodies));
        for (const auto& one : done)
            TC_CO_TRY(one);
    }
    if (!writing) co_return ok();
    std::vector<task<result<void>>> flushes;
    for (const auto& file : files)
        flushes.push_back(file->flush());
    const auto done = co_await when_all(std::move(flushes));
    for (const auto& one : done)
        TC_CO_TRY(one);
    co_return ok();
}

task<result<void>> open_raw(environment& env, std::string directory,
                            std::vector<std::unique_ptr<disk_file>>& files) {
    for (int i = 0; i < 6; ++i) {
        const std::string path = directory + "/raw-" + std::to_string(i);
        TC_CO_TRY_ASSIGN(file, co_await env.files.open(path, open_mode::create_exclusive));
        TC_CO_TRY(co_await file->allocate(0, stream_bytes / 4));
        files.push_back(std::move(file));
    }
    co_return ok();
}

task<result<void>> close_raw(std::vector<std::unique_ptr<disk_file>>& files) {
    files.clear();
    co_return ok();
}

void measure_limit(reactor& engine, environment& env, const std::string& directory, figure& write,
                   figure& read) {
    std::vector<std::unique_ptr<disk_file>> files;
    must(engine.run(open_raw(env, directory, files)));
    buffer chunk = env.buffers.allocate(stream_bytes / 4 / 16);
    std::memset(chunk.data(), 7, chunk.size());
    for (int i = 0; i < rounds; ++i) {
        stopwatch writing;
        must(engine.run(raw_pass(files, chunk, true, 6)));
        write.better(writing);
        stopwatch reading;
        must(engine.run(raw_pass(files, chunk, false, 4)));
        read.better(reading);
    }
    must(engine.run(close_raw(files)));
}

int run(const std::string& directory) {
    set_log_level(log_level::error);
    auto started = reactor::start({});
    if (!started) return 1;
    reactor& engine = *started.value();
    const auto compute = make_worker_pool("compute", 2);
    buffer_pool buffers(256ULL << 20);
    memory_budget budget(1ULL << 30, 64);
    metric_registry metrics;
    const auto chance = seeded_random(1);
    environment env{engine, *compute, *compute, engine.files(), *chance, buffers, budget, metrics};
    std::printf("%zu MiB, 4+2 on six files of one disk, %s; best of %d\n", stream_bytes >> 20,
                std::string(engine.backend_reason()).c_str(), rounds);
    hub open;
    must(engine.run(open_hub(env, directory, open)));
    std::vector<std::byte> data(stream_bytes);
    chance->fill(data);
    std::vector<std::byte> back(stream_bytes);
    figure raw_write, raw_read;
    measure_limit(engine, env, directory, raw_write, raw_read);
    raw_write.print("limit: write (1.5 x bytes)", raw_write);
    raw_read.print("limit: read", raw_read);
    for (const std::size_t streams : {1U, 2U, 4U}) {
        figure write, read;
        for (int i = 0; i < rounds; ++i) {
            std::vector<stripe_store::written> pieces;
            stopwatch writing;
            must(engine.run(write_stream(*open.store, data, streams, pieces)));
            write.better(writing);
            stopwatch reading;
            must(engine.run(read_stream(*open.store, pieces, back, streams)));
            read.better(reading);
            if (back != data) must(error(errc::corrupt, "what was read is not what was written"));
            pieces.clear();
            must(engine.run(free_groups(*open.store)));
        }
        const std::string side = std::to_string(streams) + " run(s) in flight";
        write.print(("write, " + side).c_str(), raw_write);
        read.print(("read, " + side).c_str(), raw_read);
    }
    figure degraded;
    {
        std::vector<stripe_store::written> pieces;
        must(engine.run(write_stream(*open.store, data, 4, pieces)));
        must(engine.run(fence_two(*open.devices)));
        for (int i = 0; i < rounds; ++i) {
            stopwatch reading;
            must(engine.run(read_stream(*open.store, pieces, back, 4)));
            degraded.better(reading);
            if (back != data)
                must(error(errc::corrupt, "what was decoded is not what was written"));
        }
    }
    degraded.print("read, 4, two devices gone", raw_read);
    must(engine.run(close_hub(open)));
    open.store.reset();
    open.devices.reset();
    engine.stop();
    return 0;
}

}  // namespace
}  // namespace taicang

int main(int argc, char** argv) {
    const std::filesystem::path parent = argc > 1 ? argv[1] : ".";
    const std::filesystem::path directory = parent / "bench_stripe_files";
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    const int code = taicang::run(std::filesystem::absolute(directory).string());
    std::filesystem::remove_all(directory);
    return code;
}
