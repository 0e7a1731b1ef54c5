// The specification of the object service, executable: what every key may hold, given which
// operations were called, answered, refused or left unknown, and when. Concurrent calls have
// intervals; a read must give a value that some order of the calls allows, reading it settles
// writes of unknown outcome, and what was acknowledged may only be replaced by what came after.
// Threads: one. Lifetime: a value that outlives the hubs it judges. Method: single registers
// checked by intervals (Gibbons and Korach, "Testing Shared Memories", 1997, for writes of unique
// values).
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taicang::model {

/// A moment; calls and answers are in one order.
using moment = std::uint64_t;
inline constexpr moment never = std::numeric_limits<moment>::max();

struct name {
    std::string bucket, key;
    auto operator<=>(const name&) const = default;
};

enum class outcome : std::uint8_t {
    acknowledged,
    refused,  ///< did not happen
    unknown,  ///< may have happened, or may happen until the next restart
};

/// What a read saw: nothing, or a version.
struct sight {
    bool present = false;
    std::optional<std::uint64_t> operation;  ///< that wrote it, where the version tells
    std::string etag;
    std::uint64_t size = 0;
    bool any_etag = false;  ///< another ETag of the same bytes is as good
};

class object_model {
  public:
    /// Now; later than every moment before.
    moment tick() { return ++clock_; }

    /// Bytes that a version with this ETag holds; one pointer for all ETags of the same bytes.
    void know(const std::string& etag, std::shared_ptr<const std::string> bytes);
    [[nodiscard]] std::shared_ptr<const std::string> bytes_of(const std::string& etag) const;

    using handle = std::size_t;
    /// A put, copy or completion is called. Without an ETag it is a copy of what `source` holds.
    handle call_put(name of, std::uint64_t operation, std::optional<std::string> etag,
                    std::optional<name> source);
    handle call_remove(name of);
    /// ... and answered. `etag`: what a copy turned out to hold.
    void answer(handle which, outcome how, std::optional<std::string> etag = std::nullopt);

    /// A read of the key, called at `called`, answered now.
    void saw(const name& of, moment called, const sight& what);
    /// The key was (not) there at some moment since `called`.
    void saw_presence(const name& of, moment called, bool present);
    /// Something other than this ETag was there (or nothing).
    void saw_other(const name& of, moment called, const std::string& etag);

    /// Whether the key may have been there, or away, at some moment since `called`.
    [[nodiscard]] bool may_be(const name& of, moment called, bool present) const;

    /// The hub died and started again: what was not answered is decided by now.
    void restarted();

    /// All keys ever written in a bucket.
    [[nodiscard]] std::vector<std::string> keys(const std::string& bucket) const;
    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
    void violate(std::string what) { violations_.push_back(std::move(what)); }

  private:
    struct write {
        name of;
        bool present = false;
        std::uint64_t operation = 0;
        std::optional<std::string> etag;  // none: a copy, not known of what
        std::optional<name> source;
        moment called = 0;
        moment answered = never;  // it happened before this, if it did
        bool certain = false;     // it happened
        bool gone = false;        // it did not
        bool open = true;         // may still happen
    };

    [[nodiscard]] bool same_bytes(const std::string& a, const std::string& b) const;
    [[nodiscard]] bool matches(const write& one, const sight& what) const;
    [[nodiscard]] bool replaced_before(const write& one, moment when) const;
    [[nodiscard]] std::vector<handle> candidates(const name& of, moment called,
                                                 const sight& what) const;
    void settle(const name& of, moment called, const std::vector<handle>& seen);
    std::vector<handle>& history(const name& of);

    moment clock_ = 0;
    std::vector<write> writes_;
    std::map<name, std::vector<handle>> by_name_;
    std::map<std::string, std::shared_ptr<const std::string>> contents_;
    std::vector<std::string> violations_;
};

}  // namespace taicang::model
