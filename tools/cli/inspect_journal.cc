#include "tools/cli/inspect_journal.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/device/device_set.h"
#include "storage/device/scan.h"
#include "storage/journal/journal.h"
#include "storage/journal/segment_map.h"
#include "tools/cli/exit_code.h"
#include "tools/cli/inspect_output.h"
#include "tools/cli/inspect_rows.h"
#include "tools/cli/table.h"
#include "tools/server/engine.h"

namespace taicang {

namespace {

using nlohmann::json;

/// A journal that is looked at. Made and torn down on the engine's thread.
struct journal_view {
    std::vector<std::unique_ptr<disk_file>> locks;
    std::unique_ptr<device_set> devices;
    std::unique_ptr<journal> log;
    segment_map map;
    std::optional<error> damage;  ///< why not all of it can be read
};

unsigned long long number(std::uint64_t value) {
    return value;
}

std::string kind_name(record_kind kind) {
    switch (kind) {
        case record_kind::mutation:
            return "mutation";
        case record_kind::job:
            return "job";
        case record_kind::heartbeat:
            return "heartbeat";
    }
    return "kind " + std::to_string(static_cast<unsigned>(kind));
}

/// Below a serving hub segments come and go, which would look like damage: its lock is respected,
/// and held until the look is over. What cannot be locked for another reason (no permission to
/// write) is only read.
task<result<void>> lock_devices(environment& env, std::string directory, journal_view& into) {
    TC_CO_TRY_ASSIGN(contents, co_await list_hub_directory(env, directory));
    for (const std::string& name : contents.device_files) {
        std::string path = join_path(directory, name);
        auto locked = co_await env.files.open(std::move(path), open_mode::existing);
        if (locked.is(errc::busy)) co_return std::move(locked).error();
        if (locked) into.locks.push_back(std::move(*locked));
    }
    co_return ok();
}

task<void> close_view(journal_view& view) {
    if (view.log) co_await view.log->stop();
    view.log.reset();
    if (view.devices) co_await view.devices->stop();
    view.devices.reset();
}

task<void> close_all(journal_view& view) {
    co_await close_view(view);
    view.locks.clear();
}

task<result<void>> open_parts(environment& env, std::string directory, bool accept_loss,
                              journal_view& into) {
    open_options opening;
    opening.directory = directory;
    opening.accept_loss = accept_loss;
    opening.read_only = true;
    auto devices = co_await device_set::open(env, opening);
    if (devices.is(errc::not_found)) co_return devices.error().with_context("no hub");
    if (!devices) co_return std::move(devices).error();
    into.devices = std::move(*devices);
    journal_options options;
    if (!into.devices->has_tier(options.tier)) {
        co_return error(errc::quorum_lost,
                        "no root of tier nvme can be read, and with it no journal");
    }
    options.ensemble_parity = 0;
    for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
        if (into.devices->has_tier(tier))
            options.ensemble_parity = std::max(options.ensemble_parity, into.devices->parity(tier));
    }
    options.accept_loss = accept_loss;
    options.read_only = true;
    const std::string root = into.devices->root_bytes(options.tier, root_section::journal);
    if (!root.empty()) {
        TC_CO_TRY_ASSIGN(map, decode_segment_map(as_bytes(root)));
        into.map = std::move(map);
    }
    TC_CO_TRY_ASSIGN(log, co_await journal::open(env, *into.devices, options));
    into.log = std::move(log);
    co_return ok();
}

/// What is left of a damaged journal: a read-only recovery that accepts the loss truncates in
/// memory alone. Its log would tell of losses that never happen on the devices.
task<result<void>> open_what_is_left(environment& env, std::string directory, error damage,
                                     journal_view& into) {
    co_await close_view(into);
    log_level least = log_level::off;
    for (const log_level level :
         {log_level::error, log_level::warn, log_level::info, log_level::debug}) {
        if (log_enabled(level)) least = level;
    }
    set_log_level(log_level::off);
    auto opened = co_await open_parts(env, directory, true, into);
    set_log_level(least);
    if (!opened) co_return damage;
    into.damage = damage.with_context("the journal can be read up to LSN " +
                                      std::to_string(into.log->last_durable().value));
    co_return ok();
}

bool may_leave_something(const error& why) {
    return why.code == errc::journal_damaged || why.code == errc::quorum_lost ||
           why.code == errc::corrupt;
}

task<result<void>> open_view(environment& env, std::string directory, journal_view& into) {
    TC_CO_TRY(co_await lock_devices(env, directory, into));
    auto opened = co_await open_parts(env, directory, false, into);
    if (opened || !may_leave_something(opened.error())) co_return opened;
    const error why = opened.error();
    auto left = co_await open_what_is_left(env, directory, why, into);
    co_return left;
}

json json_of(const segment_entry& segment) {
    const bool sealed = segment.state == segment_state::sealed;
    json members = json::array();
    for (const segment_member& member : segment.members)
        members.push_back({{"device", member.device.text()}, {"extent", member.extent.text()}});
    json out = {{"segment", segment.id.value},
                {"ensemble_epoch", segment.epoch.value},
                {"state", sealed ? "sealed" : "live"},
                {"capacity", segment.capacity},
                {"members", members}};
    if (!sealed) return out;
    out["length"] = segment.length;
    out["first_lsn"] = segment.first.value;
    out["last_lsn"] = segment.last.value;
    out["chain_after"] = to_hex(segment.chain_end);
    return out;
}

json json_of(const journal_record& record) {
    json effects = json::array();
    auto decoded = decode_effects(as_bytes(record.body));
    if (decoded) {
        for (const any_effect& one : *decoded)
            effects.push_back(effect_text(one));
    } else {
        effects.push_back("unreadable: " + decoded.error().message);
    }
    const record_header& header = record.header;
    return {{"lsn", header.position.value},
            {"kind", kind_name(header.kind)},
            {"flags", header.flags},
            {"clock", header.clock.value},
            {"origin", header.origin.value},
            {"shard", header.shard.value},
            {"set", header.set.value},
            {"set_sequence", header.set_sequence},
            {"body_bytes", header.body_length},
            {"body_sha256", to_hex(header.body_digest)},
            {"payload_bytes", header.payload_length},
            {"payload_sha256", to_hex(header.payload_digest)},
            {"effects", effects}};
}

/// Prints as it reads: a journal may be larger than memory.
class journal_printer {
  public:
    explicit journal_printer(bool as_json) : as_json_(as_json) {}

    void begin(const journal_view& view) {
        const journal_figures figures = view.log->figures();
        if (as_json_) {
            json segments = json::array();
            for (const segment_entry& segment : view.map.segments)
                segments.push_back(json_of(segment));
            std::printf("{\"schema\": 1,\n\"first_retained\": %llu,\n\"last_durable\": %llu,\n",
                        number(figures.first_retained.value), number(figures.last_durable.value));
            std::printf("\"ensemble_epoch\": %llu,\n\"segments\": %s,\n\"records\": [",
                        number(figures.epoch.value), json_text(segments, 1).c_str());
            return;
        }
        std::printf("retained LSN %llu to %llu, ensemble_epoch %llu\n",
                    number(figures.first_retained.value), number(figures.last_durable.value),
                    number(figures.epoch.value));
        for (const segment_entry& segment : view.map.segments)
            print(segment);
    }

    void add(const journal_record& record) {
        const json fields = json_of(record);
        if (as_json_) {
            std::printf("%s\n%s", printed_ == 0 ? "" : ",", json_text(fields, -1).c_str());
        } else {
            print(record.header);
            for (const json& one : fields["effects"])
                std::printf("    %s\n", printable(one.get<std::string>()).c_str());
        }
        ++printed_;
    }

    void end(const std::optional<error>& damage) {
        if (!as_json_) return;
        const json why = damage ? json(damage->message) : json(nullptr);
        std::printf("],\n\"damage\": %s}\n", json_text(why, -1).c_str());
    }

    [[nodiscard]] std::uint64_t printed() const { return printed_; }

  private:
    static void print(const segment_entry& segment) {
        std::printf("segment %llu  epoch %llu  ", number(segment.id.value),
                    number(segment.epoch.value));
        if (segment.state == segment_state::sealed) {
            std::printf("sealed at %llu bytes  LSN %llu to %llu\n", number(segment.length),
                        number(segment.first.value), number(segment.last.value));
        } else {
            std::printf("live\n");
        }
        for (const segment_member& member : segment.members)
            std::printf("    extent %s on %s\n", member.extent.text().c_str(),
                        member.device.text().c_str());
    }
    static void print(const record_header& header) {
        std::printf("LSN %llu  %s  clock %llu  body %llu  payload %llu\n",
                    number(header.position.value), kind_name(header.kind).c_str(),
                    number(header.clock.value), number(header.body_length),
                    number(header.payload_length));
    }

    bool as_json_;
    std::uint64_t printed_ = 0;
};

void print_records(engine& running, const std::string& directory, const journal_wishes& wishes,
                   journal_view& view, journal_printer& out) {
    lsn next = std::max(view.log->first_retained(), lsn{wishes.from});
    while (out.printed() < wishes.count && next <= view.log->last_durable()) {
        auto records = running.run(view.log->read_from(next, limits::replay_read_bytes, false));
        if (!records) {
            if (view.damage) return;
            // The chunk before the damage is read again, from what is left. Afterwards the view
            // ends below the damage, or is gone.
            const error why = records.error();
            auto left = running.run(open_what_is_left(running.env(), directory, why, view));
            if (left) continue;
            view.damage = why;
            return;
        }
        for (const journal_record& record : *records) {
            if (out.printed() >= wishes.count) return;
            out.add(record);
            next = lsn{record.header.position.value + 1};
        }
        if (records->empty()) return;
    }
}

}  // namespace

int inspect_journal(const cli_common& common, const journal_wishes& wishes) {
    configuration wanted;
    if (const int wrong = load_configuration(common, wanted); wrong != exit_done) return wrong;
    engine running;
    auto started = running.start_without_hub(wanted);
    if (!started) return inspect_failed(started.error());
    journal_view view;
    const std::string directory = wanted.devices_directory();
    auto opened = running.run(open_view(running.env(), directory, view));
    if (opened) {
        journal_printer out(common.json);
        out.begin(view);
        print_records(running, directory, wishes, view, out);
        out.end(view.damage);
        std::fflush(stdout);
    }
    running.run(close_all(view));
    running.stop();
    if (!opened) return inspect_failed(opened.error());
    return view.damage ? inspect_failed(*view.damage) : exit_done;
}

}  // namespace taicang
