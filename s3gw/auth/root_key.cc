// The root key's file. The only place of s3gw that touches files: the key must be readable before
// any device is.
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s3gw/auth/credentials.h"

namespace taicang {

namespace {

constexpr const char* access_variable = "TAICANG_ROOT_ACCESS_KEY";
constexpr const char* secret_variable = "TAICANG_ROOT_SECRET_KEY";
constexpr std::string_view file_name = "root-credentials";
constexpr std::size_t file_bytes_max = 4096;

/// A file descriptor that closes itself.
class owned_fd {
  public:
    explicit owned_fd(int fd) noexcept : fd_(fd) {}
    owned_fd(const owned_fd&) = delete;
    owned_fd& operator=(const owned_fd&) = delete;
    ~owned_fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

error system_error(const std::string& what, int number) {
    const errc code = number == EACCES || number == EPERM ? errc::permission_denied
                      : number == ENOENT                  ? errc::not_found
                      : number == ENOSPC                  ? errc::no_space
                                                          : errc::io_failed;
    return error(code, what + ": " + std::strerror(number));
}

bool has_only(std::string_view text, bool (*good)(char)) noexcept {
    for (const char c : text) {
        if (!good(c)) return false;
    }
    return true;
}

bool is_access_key_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}
bool is_secret_char(char c) noexcept {
    return c > ' ' && c < 0x7f;
}

result<credential> make_root(std::string access_key, secret_text secret, const std::string& from) {
    if (access_key.size() < access_key_bytes_min || access_key.size() > access_key_bytes_max ||
        !has_only(access_key, is_access_key_char)) {
        return error(errc::invalid_argument,
                     from + ": the root access key must be 3 to 128 of A-Z a-z 0-9 - _ .");
    }
    if (secret.reveal().size() < secret_key_bytes_min ||
        secret.reveal().size() > secret_key_bytes_max ||
        !has_only(secret.reveal(), is_secret_char)) {
        return error(errc::invalid_argument,
                     from +
                         ": the root secret key must be 8 to 128 printable ASCII characters "
                         "without blanks");
    }
    return credential{std::move(access_key), std::move(secret), "root", true, true};
}

/// The value of `name=` in a file of lines, or empty.
std::string_view value_of(std::string_view text, std::string_view name) noexcept {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=') {
            return line.substr(name.size() + 1);
        }
    }
    return {};
}

result<credential> read_file(int fd, const std::string& path) {
    struct stat about {};
    if (::fstat(fd, &about) != 0) return system_error("looking at " + path, errno);
    if ((about.st_mode & 077) != 0) {
        return error(errc::permission_denied,
                     path +
                         " can be read by others than its owner. If nobody else has read it: "
                         "chmod 600 " +
                         path);
    }
    std::string text(file_bytes_max, '\0');
    std::size_t length = 0;
    for (;;) {
        const ssize_t got = ::read(fd, text.data() + length, text.size() - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error("reading " + path, errno);
        if (got == 0) break;
        length += static_cast<std::size_t>(got);
        if (length == text.size()) break;
    }
    text.resize(length);
    const secret_text held(std::move(text));
    return make_root(std::string(value_of(held.reveal(), access_variable)),
                     secret_text(std::string(value_of(held.reveal(), secret_variable))), path);
}

result<void> write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return system_error("writing " + path, errno);
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::fsync(fd) != 0) return system_error("flushing " + path, errno);
    return ok();
}

/// Crash order: the bytes are flushed under a temporary name, then the name is given (link: never
/// over a file that somebody else made meanwhile), then the directory is flushed. A crash before
/// the link leaves no root key and a temporary file, which the next start overwrites; a crash after
/// it leaves the whole file.
result<void> write_file(const std::string& directory, const std::string& path,
                        std::string_view text) {
    const std::string temporary = path + ".new";
    ::unlink(temporary.c_str());
    {
        const owned_fd file(
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (file.get() < 0) return system_error("creating " + temporary, errno);
        TC_TRY(write_all(file.get(), text, temporary));
    }
    const int linked = ::link(temporary.c_str(), path.c_str());
    const int number = errno;
    ::unlink(temporary.c_str());
    if (linked != 0) {
        return number == EEXIST ? error(errc::already_exists, path + " was made by another process")
                                : system_error("naming " + path, number);
    }
    const owned_fd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0) {
        return system_error("flushing " + directory, errno);
    }
    return ok();
}

std::string random_text(random_source& random, std::string_view alphabet, std::size_t length) {
    // Keys are guarded by all of these characters being equally likely: below() is uniform.
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
        text.push_back(alphabet[static_cast<std::size_t>(random.below(alphabet.size()))]);
    }
    return text;
}

}  // namespace

root_key_settings root_key_settings_from_environment() {
    root_key_settings settings;
    if (const char* value = std::getenv(access_variable)) settings.access_key = value;
    if (const char* value = std::getenv(secret_variable)) settings.secret_key = value;
    return settings;
}

result<root_key> load_root_key(const std::string& directory, const root_key_settings& settings) {
    if (settings.access_key.has_value() != settings.secret_key.has_value()) {
        return error(errc::invalid_argument,
                     std::string("Only one of ") + access_variable + " and " + secret_variable +
                         " is set. Set both, or neither to use the key kept in " + directory);
    }
    if (settings.access_key) {
        TC_TRY_ASSIGN(key, make_root(*settings.access_key, secret_text(*settings.secret_key),
                                     std::string(access_variable)));
        return root_key{std::move(key), root_key_origin::settings, ""};
    }
    const std::string path = directory + "/" + std::string(file_name);
    const owned_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return system_error("opening " + path, errno);
    TC_TRY_ASSIGN(key, read_file(file.get(), path));
    return root_key{std::move(key), root_key_origin::file, path};
}

result<root_key> load_or_create_root_key(const std::string& directory,
                                         const root_key_settings& settings, random_source& random) {
    auto loaded = load_root_key(directory, settings);
    if (!loaded.is(errc::not_found)) return loaded;
    const std::string path = directory + "/" + std::string(file_name);
    const std::string access =
        random_text(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", access_key_generated_bytes);
    secret_text secret(
        random_text(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                    secret_key_generated_bytes));
    const secret_text lines(std::string(access_variable) + "=" + access + "\n" + secret_variable +
                            "=" + std::string(secret.reveal()) + "\n");
    TC_TRY(write_file(directory, path, lines.reveal()));
    TC_TRY_ASSIGN(key, make_root(access, std::move(secret), path));
    return root_key{std::move(key), root_key_origin::generated, path};
}

}  // namespace taicang
