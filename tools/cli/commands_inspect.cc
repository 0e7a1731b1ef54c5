// inspect: shows what the formats hold. superblock reads a device file as it is (a serving hub's
// too) and journal the devices of a hub that is not serving; both change nothing. stripe and index
// start the hub as fsck does.
#include <cstdio>
#include <functional>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "storage/base/limits.h"
#include "storage/device/inspect_device.h"
#include "storage/index/keys.h"
#include "tools/cli/commands.h"
#include "tools/cli/exit_code.h"
#include "tools/cli/inspect_journal.h"
#include "tools/cli/inspect_output.h"
#include "tools/cli/inspect_rows.h"
#include "tools/cli/table.h"
#include "tools/server/engine.h"

namespace taicang {

namespace {

using device_format::field_list;
using nlohmann::json;

struct inspect_wishes {
    std::string path;
    journal_wishes log;
    std::uint64_t count = 20;
    std::uint64_t group = 0;
    std::string prefix;
};

/// "place 12 life" is the field "life" of "place 12"; a field of the part itself has no owner.
std::pair<std::string, std::string> owner_and_field(const std::string& name) {
    if (!name.starts_with("place ")) return {"", name};
    const std::size_t end = name.find(' ', std::string_view("place ").size());
    if (end == std::string::npos) return {"", name};
    return {name.substr(0, end), name.substr(end + 1)};
}

json json_of(const inspected_part& part) {
    json fields = json::object();
    for (const auto& [name, value] : part.fields) {
        const auto [owner, field] = owner_and_field(name);
        if (owner.empty()) {
            fields[field] = value;
        } else {
            fields[owner][field] = value;
        }
    }
    return {{"title", part.title}, {"fields", fields}};
}

void print(const inspected_part& part) {
    std::printf("%s\n", part.title.c_str());
    std::string last_owner;
    std::string line;
    const auto flush = [&line] {
        if (!line.empty()) std::printf("%s\n", line.c_str());
        line.clear();
    };
    for (const auto& [name, value] : part.fields) {
        const auto [owner, field] = owner_and_field(name);
        if (owner.empty() || owner != last_owner) flush();
        last_owner = owner;
        if (owner.empty()) {
            std::printf("  %-24s %s\n", field.c_str(), printable(value).c_str());
            continue;
        }
        if (line.empty()) line = "  " + owner + ":";
        line += "  " + field + " " + printable(value);
    }
    flush();
}

/// Neither copy says what the device is.
bool unknown_device(const std::vector<inspected_part>& parts) {
    const auto damaged = [](const inspected_part& part) {
        return !part.fields.empty() && part.fields.front().first == "damage";
    };
    return parts.size() >= 2 && damaged(parts[0]) && damaged(parts[1]);
}

int inspect_superblock(const cli_common& common, const inspect_wishes& wishes) {
    configuration wanted;
    if (const int wrong = load_configuration(common, wanted); wrong != exit_done) return wrong;
    engine running;
    auto started = running.start_without_hub(wanted);
    if (!started) return inspect_failed(started.error());
    auto parts = running.run(inspect_device(running.env(), wishes.path));
    running.stop();
    if (!parts) return inspect_failed(parts.error());
    if (common.json) {
        json list = json::array();
        for (const inspected_part& part : *parts)
            list.push_back(json_of(part));
        const json document = {{"schema", 1}, {"path", wishes.path}, {"parts", list}};
        std::printf("%s\n", json_text(document, 2).c_str());
    } else {
        for (const inspected_part& part : *parts)
            print(part);
    }
    return unknown_device(*parts) ? exit_failed : exit_done;
}

/// Starts the engine without jobs, runs `body`, stops it.
int with_hub(const cli_common& common, const std::function<result<void>(engine&)>& body) {
    configuration wanted;
    if (const int wrong = load_configuration(common, wanted); wrong != exit_done) return wrong;
    engine running;
    auto started = running.start(wanted, {.create = false, .jobs = false});
    if (!started) return inspect_failed(started.error());
    auto done = body(running);
    running.stop();
    return done ? exit_done : inspect_failed(done.error());
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
            std::printf("%s\n", json_text({{"schema", 1}, {"groups", list}}, 2).c_str());
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
            std::printf("%s\n", json_text({{"schema", 1}, {"rows", list}}, 2).c_str());
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
    CLI::App* superblock = noun->add_subcommand(
        "superblock",
        "a device file as it is: both superblocks, both root slots with the membership, the extent "
        "directory");
    superblock->add_option("PATH", wishes->path, "device file")->required();
    superblock->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return inspect_superblock(common, *wishes); };
    });
    CLI::App* log = noun->add_subcommand(
        "journal",
        "segments, and records with their effects, of a hub that is not serving; changes nothing, "
        "and needs neither the index nor a hub that starts");
    log->add_option("--from", wishes->log.from, "first LSN");
    log->add_option("--count", wishes->log.count, "how many");
    log->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return inspect_journal(common, wishes->log); };
    });
    CLI::App* stripe = noun->add_subcommand("stripe",
                                            "extent groups of a hub that is not serving, with "
                                            "--group its runs; recovers it first as a start would");
    stripe->add_option("--group", wishes->group, "id of a group");
    stripe->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return inspect_stripe(common, *wishes); };
    });
    CLI::App* rows = noun->add_subcommand("index",
                                          "rows, decoded, of a hub that is not serving; recovers "
                                          "it first as a start would");
    rows->add_option("--prefix", wishes->prefix,
                     "family letter: b bucket, v version, o blob, g group, l live bytes, u upload, "
                     "p part, r retired version, c cursor, m the index's own");
    rows->add_option("--count", wishes->count, "how many");
    rows->callback([&common, wishes] {
        common.chosen = [&common, wishes] { return inspect_index(common, *wishes); };
    });
}

}  // namespace taicang
