// The verbs of the CLI: each adds its own subcommand to the parser and runs when chosen.
// Threads: main thread. Lifetime: `common` outlives the parser.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace taicang {

/// What every verb knows.
struct cli_common {
    std::string config_path;
    std::string data;
    std::string endpoint;
    bool json = false;
    std::function<int()> chosen;  ///< set by the verb that was typed
};

void add_serve(CLI::App& parser, cli_common& common);
void add_config(CLI::App& parser, cli_common& common);
void add_status(CLI::App& parser, cli_common& common);
void add_device(CLI::App& parser, cli_common& common);
void add_bucket(CLI::App& parser, cli_common& common);
void add_job(CLI::App& parser, cli_common& common);
void add_inspect(CLI::App& parser, cli_common& common);
void add_fsck(CLI::App& parser, cli_common& common);
void add_bench(CLI::App& parser, cli_common& common);

/// The configuration of a verb: file, environment, then --data.
int load_configuration(const cli_common& common, struct configuration& into);

}  // namespace taicang
