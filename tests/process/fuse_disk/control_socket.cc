#include "tests/process/fuse_disk/control_socket.h"

#include <cstring>
#include <sstream>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace taicang::fuse_disk {

namespace {

constexpr std::size_t command_bytes_max = 4096;

std::string cut_command(disk_state& disk, std::istringstream& words) {
    std::uint64_t seed = 0;
    if (!(words >> seed)) return "error cut needs a seed";
    cut_plan plan;
    const bool has_plan = static_cast<bool>(words >> plan.drop_percent);
    if (has_plan && !(words >> plan.tear_percent)) plan.tear_percent = 0;
    std::uint64_t vanished = 0;
    const cut_counts counts = disk.cut(seed, has_plan ? &plan : nullptr, vanished);
    std::ostringstream answer;
    answer << "ok kept=" << counts.kept_blocks << " dropped=" << counts.dropped_blocks
           << " torn=" << counts.torn_blocks << " sizes_reverted=" << counts.reverted_sizes
           << " files_vanished=" << vanished;
    return answer.str();
}

std::string fault_command(disk_state& disk, std::istringstream& words) {
    std::string file;
    std::string kind;
    words >> file >> kind;
    if (kind == "read" || kind == "all") {
        disk.change_faults(
            file, [](file_faults& f, unsigned) { f.read_error = true; }, 0);
    }
    if (kind == "write" || kind == "all") {
        disk.change_faults(
            file, [](file_faults& f, unsigned) { f.write_error = true; }, 0);
    }
    if (kind == "flush" || kind == "all") {
        disk.change_faults(
            file, [](file_faults& f, unsigned) { f.flush_error = true; }, 0);
    }
    const bool known = kind == "read" || kind == "write" || kind == "flush" || kind == "all";
    return known ? "ok" : "error fault FILE read|write|flush|all, not '" + kind + "'";
}

std::string pace_command(disk_state& disk, std::istringstream& words, bool delay) {
    std::string file;
    unsigned value = 0;
    if (!(words >> file >> value)) return "error a file and a number are needed";
    if (delay) {
        disk.change_faults(
            file, [](file_faults& f, unsigned v) { f.delay_ms = v; }, value);
    } else {
        disk.change_faults(
            file, [](file_faults& f, unsigned v) { f.slow_kib_per_s = v; }, value);
    }
    return "ok";
}

}  // namespace

std::string run_command(disk_state& disk, const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "cut") return cut_command(disk, words);
    if (verb == "fault") return fault_command(disk, words);
    if (verb == "delay" || verb == "slow") return pace_command(disk, words, verb == "delay");
    if (verb == "stat") return "ok " + disk.describe();
    if (verb == "heal") {
        disk.heal();
        return "ok";
    }
    std::string argument;
    words >> argument;
    if (verb == "clear" && !argument.empty()) {
        disk.clear_faults(argument);
        return "ok";
    }
    if (verb == "hold" && (argument == "on" || argument == "off")) {
        disk.set_hold(argument == "on");
        return "ok";
    }
    return "error '" + line + "' is no command; see control_socket.h for the list";
}

control_socket::control_socket(disk_state& disk, const std::string& path)
    : disk_(disk), path_(path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    ::unlink(path.c_str());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return;
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(descriptor, 4) != 0) {
        ::close(descriptor);
        return;
    }
    listener_ = descriptor;
    thread_ = std::thread([this] { serve(); });
}

control_socket::~control_socket() {
    if (listener_ < 0) return;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    ::unlink(path_.c_str());
}

void control_socket::serve() {
    while (true) {
        const int client = ::accept(listener_, nullptr, nullptr);
        if (client < 0) return;
        serve_client(client);
        ::close(client);
    }
}

void control_socket::serve_client(int client) {
    std::string pending;
    char buffer[command_bytes_max];
    while (true) {
        const ssize_t got = ::recv(client, buffer, sizeof buffer, 0);
        if (got <= 0) return;
        pending.append(buffer, static_cast<std::size_t>(got));
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            const std::string answer = run_command(disk_, pending.substr(0, end)) + "\n";
            pending.erase(0, end + 1);
            if (::send(client, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
        }
        if (pending.size() > command_bytes_max) return;
    }
}

}  // namespace taicang::fuse_disk
