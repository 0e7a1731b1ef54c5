// The client of tools/bench-s3. All servers get the very same presigned requests, in slices that
// take turns, so that a noisy machine is noisy to all of them. Prints one line of JSON; exits with
// 1 and a sentence when an answer is not what was stored.
//
//   s3_load_client fill-small --port P --files DIR ...   objects through S3, the same as plain
//   files s3_load_client get-small  --targets taicang:P,nginx:P,memory:P ... s3_load_client
//   put-large  --targets taicang:P,null:P ... s3_load_client get-large  --targets taicang:P,null:P
//   ...
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s3gw/auth/signer.h"
#include "storage/base/clock.h"
#include "storage/base/digest.h"
#include "tests/bench/http_load.h"

namespace taicang {
namespace {

constexpr std::uint64_t expires_s = 7 * 24 * 3600;
constexpr std::size_t directories = 1024;  ///< that the small files lie in
constexpr std::size_t begin_bytes = 64;    ///< of each small object, kept to compare answers with
constexpr std::size_t block_bytes = 4096;  ///< alignment of direct writes
constexpr std::uint64_t fill_wave_objects = 8192;  ///< whose bodies are in memory at once
constexpr double fill_s_max = 600;                 ///< of one wave
/// The generator needs no long turns to show what it can do at most.
constexpr double ceiling_share = 0.2;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "s3_load_client: %s\n", why.c_str());
    std::exit(1);
}

struct settings {
    std::map<std::string, std::string> given;

    const std::string& text(const std::string& name) const {
        const auto found = given.find(name);
        if (found == given.end()) give_up("--" + name + " is missing");
        return found->second;
    }
    std::uint64_t number(const std::string& name) const {
        return std::strtoull(text(name).c_str(), nullptr, 10);
    }
    double real(const std::string& name) const { return std::strtod(text(name).c_str(), nullptr); }
};

std::uint64_t mixed(std::uint64_t value) {  // splitmix64
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

/// What object `number` holds: follows from its number alone.
void fill_content(std::uint64_t number, char* into, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
        const std::uint64_t word = mixed((number << 32) + at);
        std::memcpy(into + at, &word, std::min(sizeof(word), bytes - at));
    }
}

std::string padded(std::uint64_t number, std::size_t width) {
    const std::string digits = std::to_string(number);
    return std::string(width - std::min(width, digits.size()), '0') + digits;
}

std::string small_directory(std::uint64_t number) {
    return "small/" + padded(number % directories, 4);
}

std::string small_name(std::uint64_t number) {
    return small_directory(number) + "/" + padded(number, 8);
}

/// Signs requests for one bucket.
class presigner {
  public:
    explicit presigner(const settings& wanted)
        : key_{wanted.text("access-key"), wanted.text("secret-key")},
          host_(wanted.text("host")),
          bucket_(wanted.text("bucket")),
          now_(system_wall_clock_now()) {}

    std::string head(const std::string& method, const std::string& name,
                     std::uint64_t body_bytes) const {
        sign_request request;
        request.method = method;
        request.host = host_;
        request.path = "/" + bucket_ + "/" + name;
        const signed_request made = presign(key_, request, now_, expires_s);
        std::string text = method + " " + made.target + " HTTP/1.1\r\nHost: " + host_ + "\r\n";
        if (method == "PUT") text += "Content-Length: " + std::to_string(body_bytes) + "\r\n";
        return text + "\r\n";
    }

  private:
    sign_key key_;
    std::string host_;
    std::string bucket_;
    std::int64_t now_;
};

/// A server under load.
struct target {
    std::string name;
    std::uint16_t port = 0;
    double share = 1;  ///< of a slice
    next_exchange next;
    load_figures figures;
};

/// "name:port,name:port"; the one called `memory` is the generator's own ceiling.
std::vector<target> targets_of(const settings& wanted) {
    std::vector<target> found;
    std::string_view list = wanted.text("targets");
    while (!list.empty()) {
        const std::string_view one = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), one.size() + 1));
        const std::size_t colon = one.find(':');
        if (colon == std::string_view::npos) give_up("--targets takes name:port,name:port");
        target made;
        made.name = one.substr(0, colon);
        const std::string port(one.substr(colon + 1));
        made.port = static_cast<std::uint16_t>(std::strtoul(port.c_str(), nullptr, 10));
        if (made.name == "memory") made.share = ceiling_share;
        found.push_back(std::move(made));
    }
    return found;
}

void check(const target& one) {
    if (one.figures.wrong != 0) give_up(one.name + ": " + one.figures.first_wrong);
}

/// Slices that take turns until each target had its seconds.
void take_turns(const settings& wanted, std::vector<target>& targets) {
    const double seconds = wanted.real("seconds");
    const double slice_s = std::min(seconds, wanted.real("slice-s"));
    const auto connections = static_cast<unsigned>(wanted.number("connections"));
    for (double spent = 0; spent < seconds; spent += slice_s) {
        for (target& one : targets) {
            one.figures.add(run_load(one.port, connections, slice_s * one.share,
                                     std::numeric_limits<std::uint64_t>::max(), one.next));
            check(one);
        }
    }
}

void print(const std::vector<target>& targets, std::uint64_t bytes_each) {
    std::string text = "{";
    for (const target& one : targets) {
        char figures[160];
        std::snprintf(figures, sizeof(figures),
                      "{\"done\": %llu, \"seconds\": %.3f, \"client_cpu_seconds\": %.3f, "
                      "\"bytes_each\": %llu}",
                      static_cast<unsigned long long>(one.figures.done), one.figures.seconds,
                      one.figures.cpu_seconds, static_cast<unsigned long long>(bytes_each));
        text += (text.size() > 1 ? ", \"" : "\"") + one.name + "\": " + figures;
    }
    std::printf("%s}\n", text.c_str());
}

// Small objects

/// The presigned requests of all of them, made before anything is measured.
class small_set {
  public:
    small_set(const settings& wanted, const std::string& method)
        : bytes_(wanted.number("bytes")), begins_(wanted.number("objects") * begin_bytes) {
        const presigner sign(wanted);
        const std::uint64_t objects = wanted.number("objects");
        heads_.reserve(objects);
        for (std::uint64_t number = 0; number < objects; ++number) {
            heads_.push_back(sign.head(method, small_name(number), bytes_));
            fill_content(number, begins_.data() + number * begin_bytes, begin_bytes);
        }
    }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t size() const { return heads_.size(); }
    [[nodiscard]] const std::string& head(std::uint64_t number) const { return heads_[number]; }
    /// The first bytes of an object.
    [[nodiscard]] std::string_view begin_of(std::uint64_t number) const {
        return {begins_.data() + number * begin_bytes, std::min(bytes_, begin_bytes)};
    }

  private:
    std::size_t bytes_;
    std::vector<std::string> heads_;
    std::vector<char> begins_;
};

/// A page-aligned piece of memory, for direct writes.
struct free_memory {
    void operator()(char* memory) const { std::free(memory); }
};
using aligned_memory = std::unique_ptr<char, free_memory>;

aligned_memory allocate_aligned(std::size_t bytes) {
    const std::size_t rounded = (bytes + block_bytes - 1) / block_bytes * block_bytes;
    return aligned_memory(static_cast<char*>(std::aligned_alloc(block_bytes, rounded)));
}

void make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
        give_up("making " + path + ": " + std::strerror(errno));
}

/// The same objects as files, past the page cache.
void write_files(const settings& wanted, const small_set& set) {
    const std::string root = wanted.text("files") + "/" + wanted.text("bucket");
    make_directory(root);
    make_directory(root + "/small");
    for (std::uint64_t number = 0; number < std::min<std::uint64_t>(directories, set.size());
         ++number)
        make_directory(root + "/" + small_directory(number));
    if (set.bytes() % block_bytes != 0) give_up("--bytes must be a multiple of 4096");
    const aligned_memory content = allocate_aligned(set.bytes());
    for (std::uint64_t number = 0; number < set.size(); ++number) {
        const std::string path = root + "/" + small_name(number);
        const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_DIRECT | O_CLOEXEC, 0644);
        if (fd < 0) give_up("opening " + path + ": " + std::strerror(errno));
        fill_content(number, content.get(), set.bytes());
        if (::pwrite(fd, content.get(), set.bytes(), 0) != static_cast<ssize_t>(set.bytes()))
            give_up("writing " + path + ": " + std::strerror(errno));
        ::close(fd);
    }
    ::sync();
}

void fill_small(const settings& wanted) {
    const small_set set(wanted, "PUT");
    write_files(wanted, set);
    const auto connections = static_cast<unsigned>(wanted.number("connections"));
    const auto port = static_cast<std::uint16_t>(wanted.number("port"));
    std::vector<target> targets(1);
    targets[0].name = "taicang";
    std::vector<char> bodies(fill_wave_objects * set.bytes());
    for (std::uint64_t first = 0; first < set.size(); first += fill_wave_objects) {
        std::uint64_t number = first;
        const next_exchange next = [&] {
            char* const body = bodies.data() + (number - first) * set.bytes();
            fill_content(number, body, set.bytes());
            return http_exchange{set.head(number++), {body, set.bytes()}, "ETag", 0, {}};
        };
        const std::uint64_t count = std::min(fill_wave_objects, set.size() - first);
        targets[0].figures.add(run_load(port, connections, fill_s_max, count, next));
        check(targets[0]);
    }
    if (targets[0].figures.done != set.size()) give_up("the objects could not be stored in time");
    print(targets, set.bytes());
}

void get_small(const settings& wanted) {
    const small_set set(wanted, "GET");
    std::vector<target> targets = targets_of(wanted);
    std::uint64_t drawn = 0;
    for (target& one : targets) {
        // The responder knows one body only.
        const bool compares = one.name != "memory";
        one.next = [&set, &drawn, compares] {
            const std::uint64_t number = mixed(drawn++) % set.size();
            const std::string_view begins = compares ? set.begin_of(number) : std::string_view();
            return http_exchange{set.head(number), {}, {}, set.bytes(), begins};
        };
    }
    take_turns(wanted, targets);
    print(targets, set.bytes());
}

// Large objects

std::string quoted_md5(std::string_view content) {
    content_hasher hasher(digest_set().add(digest_kind::md5));
    hasher.update(as_bytes(content));
    return "\"" + to_hex(as_bytes(hasher.finish().md5)) + "\"";
}

/// `is_put`: every object is stored once on every target before anything is measured.
void move_large(const settings& wanted, bool is_put) {
    std::vector<char> memory(wanted.number("bytes"));
    fill_content(0, memory.data(), memory.size());
    const std::string_view content(memory.data(), memory.size());
    const std::string etag = quoted_md5(content);
    const presigner sign(wanted);
    std::vector<std::string> heads;
    for (std::uint64_t number = 0; number < wanted.number("objects"); ++number) {
        heads.push_back(
            sign.head(is_put ? "PUT" : "GET", "large-" + padded(number, 4), content.size()));
    }
    std::vector<target> targets = targets_of(wanted);
    for (target& one : targets) {
        one.next = [&, number = std::uint64_t{0}]() mutable {
            const std::string& head = heads[number++ % heads.size()];
            return is_put ? http_exchange{head, content, etag, 0, {}}
                          : http_exchange{head, {}, {}, content.size(), content};
        };
        if (!is_put) continue;
        const auto connections = static_cast<unsigned>(wanted.number("connections"));
        one.figures = run_load(one.port, connections, fill_s_max, heads.size(), one.next);
        check(one);
        one.figures = {};
    }
    take_turns(wanted, targets);
    print(targets, content.size());
}

int run(int count, char** words) {
    if (count < 2 || count % 2 != 0)
        give_up("a verb and pairs of --name value are wanted; see the head of the source");
    settings wanted;
    for (int i = 2; i < count; i += 2) {
        const std::string_view name = words[i];
        if (!name.starts_with("--")) give_up("not an option: " + std::string(name));
        wanted.given.emplace(name.substr(2), words[i + 1]);
    }
    const std::string_view verb = words[1];
    if (verb == "fill-small") {
        fill_small(wanted);
    } else if (verb == "get-small") {
        get_small(wanted);
    } else if (verb == "put-large" || verb == "get-large") {
        move_large(wanted, verb == "put-large");
    } else {
        give_up("no such verb: " + std::string(verb));
    }
    return 0;
}

}  // namespace
}  // namespace taicang

int main(int count, char** words) {
    return taicang::run(count, words);
}
