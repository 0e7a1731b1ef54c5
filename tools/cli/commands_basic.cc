// serve, config: the verbs that work on the configuration itself.
#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "storage/base/log.h"
#include "tools/cli/commands.h"
#include "tools/cli/exit_code.h"
#include "tools/cli/serve.h"
#include "tools/config/config.h"
#include "tools/server/listeners.h"

namespace taicang {

int load_configuration(const cli_common& common, configuration& into) {
    into.data = "./data";
    result<void> read = ok();
    if (!common.config_path.empty()) read = read_configuration_file(common.config_path, into);
    if (read) read = apply_environment(environ, into);
    if (!common.data.empty()) into.data = common.data;
    if (read) read = check_configuration(into);
    if (!read) {
        std::fprintf(stderr, "taicang: %s\n", read.error().message.c_str());
        return exit_usage;
    }
    if (into.log_level == "debug") set_log_level(log_level::debug);
    if (into.log_level == "warn") set_log_level(log_level::warn);
    if (into.log_level == "error") set_log_level(log_level::error);
    return exit_done;
}

namespace {

struct serve_flags {
    std::vector<std::string> listen, admin;
    bool accept_loss = false;
};

int serve(const cli_common& common, const serve_flags& flags) {
    configuration wanted;
    if (const int failed = load_configuration(common, wanted); failed != exit_done) return failed;
    if (!flags.listen.empty()) wanted.listen = flags.listen;
    if (!flags.admin.empty()) wanted.admin = flags.admin;
    wanted.accept_loss = wanted.accept_loss || flags.accept_loss;
    return run_serve(wanted);
}

int config_check(const cli_common& common) {
    configuration wanted;
    if (const int failed = load_configuration(common, wanted); failed != exit_done) return failed;
    if (const auto good = check_listeners(wanted); !good) {
        std::fprintf(stderr, "taicang: %s\n", good.error().message.c_str());
        return exit_usage;
    }
    if (common.json) {
        nlohmann::json keys = nlohmann::json::object();
        for (const configuration_key& key : configuration_keys())
            keys[std::string(key.name)] = key.show(wanted);
        std::printf("%s\n",
                    nlohmann::json{{"schema", 1}, {"valid", true}, {"keys", keys}}.dump(2).c_str());
        return exit_done;
    }
    for (const configuration_key& key : configuration_keys()) {
        std::printf("%-20.*s = %-28s # %.*s; %.*s\n", static_cast<int>(key.name.size()),
                    key.name.data(), key.show(wanted).c_str(), static_cast<int>(key.unit.size()),
                    key.unit.data(), static_cast<int>(key.sentence.size()), key.sentence.data());
    }
    std::printf("\nThe configuration is valid.\n");
    return exit_done;
}

}  // namespace

void add_serve(CLI::App& parser, cli_common& common) {
    CLI::App* verb = parser.add_subcommand("serve", "serve S3 from the embedded hub in --data");
    auto flags = std::make_shared<serve_flags>();
    verb->add_option("--listen", flags->listen, "plain S3 listener HOST:PORT (repeatable)");
    verb->add_option("--admin", flags->admin, "admin listener HOST:PORT (repeatable)");
    verb->add_flag("--accept-loss", flags->accept_loss,
                   "start although acknowledged data is missing; it is lost then");
    verb->callback(
        [&common, flags] { common.chosen = [&common, flags] { return serve(common, *flags); }; });
}

void add_config(CLI::App& parser, cli_common& common) {
    CLI::App* noun = parser.add_subcommand("config", "the configuration");
    noun->require_subcommand(1);
    CLI::App* check =
        noun->add_subcommand("check", "read file and environment, print every key with its value");
    check->callback([&common] { common.chosen = [&common] { return config_check(common); }; });
}

}  // namespace taicang
