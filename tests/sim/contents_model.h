// The reference model of the object service: for every key the contents that it may have. An
// acknowledged change leaves one; a change whose outcome is unknown (the power was cut) leaves old
// and new, until a read has settled which. Threads: one. Lifetime: outlives crashes of the hub.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/base/bytes.h"

namespace taicang::sim {

/// A content is named by a number; its bytes follow from it.
struct content {
    std::uint64_t name = 0;
    std::uint32_t length = 0;
    auto operator<=>(const content&) const = default;
    [[nodiscard]] std::string bytes() const {
        std::string made(length, '\0');
        std::uint64_t state = name * 0x9e3779b97f4a7c15ULL + length;
        for (std::size_t at = 0; at < made.size(); at += 8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            std::memcpy(made.data() + at, &state, std::min(sizeof(state), made.size() - at));
        }
        return made;
    }
};

/// Empty: the key does not exist.
using presence = std::optional<content>;

class contents_model {
  public:
    /// Everything `key` may be. A key that was never touched is absent.
    [[nodiscard]] std::vector<presence> allowed(const std::string& key) const {
        const auto found = keys_.find(key);
        return found == keys_.end() ? std::vector<presence>{std::nullopt} : found->second;
    }
    /// A change was acknowledged, or a read settled the key.
    void settle(const std::string& key, presence now) { keys_[key] = {now}; }
    /// A change went under way whose outcome is not known.
    void may_become(const std::string& key, presence now) {
        auto& states = keys_.try_emplace(key, std::vector<presence>{std::nullopt}).first->second;
        if (std::find(states.begin(), states.end(), now) == states.end()) states.push_back(now);
    }
    [[nodiscard]] bool allows(const std::string& key, const presence& seen) const {
        const auto states = allowed(key);
        return std::find(states.begin(), states.end(), seen) != states.end();
    }
    [[nodiscard]] bool certainly_there(const std::string& key) const {
        const auto states = allowed(key);
        return std::all_of(states.begin(), states.end(),
                           [](const presence& one) { return one.has_value(); });
    }
    [[nodiscard]] bool certainly_absent(const std::string& key) const {
        const auto states = allowed(key);
        return std::none_of(states.begin(), states.end(),
                            [](const presence& one) { return one.has_value(); });
    }
    [[nodiscard]] std::vector<std::string> keys_under(const std::string& prefix) const {
        std::vector<std::string> found;
        for (auto at = keys_.lower_bound(prefix);
             at != keys_.end() && at->first.starts_with(prefix); ++at) {
            found.push_back(at->first);
        }
        return found;
    }

  private:
    std::map<std::string, std::vector<presence>> keys_;
};

}  // namespace taicang::sim
