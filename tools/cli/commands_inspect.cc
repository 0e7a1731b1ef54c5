// inspect: shows what the formats hold. superblock reads a device file as it is (a serving hub's
// too); journal, stripe and index open a hub that is not serving.
#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "storage/base/limits.h"
#include "storage/device/inspect.h"
#include "storage/index/keys.h"
#include "tools/cli/commands.h"
#include "tools/cli/exit_code.h"
#include "tools/cli/inspect_rows.h"
#include "tools/cli/table.h"
#include "tools/server/engine.h"

namespace taicang {

namespace {

using device_format::field_list;
using nlohmann::json;

struct inspect_wishes {
    std::string path;
    std::uint64_t from = 1;
    std::uint64_t count = 20;
    std::uint64_t group = 0;
    std::string prefix;
};

int failed(const error& why) {
    std::fprintf(stderr, "taicang: %s\n", why.message.c_str());
    return exit_code_of(why.code);
}

void print_fields(const std::string& title, const field_list& fields, bool as_json,
                  json& document) {
    if (as_json) {
        json object = json::object();
        for (const auto& [name, value] : fields)
            object[name] = value;
        document[title] = object;
        return;
    }
    std::printf("%s\n", title.c_str());
    for (const auto& [name, value] : fields)
        std::printf("  %-24s %s\n", name.c_str(), printable(value).c_str());
}

task<result<std::string>> read_region(disk& files, std::string path, std::uint64_t offset,
                                      std::size_t length) {
    TC_CO_TRY_ASSIGN(file, co_await files.open(std::move(path), open_mode::existing_read));
    buffer_pool pool(0);
    buffer bytes = pool.allocate(length);
    TC_CO_TRY(co_await file->read(offset, bytes.span()));
    co_return std::string(as_text(bytes.view()));
}

int inspect_superblock(const cli_common& common, const inspect_wishes& wishes) {
    auto started = reactor::start({.name = "inspect"});
    if (!started) return failed(started.error());
    reactor& home = **started;
    json document = {{"schema", 1}, {"path", wishes.path}};
    int code = exit_done;
    for (const auto& [title, offset] :
         {std::pair("copy A", device_format::superblock_offsets[0]),
          std::pair("copy B", device_format::superblock_offsets[1])}) {
        auto bytes = home.run(
            read_region(home.files(), wishes.path, offset, device_format::superblock_bytes));
        if (!bytes) {
            code = failed(bytes.error());
            break;
        }
        print_fields(title, device_format::inspect_superblock(as_bytes(*bytes)), common.json,
                     document);
    }
    home.stop();
    if (common.json && code == exit_done) std::printf("%s\n", document.dump(2).c_str());
    return code;
}

/// Starts the engine without jobs, runs `body`, stops it.
int with_hub(const cli_common& common, const std::function<result<void>(engine&)>& body) {
    configuration wanted;
    if (const int wrong = load_configuration(common, wanted); wrong != exit_done) return wrong;
    engine running;
    auto started = running.start(wanted, {.create = false, .jobs = false});
    if (!started) return failed(started.error());
    auto done = body(running);
    running.stop();
    return done ? exit_done : failed(done.error());
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
    return {{"lsn", record.header.position.value},
            {"kind", static_cast<int>(record.header.kind)},
            {"clock", record.header.clock.value},
            {"body_bytes", record.header.body_length},
            {"payload_bytes", record.header.payload_length},
            {"effects", effects}};
}

void print_record(const json& record) {
    std::printf("LSN %llu  kind %d  body %llu  payload %llu\n",
                static_cast<unsigned long long>(record["lsn"].get<std::uint64_t>()),
                record["kind"].get<int>(),
                static_cast<unsigned long long>(record["body_bytes"].get<std::uint64_t>()),
                static_cast<unsigned long long>(record["payload_bytes"].get<std::uint64_t>()));
    for (const json& one : record["effects"])
        std::printf("    %s\n", printable(one.get<std::string>()).c_str());
}

int inspect_journal(const cli_common& common, const inspect_wishes& wishes) {
    return with_hub(common, [&](engine& running) -> result<void> {
        journal& log = running.storage().log();
        const lsn first = std::max(log.first_retained(), lsn{wishes.from});
        TC_TRY_ASSIGN(records, running.run(log.read_from(first, limits::replay_read_bytes, false)));
        json list = json::array();
        for (const journal_record& record : records) {
            if (list.size() >= wishes.count) break;
            list.push_back(json_of(record));
        }
        if (common.json) {
            std::printf("%s\n", json{{"schema", 1},
                                     {"first_retained", log.first_retained().value},
                                     {"last_durable", log.last_durable().value},
                                     {"records", list}}
                                    .dump(2)
                                    .c_str());
            return ok();
        }
        std::printf("retained LSN %llu to %llu\n",
                    static_cast<unsigned long long>(log.first_retained().value),
                    static_cast<unsigned long long>(log.last_durable().value));
        for (const json& record : list)
            print_record(record);
        return ok();
    });
}

json json_of(const group_row& group) {
    json chunks = json::array();
    for (const chunk_place& chunk : group.chunks) {
        chunks.push_back({{"device", chunk.device.text()},
                          {"extent", chunk.extent.text()},
                          {"life", chunk.life.value}});
    }
    return {{"group", group.id.value},
            {"tier", std::string(tier_name(group.tier))},
            {"k", group.k},
            {"m", group.m},
            {"chunks", chunks}};
}

int inspect_stripe(const cli_common& common, const inspect_wishes& wishes) {
    return with_hub(common, [&](engine& running) -> result<void> {
        json list = json::array();
        for (const group_row& group : running.storage().stripes().groups()) {
            if (wishes.group != 0 && group.id.value != wishes.group) continue;
            json one = json_of(group);
            one["live_bytes"] = running.storage().decisions().live_bytes(group.id);
            if (wishes.group != 0) {
                TC_TRY_ASSIGN(runs, running.run(running.storage().stripes().walk(group.id)));
                one["runs"] = json::array();
                for (const run_description& run : runs) {
                    one["runs"].push_back({{"block", run.run_block},
                                           {"blocks", run.blocks_per_chunk},
                                           {"unit_blocks", run.unit_blocks},
                                           {"data_bytes", run.data_length},
                                           {"owner", run.owner.blob.value},
                                           {"packed", run.packed}});
                }
            }
            list.push_back(std::move(one));
        }
        if (wishes.group != 0 && list.empty())
            return error(errc::not_found, "no group " + std::to_string(wishes.group) +
                                              "; `taicang inspect stripe` lists all");
        if (common.json) {
            std::printf("%s\n", json{{"schema", 1}, {"groups", list}}.dump(2).c_str());
            return ok();
        }
        for (const json& group : list)
            std::printf("%s\n", group.dump().c_str());
        return ok();
    });
}

int inspect_index(const cli_common& common, const inspect_wishes& wishes) {
    return with_hub(common, [&](engine& running) -> result<void> {
        json list = json::array();
        TC_TRY(running.run(
            running.storage().rows().with_cursor([&](index_cursor& cursor) -> result<void> {
                for (cursor.seek(wishes.prefix); cursor.valid() && list.size() < wishes.count;
                     cursor.next()) {
                    if (!cursor.key().starts_with(wishes.prefix)) break;
                    list.push_back(row_text(cursor.key(), cursor.value()));
                }
                return cursor.status();
            })));
        if (common.json) {
            std::printf("%s\n", json{{"schema", 1}, {"rows", list}}.dump(2).c_str());
            return ok();
        }
        for (const json& row : list)
            std::printf("%s\n", printable(row.get<std::string>()).c_str());
        return ok();
    });
}

}  // namespace

void add_inspect(CLI::App& parser, cli_common& common) {
    CLI::App* noun = parser.add_subcommand("inspect", "show what is on the devices");
    noun->require_subcommand(1);
    auto wishes = std::make_shared<inspect_wishes>();
    CLI::App* superblock =
        noun->add_subcommand("superblock", "both copies of a device file's superblock");
    superblock->add_option("PATH", wishes->path, "device file")->required();
    superblock->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return inspect_superblock(common, *wishes); };
    });
    CLI::App* log = noun->add_subcommand("journal", "records with their effects");
    log->add_option("--from", wishes->from, "first LSN");
    log->add_option("--count", wishes->count, "how many");
    log->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return inspect_journal(common, *wishes); };
    });
    CLI::App* stripe = noun->add_subcommand("stripe", "extent groups; with --group its runs");
    stripe->add_option("--group", wishes->group, "id of a group");
    stripe->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return inspect_stripe(common, *wishes); };
    });
    CLI::App* rows = noun->add_subcommand("index", "rows, decoded");
    rows->add_option(
        "--prefix", wishes->prefix,
        "family letter: b bucket, v version, o blob, g group, l live bytes, u upload, p part");
    rows->add_option("--count", wishes->count, "how many");
    rows->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return inspect_index(common, *wishes); };
    });
}

}  // namespace taicang
