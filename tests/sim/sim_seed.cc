#include "tests/sim/sim_seed.h"

#include <algorithm>

#include "tests/sim/sim_clients.h"

namespace taicang::sim {

namespace {

constexpr std::uint64_t operations_per_seed = 2'000;
constexpr unsigned clients = 4;
constexpr unsigned crashes_least = 3;
constexpr std::uint64_t parity = sim_world::nvme_parity;

/// Which devices of tier nvme are bad in this seed, how, and from when: never more than m at a
/// time.
class bad_devices {
  public:
    explicit bad_devices(sim_world& world) : world_(world) {
        switch (random().below(4)) {
            case 0:
                kind_ = kind::none;
                break;
            case 1:
                kind_ = kind::away;
                break;
            default:
                kind_ = kind::faulty;
                choose(1 + random().below(parity));
                life_ = 1 + static_cast<unsigned>(random().below(crashes_least));
                break;
        }
    }
    [[nodiscard]] bool any() const { return kind_ != kind::none; }
    /// Before the hub starts. Devices that are away: m of them go with each power cut and are back
    /// after the next, when m others go. Everything acknowledged has to be read without them, so
    /// each chunk and each copy of the journal counts.
    void before_start(unsigned life) {
        if (life == 0 || kind_ != kind::away) return;
        for (const unsigned number : chosen_)
            world_.world().files().heal(sim_world::device_path(number));
        choose(parity);
        for (const unsigned number : chosen_)
            world_.world().files().kill(sim_world::device_path(number));
    }
    /// Once the hub runs. Faulty devices: one may die for good, or rot, lose and misplace writes.
    void after_start(unsigned life) {
        if (life != life_ || kind_ != kind::faulty) return;
        for (const unsigned number : chosen_) {
            const std::string path = sim_world::device_path(number);
            if (random().one_in(3)) {
                world_.world().files().kill(path);
                continue;
            }
            sim_disk_faults faults;
            faults.read_error_ppm = 3'000;
            faults.corrupt_read_block_ppm = 3'000;
            faults.lost_write_ppm = 20'000;
            faults.misdirected_write_ppm = 5'000;
            if (random().one_in(3)) faults.write_error_ppm = 500;
            if (random().one_in(3)) faults.flush_error_ppm = 500;
            world_.world().files().set_faults(path, faults);
        }
    }

  private:
    enum class kind { none, faulty, away };

    [[nodiscard]] random_source& random() { return world_.world().random(); }
    void choose(std::uint64_t count) {
        chosen_.clear();
        while (chosen_.size() < count) {
            const auto number = static_cast<unsigned>(random().below(sim_world::nvme_devices));
            if (std::find(chosen_.begin(), chosen_.end(), number) == chosen_.end())
                chosen_.push_back(number);
        }
    }

    sim_world& world_;
    kind kind_ = kind::none;
    std::vector<unsigned> chosen_;
    unsigned life_ = 0;  ///< of the hub, in which faulty devices turn bad
};

task<result<void>> make_bucket(sim_world& world) {
    // Named, not temporaries: g++ 12 destroys temporaries of a co_await expression twice.
    std::string name = client::bucket;
    std::string owner = "sim";
    std::string region = "us-east-1";
    auto made = co_await world.running().objects().create_bucket(std::move(name), std::move(owner),
                                                                 std::move(region));
    if (!made && !made.is(errc::bucket_exists)) co_return std::move(made).error();
    co_return ok();
}

task<bool> close(gate& running) {
    co_await running.close();
    co_return true;
}

task<bool> verify(std::vector<std::unique_ptr<client>>& all) {
    for (auto& one : all)
        co_await one->verify_all();
    co_return true;
}

std::vector<std::unique_ptr<client>> make_clients(sim_world& world, contents_model& model,
                                                  tally& counted) {
    std::vector<std::unique_ptr<client>> all;
    for (unsigned number = 0; number < clients; ++number) {
        all.push_back(std::make_unique<client>(world, model, counted, number));
    }
    return all;
}

/// One life of the hub: verify what was, work, lose power (or stop in peace).
void live(sim_world& world, contents_model& model, tally& counted, std::uint64_t operations,
          bool power_cut) {
    auto all = make_clients(world, model, counted);
    world.world().run(verify(all));
    if (!counted.violation.empty()) return;
    std::uint64_t left = operations;
    gate running;
    for (auto& one : all) {
        world.world().main().post(
            [&running, &left, client = one.get()] { (void)spawn(running, client->run(left)); });
    }
    if (power_cut) {
        // Somewhere in the middle of things: operations are some hundred events each.
        const std::uint64_t target = operations / 2;
        while (left > target && running.holders() + left > 0 && counted.violation.empty()) {
            world.world().run_events(1 + world.world().random().below(400));
            if (running.holders() == 0) break;
        }
        world.world().run_events(world.world().random().below(2'000));
        world.crash();
    }
    world.world().run(close(running));
}

std::string check_structure(sim_world& world) {
    auto report = world.world().run(check_hub(world.running(), {}));
    if (!report) return "fsck cannot go on: " + report.error().message;
    if (!report->clean()) return "fsck: " + report->problems.front();
    return {};
}

}  // namespace

seed_report run_seed(std::uint64_t seed) {
    sim_world world(seed);
    contents_model model;
    tally counted;
    seed_report report;
    bad_devices bad(world);
    const auto fail = [&](std::string sentence) {
        if (counted.violation.empty()) counted.violation = std::move(sentence);
    };
    for (unsigned life = 0; counted.violation.empty(); ++life) {
        bad.before_start(life);
        auto started = world.start();
        if (!started) {
            fail("start " + std::to_string(life) + ": " + started.error().message);
            break;
        }
        auto made = world.world().run(make_bucket(world));
        if (!made) fail("the bucket: " + made.error().message);
        bad.after_start(life);
        if (!bad.any() && counted.violation.empty()) {
            if (std::string wrong = check_structure(world); !wrong.empty()) fail(std::move(wrong));
        }
        const bool last =
            report.crashes >= crashes_least && counted.operations >= operations_per_seed;
        if (counted.violation.empty()) live(world, model, counted, last ? 50 : 650, !last);
        if (!last) ++report.crashes;
        world.stop();
        if (last) break;
        if (world.world().random().one_in(4)) world.index().wipe();
    }
    world.stop();
    report.operations = counted.operations;
    report.acknowledged = counted.acknowledged;
    report.unknown = counted.unknown;
    report.reads = counted.reads;
    report.violation = counted.violation;
    return report;
}

}  // namespace taicang::sim
