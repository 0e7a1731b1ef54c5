// Access keys and their secrets, and the root key that the first start makes.
// Threads: credential_store is thread safe; a credential is immutable. Lifetime: found credentials
// are shared, so a key that is removed stays good for the requests that already hold it. Invariant:
// secrets are zeroed when freed and no operator prints them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/base/random.h"
#include "storage/base/result.h"

namespace taicang {

/// Text that is wiped when it dies. Not copyable by accident: copies are asked for by copy().
class secret_text {
  public:
    secret_text() = default;
    explicit secret_text(std::string text) noexcept : text_(std::move(text)) {}
    secret_text(secret_text&& other) noexcept;
    secret_text& operator=(secret_text&& other) noexcept;
    ~secret_text() { wipe(); }
    /// The secret itself: for computing with, never for logs.
    [[nodiscard]] std::string_view reveal() const noexcept { return text_; }
    [[nodiscard]] secret_text copy() const { return secret_text(text_); }

  private:
    void wipe() noexcept;
    std::string text_;
};

struct credential {
    std::string access_key;
    secret_text secret;
    std::string name;  ///< for people: "root"
    bool enabled = true;
    bool may_administer = false;
};

class credential_store {
  public:
    /// Adds or replaces the credential of that access key.
    void put(credential value);
    bool remove(std::string_view access_key);
    /// Null when unknown. Disabled ones are found: the caller must look at `enabled`.
    [[nodiscard]] std::shared_ptr<const credential> find(std::string_view access_key) const;
    /// Access keys, sorted.
    [[nodiscard]] std::vector<std::string> access_keys() const;

  private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    mutable std::shared_mutex lock_;
    std::unordered_map<std::string, std::shared_ptr<const credential>, text_hash, std::equal_to<>>
        by_access_key_;
};

/// The two variables that set the root key; both or neither.
struct root_key_settings {
    std::optional<std::string> access_key;
    std::optional<std::string> secret_key;
};
/// From TAICANG_ROOT_ACCESS_KEY and TAICANG_ROOT_SECRET_KEY.
[[nodiscard]] root_key_settings root_key_settings_from_environment();

enum class root_key_origin : std::uint8_t { settings, file, generated };
struct root_key {
    credential key;
    root_key_origin origin = root_key_origin::file;  ///< generated: print it once
    std::string path;                                ///< of the file; "" when it came from settings
};

/// The root key: from settings when given, else from `directory`/root-credentials; not_found when
/// neither is there. Refuses a file that others may read, and malformed keys, with a sentence.
[[nodiscard]] result<root_key> load_root_key(const std::string& directory,
                                             const root_key_settings& settings);
/// The same for the hub itself: the file is made (mode 0600, durable before this returns) when it
/// is missing.
[[nodiscard]] result<root_key> load_or_create_root_key(const std::string& directory,
                                                       const root_key_settings& settings,
                                                       random_source& random);

inline constexpr std::size_t access_key_generated_bytes = 20;
inline constexpr std::size_t secret_key_generated_bytes = 40;
inline constexpr std::size_t access_key_bytes_min = 3;
inline constexpr std::size_t access_key_bytes_max = 128;
inline constexpr std::size_t secret_key_bytes_min = 8;
inline constexpr std::size_t secret_key_bytes_max = 128;

}  // namespace taicang
