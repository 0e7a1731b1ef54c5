#include "tools/config/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include <toml++/toml.h>

#include "storage/base/limits.h"

namespace taicang {

std::string configuration::devices_directory() const {
    return devices_dir.empty() ? data + "/devices" : devices_dir;
}
std::string configuration::index_directory() const {
    return index_dir.empty() ? data + "/index" : index_dir;
}

namespace {

using key = configuration_key;

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view part = text.substr(0, comma);
        while (part.starts_with(' '))
            part.remove_prefix(1);
        while (part.ends_with(' '))
            part.remove_suffix(1);
        if (!part.empty()) parts.emplace_back(part);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
}

std::string join_list(const std::vector<std::string>& parts) {
    std::string joined;
    for (const std::string& part : parts)
        joined += (joined.empty() ? "" : ",") + part;
    return joined;
}

key text_key(std::string_view name, std::string_view unit, std::string configuration::*field,
             std::string_view sentence) {
    return {name, unit, sentence,
            [field](configuration& into, std::string_view text) -> result<void> {
                into.*field = std::string(text);
                return ok();
            },
            [field](const configuration& from) { return from.*field; }};
}

key list_key(std::string_view name, std::string_view unit,
             std::vector<std::string> configuration::*field, std::string_view sentence) {
    return {name, unit, sentence,
            [field](configuration& into, std::string_view text) -> result<void> {
                into.*field = split_list(text);
                return ok();
            },
            [field](const configuration& from) { return join_list(from.*field); }};
}

key number_key(std::string_view name, std::string_view unit, std::uint64_t configuration::*field,
               std::uint64_t least, std::uint64_t most, std::string_view sentence) {
    return {name, unit, sentence,
            [=](configuration& into, std::string_view text) -> result<void> {
                std::uint64_t value = 0;
                const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
                if (read.ec != std::errc() || read.ptr != text.data() + text.size() ||
                    value < least || value > most) {
                    return error(errc::invalid_argument,
                                 std::string(name) + " = \"" + std::string(text) +
                                     "\": give a whole number from " + std::to_string(least) +
                                     " to " + std::to_string(most));
                }
                into.*field = value;
                return ok();
            },
            [field](const configuration& from) { return std::to_string(from.*field); }};
}

key switch_key(std::string_view name, bool configuration::*field, std::string_view sentence) {
    return {
        name, "true or false", sentence,
        [=](configuration& into, std::string_view text) -> result<void> {
            if (text != "true" && text != "false") {
                return error(errc::invalid_argument, std::string(name) + ": give true or false");
            }
            into.*field = text == "true";
            return ok();
        },
        [field](const configuration& from) { return std::string(from.*field ? "true" : "false"); }};
}

std::vector<key> make_keys() {
    using c = configuration;
    std::vector<key> keys;
    keys.push_back(text_key("data", "directory", &c::data,
                            "Where the embedded hub lives; made when it is missing."));
    keys.push_back(text_key("devices_dir", "directory", &c::devices_dir,
                            "Device files *.dev; empty: data/devices."));
    keys.push_back(text_key("index_dir", "directory", &c::index_dir,
                            "The index; empty: data/index. It can be rebuilt."));
    keys.push_back(list_key("listen", "host:port list", &c::listen,
                            "Plain S3 listeners; loopback by default."));
    keys.push_back(list_key("listen_tls", "host:port list", &c::listen_tls,
                            "TLS S3 listeners; need tls_certificate and tls_key."));
    keys.push_back(list_key("admin", "host:port list", &c::admin,
                            "Admin API, health and metrics; loopback by default."));
    keys.push_back(text_key("tls_certificate", "PEM file", &c::tls_certificate,
                            "Certificate chain of the TLS listeners."));
    keys.push_back(
        text_key("tls_key", "PEM file", &c::tls_key, "Private key of the TLS listeners."));
    keys.push_back(text_key("region", "name", &c::region, "The region that clients sign for."));
    keys.push_back(list_key("domains", "host name list", &c::domains,
                            "Names under which <bucket>.<name> is virtual-host style."));
    keys.push_back(number_key("memory_mib", "MiB", &c::memory_mib, 64, 1 << 20,
                              "Budget for request buffers; requests wait or get 503 beyond it."));
    keys.push_back(number_key("index_cache_mib", "MiB", &c::index_cache_mib, 8, 1 << 20,
                              "Block cache of the index."));
    keys.push_back(
        number_key("index_memtable_mib", "MiB", &c::index_memtable_mib, 4, 4096,
                   "Memtable of the index; more means fewer, longer flushes and a longer replay."));
    keys.push_back(
        number_key("journal_mib", "MiB, 0: a share", &c::journal_mib, 0, 1 << 20,
                   "Cap of the journal, one copy; 0: a sixteenth of the nvme tier, 256 to 4096."));
    keys.push_back(text_key("io_backend", "auto, io_uring, threads", &c::io_backend,
                            "How disks are reached; auto probes."));
    keys.push_back(
        number_key("workers", "threads, 0: cores", &c::workers, 0, 256, "Gateway threads."));
    keys.push_back(number_key("compute_threads", "threads, 0: cores", &c::compute_threads, 0, 256,
                              "Threads for hashing and coding."));
    keys.push_back(number_key("nvme_devices", "devices", &c::nvme_devices, 3, 64,
                              "Device files of tier nvme of a new hub."));
    keys.push_back(number_key("hdd_devices", "devices, 0: no tier", &c::hdd_devices, 0, 64,
                              "Device files of tier hdd of a new hub."));
    keys.push_back(
        number_key("parity", "devices", &c::parity, 1, 8,
                   "m: how many devices of a tier may be lost; fixed for the hub's life."));
    keys.push_back(number_key("extent_mib", "MiB", &c::extent_mib, 1, 256,
                              "Extents of a new hub's file devices."));
    keys.push_back(number_key("device_mib", "MiB, 0: a share", &c::device_mib, 0, 1ULL << 30,
                              "Capacity of each new device file; 0: a share of the free space."));
    keys.push_back(text_key("log_level", "debug, info, warn, error", &c::log_level,
                            "What is written to stderr."));
    keys.push_back(switch_key("accept_loss", &c::accept_loss,
                              "Start although acknowledged data is missing; it is lost then."));
    return keys;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t kept = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, kept});
        }
    }
    return row[b.size()];
}

const key* find_key(std::string_view name) {
    for (const key& one : configuration_keys()) {
        if (one.name == name) return &one;
    }
    return nullptr;
}

error unknown_key(std::string_view where, std::string_view name) {
    std::vector<std::string> known;
    for (const key& one : configuration_keys())
        known.emplace_back(one.name);
    std::string message = std::string(where) + ": unknown key \"" + std::string(name) + "\"";
    if (const auto nearest = nearest_word(name, known))
        message += "; did you mean \"" + *nearest + "\"?";
    return {errc::invalid_argument, message + " `taicang config check` lists all keys"};
}

result<std::string> value_text(const toml::node& node, const std::string& where) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* flag = node.as_boolean()) return std::string(flag->get() ? "true" : "false");
    if (const auto* list = node.as_array()) {
        std::string joined;
        for (const toml::node& item : *list) {
            const auto* text = item.as_string();
            if (text == nullptr)
                return error(errc::invalid_argument, where + ": a list takes strings");
            joined += (joined.empty() ? "" : ",") + text->get();
        }
        return joined;
    }
    return error(errc::invalid_argument,
                 where + ": give a string, a whole number, true, false or a list of strings");
}

constexpr std::array passed_variables = {std::string_view("TAICANG_ROOT_ACCESS_KEY"),
                                         std::string_view("TAICANG_ROOT_SECRET_KEY"),
                                         std::string_view("TAICANG_CONFIG"),
                                         std::string_view("TAICANG_ENDPOINT"),
                                         std::string_view("TAICANG_CANARY"),
                                         std::string_view("TAICANG_LONG"),
                                         std::string_view("TAICANG_SEED"),
                                         std::string_view("TAICANG_SOURCE_DIR"),
                                         std::string_view("TAICANG_BUILD_DIR")};

}  // namespace

const std::vector<configuration_key>& configuration_keys() {
    static const std::vector<key> keys = make_keys();
    return keys;
}

std::optional<std::string> nearest_word(std::string_view typed,
                                        const std::vector<std::string>& known) {
    std::optional<std::string> best;
    std::size_t best_distance = std::max<std::size_t>(2, typed.size() / 3) + 1;
    for (const std::string& word : known) {
        const std::size_t distance = edit_distance(typed, word);
        if (distance >= best_distance) continue;
        best_distance = distance;
        best = word;
    }
    return best;
}

result<void> read_configuration_file(const std::string& path, configuration& into) {
    try {
        const toml::table table = toml::parse_file(path);
        for (const auto& [name, node] : table) {
            const std::string where = path + ":" + std::to_string(node.source().begin.line);
            const key* found = find_key(name.str());
            if (found == nullptr) return unknown_key(where, name.str());
            TC_TRY_ASSIGN(text, value_text(node, where + ": " + std::string(name.str())));
            auto set = found->set(into, text);
            if (!set) return set.error().with_context(where);
        }
    } catch (const toml::parse_error& broken) {
        return error(errc::invalid_argument, path + ":" +
                                                 std::to_string(broken.source().begin.line) + ": " +
                                                 std::string(broken.description()));
    }
    return ok();
}

result<void> apply_environment(const char* const* variables, configuration& into) {
    for (; variables != nullptr && *variables != nullptr; ++variables) {
        const std::string_view entry(*variables);
        if (!entry.starts_with("TAICANG_")) continue;
        const std::size_t equals = entry.find('=');
        const std::string_view variable = entry.substr(0, equals);
        if (std::find(passed_variables.begin(), passed_variables.end(), variable) !=
            passed_variables.end())
            continue;
        std::string name(variable.substr(8));
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        const key* found = find_key(name);
        if (found == nullptr) return unknown_key("environment " + std::string(variable), name);
        const std::string_view value =
            equals == std::string_view::npos ? "" : entry.substr(equals + 1);
        auto set = found->set(into, value);
        if (!set) return set.error().with_context("environment " + std::string(variable));
    }
    return ok();
}

result<void> check_configuration(const configuration& wanted) {
    if (!wanted.listen_tls.empty() && (wanted.tls_certificate.empty() || wanted.tls_key.empty())) {
        return error(
            errc::invalid_argument,
            "listen_tls is set, but tls_certificate or tls_key is not: give both PEM files");
    }
    if (wanted.nvme_devices < wanted.parity + 1 ||
        (wanted.hdd_devices != 0 && wanted.hdd_devices < wanted.parity + 1)) {
        return error(errc::invalid_argument,
                     "a tier needs at least parity + 1 devices: raise nvme_devices or hdd_devices, "
                     "or lower parity");
    }
    // A segment of the journal is an extent; some are prepared ahead beside those the cap counts.
    if (wanted.journal_mib != 0 &&
        (wanted.journal_mib < 3 * wanted.extent_mib ||
         wanted.journal_mib > limits::journal_segments_max / 2 * wanted.extent_mib)) {
        return error(errc::invalid_argument,
                     "journal_mib = " + std::to_string(wanted.journal_mib) +
                         " with extent_mib = " + std::to_string(wanted.extent_mib) +
                         ": give from 3 to " + std::to_string(limits::journal_segments_max / 2) +
                         " times extent_mib, or 0 for a share of the tier");
    }
    if (wanted.io_backend != "auto" && wanted.io_backend != "io_uring" &&
        wanted.io_backend != "threads") {
        return error(errc::invalid_argument,
                     "io_backend = \"" + wanted.io_backend + "\": give auto, io_uring or threads");
    }
    if (wanted.log_level != "debug" && wanted.log_level != "info" && wanted.log_level != "warn" &&
        wanted.log_level != "error") {
        return error(errc::invalid_argument,
                     "log_level = \"" + wanted.log_level + "\": give debug, info, warn or error");
    }
    return ok();
}

}  // namespace taicang
