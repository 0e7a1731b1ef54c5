// Writes the root of one tier: one root at a time, to every active member, merging what is asked
// for meanwhile. Threads: the shard's executor. Lifetime: owned by the device_set; close() before
// destruction; owner and devices outlive it. Invariants: a root is acknowledged when every target
// holds it, durably, and they are m+1 or more; the next root is not begun before every target of
// the last one holds it or is fenced, so an active member is at most one root behind.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/result.h"
#include "storage/device/file_device.h"
#include "storage/device/root_format.h"

namespace taicang {

/// What a root_writer asks of its device_set.
class root_owner {
  public:
    root_owner() = default;
    root_owner(const root_owner&) = delete;
    root_owner& operator=(const root_owner&) = delete;
    virtual ~root_owner() = default;
    /// Active devices of the tier.
    [[nodiscard]] virtual std::vector<file_device*> root_targets(std::uint8_t tier) = 0;
    /// The membership section as it is now, and a number that grows with each change of it.
    [[nodiscard]] virtual std::string membership_bytes(std::uint8_t tier) const = 0;
    [[nodiscard]] virtual std::uint64_t membership_version(std::uint8_t tier) const = 0;
};

struct root_identity {
    uuid hub;
    std::uint8_t tier = 0;
    std::uint8_t parity = 0;
    std::string tier_name;
};

class root_writer {
  public:
    /// `last`: the newest root that was read at start.
    root_writer(environment& env, root_owner& owner, root_identity identity,
                device_format::root last);

    /// Roots written from now on carry this boot number. Nothing is written before. `behind`:
    /// devices that do not hold the newest root; they get it before the next one is begun, so that
    /// a crash leaves none two behind.
    void claim(std::uint64_t boot, std::vector<file_device*> behind);
    /// Replaces a section and waits for a root that holds it. errc::quorum_lost, no_space (unknown
    /// outcome: a later root carries it), stopped, invalid_argument beyond limits::root_bytes_max.
    task<result<void>> replace(std::uint16_t section, std::string bytes);
    /// Waits for a root that is begun after this call.
    task<result<void>> write_now() { return join(); }
    /// The membership changed: has a root written behind.
    void poke();
    /// Waits until the membership as it is now is durable.
    task<result<void>> settle();
    /// Waits for the roots asked for; later calls answer errc::stopped.
    task<void> close();

    /// As last made durable.
    [[nodiscard]] const device_format::root_sections& durable() const { return durable_; }

  private:
    struct round {
        event done;
        result<void> outcome;
        std::vector<std::shared_ptr<round>> absorbed;
    };
    enum class attempt : std::uint8_t { durable, again };

    task<result<void>> join();
    bool begin();
    task<void> run();
    task<result<attempt>> write_once();
    task<result<attempt>> catch_up();
    task<result<attempt>> send(const std::vector<file_device*>& targets);
    static void finish(round& done, const result<void>& outcome);
    [[nodiscard]] error quorum_error(std::size_t active) const;

    environment& env_;
    root_owner& owner_;
    root_identity identity_;
    device_format::root_position position_;
    device_format::root_sections wanted_;
    device_format::root_sections durable_;
    std::uint64_t durable_version_ = 0;
    std::string image_;  ///< of the root being written, or of the one that some lag behind
    std::vector<file_device*> lagging_;  ///< do not hold image_ yet
    std::shared_ptr<round> next_;
    bool claimed_ = false;
    bool running_ = false;
    gate gate_;
};

}  // namespace taicang
