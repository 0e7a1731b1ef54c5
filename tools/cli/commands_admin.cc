// status, device, bucket, job: the verbs that ask a running hub.
#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tools/cli/client.h"
#include "tools/cli/commands.h"
#include "tools/cli/exit_code.h"
#include "tools/cli/table.h"
#include "tools/config/config.h"

namespace taicang {

namespace {

using nlohmann::json;

/// Asks, prints JSON or hands the document to `show`; the exit code.
int ask(const cli_common& common, const std::string& method, const std::string& path,
        const std::function<int(const json&)>& show) {
    configuration wanted;
    if (const int failed = load_configuration(common, wanted); failed != exit_done) return failed;
    auto answer = call_admin({common.endpoint, wanted.data, wanted.region}, method, path);
    if (!answer) {
        if (common.json) {
            const json why = {{"code", std::string(errc_name(answer.error().code))},
                              {"message", answer.error().message}};
            std::printf("%s\n", json{{"schema", 1}, {"error", why}}.dump(2).c_str());
        }
        std::fprintf(stderr, "taicang: %s\n", answer.error().message.c_str());
        return exit_code_of(answer.error().code);
    }
    const json document = json::parse(*answer, nullptr, false);
    if (document.is_discarded()) {
        std::fprintf(
            stderr,
            "taicang: the hub's answer is not JSON; do CLI and hub have the same version?\n");
        return exit_failed;
    }
    if (common.json) {
        std::printf("%s\n", document.dump(2).c_str());
        return exit_done;
    }
    return show(document);
}

std::string text_of(const json& row, const char* name) {
    return printable(row.value(name, std::string()));
}
std::uint64_t number_of(const json& row, const char* name) {
    return row.value(name, std::uint64_t{0});
}

void show_devices(const json& devices) {
    text_table table(
        {"DEVICE", "TIER", "STATE", "USED", "KEPT", "CAPACITY", "READS FAILED", "UUID", "REASON"});
    for (const json& device : devices) {
        table.add({text_of(device, "path"), text_of(device, "tier"), text_of(device, "state"),
                   human_bytes(number_of(device, "bytes_used")),
                   human_bytes(number_of(device, "bytes_kept")),
                   human_bytes(number_of(device, "bytes_capacity")),
                   std::to_string(number_of(device, "read_failures")), text_of(device, "uuid"),
                   text_of(device, "reason")});
    }
    std::printf("%s", table.text().c_str());
}

void show_tiers(const json& tiers) {
    text_table table({"TIER", "CODE", "DEVICES", "FREE", "TOTAL", "NOTE"});
    for (const json& tier : tiers) {
        const std::string code = "RS " + std::to_string(number_of(tier, "k_now")) + "+" +
                                 std::to_string(number_of(tier, "m"));
        const bool narrowed = number_of(tier, "k_now") < number_of(tier, "k_target");
        std::string note = narrowed
                               ? "narrowed from " + std::to_string(number_of(tier, "k_target")) +
                                     "+" + std::to_string(number_of(tier, "m"))
                               : "";
        if (tier.value("one_failure_domain", false)) {
            note += (note.empty() ? "" : "; ") +
                    std::string("devices share one disk: one failure domain");
        }
        table.add({text_of(tier, "tier"), code,
                   std::to_string(number_of(tier, "devices_active")) + " of " +
                       std::to_string(number_of(tier, "devices")),
                   human_bytes(number_of(tier, "bytes_free")),
                   human_bytes(number_of(tier, "bytes_total")), note});
    }
    std::printf("%s", table.text().c_str());
}

void show_jobs(const json& jobs) {
    text_table table({"JOB", "STATE", "MOVED", "FAILURES", "NOTE"});
    for (const json& job : jobs) {
        const std::string state = job.value("paused", false) ? "paused" : text_of(job, "state");
        table.add({text_of(job, "name"), state, human_bytes(number_of(job, "bytes_done")),
                   std::to_string(number_of(job, "failures")), text_of(job, "note")});
    }
    std::printf("%s", table.text().c_str());
}

void show_journal(const json& journal) {
    std::printf("journal: LSN %llu, %s of %s retained in %llu segments",
                static_cast<unsigned long long>(number_of(journal, "last_durable")),
                human_bytes(number_of(journal, "bytes_retained")).c_str(),
                human_bytes(number_of(journal, "bytes_max")).c_str(),
                static_cast<unsigned long long>(number_of(journal, "segments")));
    std::printf(", %llu lack a copy (%llu copies restored)\n",
                static_cast<unsigned long long>(number_of(journal, "segments_degraded")),
                static_cast<unsigned long long>(number_of(journal, "copies_restored")));
    const std::string failure = text_of(journal, "failure");
    if (!failure.empty()) std::printf("journal: FAILED, no writes: %s\n", failure.c_str());
}

int show_status(const json& status) {
    // The reason begins with the backend's name.
    const std::string reason = text_of(status, "io_backend_reason");
    std::printf("hub %s  health %s  term %llu  I/O %s\n\n", text_of(status, "hub").c_str(),
                text_of(status, "health").c_str(),
                static_cast<unsigned long long>(number_of(status, "term")),
                (reason.empty() ? text_of(status, "io_backend") : reason).c_str());
    show_tiers(status.value("tiers", json::array()));
    std::printf("\n");
    show_devices(status.value("devices", json::array()));
    std::printf("\n");
    show_journal(status.value("journal", json::object()));
    std::printf("\n");
    show_jobs(status.value("jobs", json::array()));
    const json findings = status.value("findings", json::array());
    std::printf(findings.empty() ? "\nNothing needs attention.\n" : "\nNeeds attention:\n");
    for (const json& finding : findings)
        std::printf("  - %s\n", printable(finding.get<std::string>()).c_str());
    return exit_done;
}

int show_buckets(const json& document) {
    text_table table({"BUCKET", "OWNER"});
    for (const json& bucket : document.value("buckets", json::array())) {
        table.add({text_of(bucket, "name"), text_of(bucket, "owner")});
    }
    std::printf("%s", table.text().c_str());
    return exit_done;
}

int show_done(const json&) {
    return exit_done;
}

std::string bucket_path(const std::string& name) {
    return "/admin/v1/buckets/" + name;
}

/// Emptying is the client's business: rm takes an empty bucket only, so the blast radius is the
/// name.
int remove_bucket(const cli_common& common, const std::string& name, const std::string& typed,
                  bool dry_run) {
    if (dry_run && common.json) {
        std::printf("%s\n", json{{"schema", 1}, {"would_remove_if_empty", name}}.dump().c_str());
        return exit_done;
    }
    if (dry_run) {
        std::printf("would remove bucket %s, if it is empty; nothing was changed\n",
                    printable(name).c_str());
        return exit_done;
    }
    if (typed != name) {
        std::fprintf(
            stderr,
            "taicang: removing a bucket needs its name again: taicang bucket rm %s --yes %s\n",
            name.c_str(), name.c_str());
        return exit_usage;
    }
    return ask(common, "DELETE", bucket_path(name), show_done);
}

}  // namespace

void add_status(CLI::App& parser, cli_common& common) {
    CLI::App* verb = parser.add_subcommand(
        "status", "health, tiers, devices, journal, jobs, and what to do next");
    verb->callback([&common] {
        common.chosen = [&common] { return ask(common, "GET", "/admin/v1/status", show_status); };
    });
}

void add_device(CLI::App& parser, cli_common& common) {
    CLI::App* noun = parser.add_subcommand("device", "devices");
    noun->require_subcommand(1);
    CLI::App* list = noun->add_subcommand("ls", "path, tier, state and fill of every device");
    list->callback([&common] {
        common.chosen = [&common] {
            return ask(common, "GET", "/admin/v1/devices", [](const json& document) {
                show_devices(document.value("devices", json::array()));
                return exit_done;
            });
        };
    });
}

void add_bucket(CLI::App& parser, cli_common& common) {
    CLI::App* noun = parser.add_subcommand("bucket", "buckets");
    noun->require_subcommand(1);
    noun->add_subcommand("ls", "all buckets")->callback([&common] {
        common.chosen = [&common] { return ask(common, "GET", "/admin/v1/buckets", show_buckets); };
    });
    auto name = std::make_shared<std::string>();
    auto typed = std::make_shared<std::string>();
    auto dry_run = std::make_shared<bool>(false);
    CLI::App* create = noun->add_subcommand("create", "make a bucket");
    create->add_option("NAME", *name, "3 to 63 lower-case letters, digits, dots and hyphens")
        ->required();
    create->callback([&common, name] {
        common.chosen = [&common, name] {
            return ask(common, "PUT", bucket_path(*name), show_done);
        };
    });
    CLI::App* remove = noun->add_subcommand("rm", "remove an empty bucket");
    remove->add_option("NAME", *name, "the bucket")->required();
    remove->add_option("--yes", *typed, "the name again, to confirm");
    remove->add_flag("--dry-run", *dry_run, "say what would happen");
    remove->callback([&common, name, typed, dry_run] {
        common.chosen = [&common, name, typed, dry_run] {
            return remove_bucket(common, *name, *typed, *dry_run);
        };
    });
}

void add_job(CLI::App& parser, cli_common& common) {
    CLI::App* noun = parser.add_subcommand("job", "background jobs");
    noun->require_subcommand(1);
    noun->add_subcommand("ls", "all jobs with their progress")->callback([&common] {
        common.chosen = [&common] {
            return ask(common, "GET", "/admin/v1/jobs", [](const json& document) {
                show_jobs(document.value("jobs", json::array()));
                return exit_done;
            });
        };
    });
    auto name = std::make_shared<std::string>();
    for (const char* action : {"pause", "resume"}) {
        CLI::App* verb = noun->add_subcommand(action, std::string(action) + " a job");
        verb->add_option("NAME", *name, "e.g. packing")->required();
        verb->callback([&common, name, action] {
            common.chosen = [&common, name, action] {
                return ask(common, "POST", "/admin/v1/jobs/" + *name + "/" + action, show_done);
            };
        });
    }
}

}  // namespace taicang
