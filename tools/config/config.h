// The configuration: one TOML file, each key with a unit, a default that is right and a sentence;
// environment variables TAICANG_<KEY> win over the file, command-line flags over both. Unknown keys
// are an error that names the nearest. Values; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace taicang {

struct configuration {
    std::string data;         ///< directory of the embedded hub
    std::string devices_dir;  ///< "": data/devices
    std::string index_dir;    ///< "": data/index
    std::vector<std::string> listen = {"127.0.0.1:9000", "[::1]:9000"};
    std::vector<std::string> listen_tls;
    std::vector<std::string> admin = {"127.0.0.1:9001", "[::1]:9001"};
    std::string tls_certificate;
    std::string tls_key;
    std::string region = "us-east-1";
    std::vector<std::string> domains;  ///< virtual-host style: <bucket>.<domain>
    std::uint64_t memory_mib = 192;
    std::uint64_t index_cache_mib = 64;
    std::uint64_t index_memtable_mib = 32;
    std::uint64_t journal_mib = 0;
    std::string io_backend = "auto";
    std::uint64_t workers = 0;
    std::uint64_t compute_threads = 0;
    std::uint64_t nvme_devices = 6;
    std::uint64_t hdd_devices = 6;
    std::uint64_t parity = 2;
    std::uint64_t extent_mib = 16;
    std::uint64_t device_mib = 0;
    std::string log_level = "info";
    bool accept_loss = false;

    [[nodiscard]] std::string devices_directory() const;
    [[nodiscard]] std::string index_directory() const;
};

/// One key as documented: `taicang config check` and docs/configuration.md print this table.
struct configuration_key {
    std::string_view name;
    std::string_view unit;  ///< "MiB", "host:port list", ...
    std::string_view sentence;
    std::function<result<void>(configuration&, std::string_view text)>
        set;  ///< from one value's text
    std::function<std::string(const configuration&)> show;
};
const std::vector<configuration_key>& configuration_keys();

/// Reads a TOML file over `into`. The error names the file, line and nearest key.
result<void> read_configuration_file(const std::string& path, configuration& into);
/// Applies TAICANG_<KEY> variables (lists are comma separated). Unknown TAICANG_ variables are an
/// error, so that a typo does not pass in silence; TAICANG_ROOT_ACCESS_KEY,
/// TAICANG_ROOT_SECRET_KEY, TAICANG_CONFIG and those of tests pass.
result<void> apply_environment(const char* const* variables, configuration& into);
/// Checks values against each other.
result<void> check_configuration(const configuration& wanted);

/// The known word nearest to `typed`, for "did you mean".
std::optional<std::string> nearest_word(std::string_view typed,
                                        const std::vector<std::string>& known);

}  // namespace taicang
