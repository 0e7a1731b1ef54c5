// taicang: the server and the admin CLI in one binary.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "tools/cli/commands.h"
#include "tools/cli/exit_code.h"
#include "tools/version.h"

int main(int argc, char** argv) {
    CLI::App parser{"Taicang: a tiered, erasure-coded object store that serves S3", "taicang"};
    parser.set_version_flag("--version",
                            std::string("taicang ") + std::string(taicang::version_text));
    parser.require_subcommand(1);
    parser.fallthrough();
    taicang::cli_common common;
    parser.add_option("--config", common.config_path, "TOML configuration file")
        ->envname("TAICANG_CONFIG");
    parser.add_option("--data", common.data, "directory of the embedded hub (default ./data)");
    parser
        .add_option("--endpoint", common.endpoint,
                    "admin endpoint of a running hub, e.g. http://127.0.0.1:9001")
        ->envname("TAICANG_ENDPOINT");
    parser.add_flag("--json", common.json, "print JSON with a schema version instead of a table");
    taicang::add_serve(parser, common);
    taicang::add_config(parser, common);
    taicang::add_status(parser, common);
    taicang::add_device(parser, common);
    taicang::add_bucket(parser, common);
    taicang::add_job(parser, common);
    taicang::add_inspect(parser, common);
    taicang::add_fsck(parser, common);
    taicang::add_bench(parser, common);
    try {
        parser.parse(argc, argv);
    } catch (const CLI::ParseError& stopped) {
        const int shown = parser.exit(stopped);
        return shown == 0 ? taicang::exit_done : taicang::exit_usage;
    }
    return common.chosen ? common.chosen() : taicang::exit_usage;
}
