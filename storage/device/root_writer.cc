#include "storage/device/root_writer.h"

#include <algorithm>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"
#include "storage/device/root_numbers.h"

namespace taicang {

root_writer::root_writer(environment& env, root_owner& owner, root_identity identity,
                         device_format::root last)
    : env_(env),
      owner_(owner),
      identity_(std::move(identity)),
      position_(last.header.position),
      wanted_(last.sections),
      durable_(std::move(last.sections)),
      image_(device_format::encode_root(last.header, durable_)) {}

void root_writer::claim(std::uint64_t boot, std::vector<file_device*> behind) {
    TC_ASSERT_WHY(boot > position_.boot, "a boot number is claimed above all read");
    lagging_ = std::move(behind);
    position_.boot = boot;
    claimed_ = true;
}

error root_writer::quorum_error(std::size_t active) const {
    return error(errc::quorum_lost, "tier " + identity_.tier_name +
                                        " is read-only: " + std::to_string(active) +
                                        " of its devices are active and a root needs " +
                                        std::to_string(identity_.parity + 1) +
                                        "; put back the devices that `taicang device ls` shows as "
                                        "missing");
}

task<result<void>> root_writer::replace(std::uint16_t section, std::string bytes) {
    device_format::root_sections next = wanted_;
    next[section] = bytes;
    next[root_section_membership] = owner_.membership_bytes(identity_.tier);
    if (device_format::root_body_bytes(next) > limits::root_bytes_max ||
        next.size() > device_format::root_sections_max) {
        co_return error(errc::invalid_argument,
                        "section " + std::to_string(section) + " of tier " + identity_.tier_name +
                            " makes the root longer than " +
                            std::to_string(limits::root_bytes_max) + " bytes");
    }
    wanted_[section] = std::move(bytes);
    co_return co_await join();
}

bool root_writer::begin() {
    if (!next_) next_ = std::make_shared<round>();
    if (running_) return true;
    running_ = true;
    if (spawn(gate_, run())) return true;
    running_ = false;
    next_.reset();
    return false;
}

task<result<void>> root_writer::join() {
    TC_ASSERT(claimed_);
    if (gate_.closed() || !begin()) {
        co_return error(errc::stopped, "tier " + identity_.tier_name + " is closed");
    }
    std::shared_ptr<round> mine = next_;
    co_await mine->done.wait();
    co_return mine->outcome;
}

void root_writer::poke() {
    if (claimed_ && !gate_.closed()) begin();
}

task<result<void>> root_writer::settle() {
    const std::uint64_t wanted = owner_.membership_version(identity_.tier);
    while (durable_version_ < wanted) {
        auto done = co_await join();
        if (!done) co_return done;
    }
    co_return ok();
}

task<void> root_writer::close() {
    co_await gate_.close();
}

void root_writer::finish(round& done, const result<void>& outcome) {
    done.outcome = outcome;
    done.done.set();
    for (const auto& each : done.absorbed)
        finish(*each, outcome);
}

task<void> root_writer::run() {
    while (next_) {
        co_await yield_now();  // who asks in the same turn shares the round
        std::shared_ptr<round> mine = std::move(next_);
        next_.reset();
        auto written = co_await write_once();
        if (written.ok() && *written == attempt::again) {
            if (!next_) {
                next_ = std::move(mine);
            } else {
                next_->absorbed.push_back(std::move(mine));
            }
            continue;
        }
        finish(*mine, written.ok() ? ok() : result<void>(written.error()));
    }
    running_ = false;
}

// Crash order: sections and membership gathered -> written to the older slot of every active member
// -> each flushed -> acknowledged. A member that fails on the way is fenced, and the root that says
// so is the one acknowledged: callers wait for it. A crash leaves some members with this root and
// the others with the one before; either wins as a whole at start.
task<result<root_writer::attempt>> root_writer::write_once() {
    if (!lagging_.empty()) {
        auto caught_up = co_await catch_up();
        if (!caught_up || *caught_up == attempt::again) co_return caught_up;
    }
    const std::vector<file_device*> targets = owner_.root_targets(identity_.tier);
    if (targets.size() < identity_.parity + 1U) co_return quorum_error(targets.size());

    const std::uint64_t version = owner_.membership_version(identity_.tier);
    device_format::root_sections sections = wanted_;
    sections[root_section_membership] = owner_.membership_bytes(identity_.tier);
    if (device_format::root_body_bytes(sections) > limits::root_bytes_max) {
        co_return error(errc::invalid_argument,
                        "the root of tier " + identity_.tier_name + " grew beyond its slot");
    }
    ++position_.sequence;
    position_.written_at = env_.home.wall_now();
    device_format::root_header header;
    header.hub = identity_.hub;
    header.tier = identity_.tier;
    header.parity = identity_.parity;
    header.position = position_;
    image_ = device_format::encode_root(header, sections);
    auto sent = co_await send(targets);
    if (!sent || *sent == attempt::again) co_return sent;
    durable_ = std::move(sections);
    durable_version_ = version;
    co_return attempt::durable;
}

/// Members that do not hold the last root get it before the next one is begun.
task<result<root_writer::attempt>> root_writer::catch_up() {
    TC_MARK("device.root_catch_up");
    const std::vector<file_device*> targets = std::exchange(lagging_, {});
    co_return co_await send(targets);
}

task<result<root_writer::attempt>> root_writer::send(const std::vector<file_device*>& targets) {
    std::vector<task<result<void>>> writes;
    std::vector<file_device*> written;
    for (file_device* each : targets) {
        if (each->fenced()) continue;
        written.push_back(each);
        writes.push_back(each->write_root(image_));
    }
    auto outcomes = co_await when_all(std::move(writes));
    bool fenced = written.size() != targets.size();
    std::optional<error> failure;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i].ok()) continue;
        if (outcomes[i].is(errc::device_fenced)) {
            TC_MARK("device.root_write_failed");
            fenced = true;
        } else {
            failure = outcomes[i].error();
            lagging_.push_back(written[i]);
        }
    }
    if (failure) co_return *failure;
    co_return fenced ? attempt::again : attempt::durable;
}

}  // namespace taicang
