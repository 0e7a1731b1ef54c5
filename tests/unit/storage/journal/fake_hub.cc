#include "tests/unit/storage/journal/fake_hub.h"

#include <algorithm>
#include <cstring>

#include "storage/base/async.h"

namespace taicang::test {

namespace {

error gone(const uuid& id) {
    return error(errc::device_fenced, "device " + id.text() + " fails");
}

}  // namespace

class fake_device final : public extent_device {
  public:
    fake_device(fake_hub& hub, fake_disk& disk, fake_device_set& owner)
        : hub_(hub), disk_(disk), owner_(owner), power_(hub.power_) {}

    const uuid& id() const override { return disk_.id; }
    std::uint64_t extent_bytes() const override { return hub_.options_.extent_bytes; }
    std::uint64_t total_extents() const override { return hub_.options_.extents_per_device; }
    std::uint64_t free_extents() const override {
        return total_extents() - std::min<std::uint64_t>(total_extents(), disk_.extents.size());
    }
    std::vector<extent_info> list() const override {
        std::vector<extent_info> out;
        for (const auto& [name, extent] : disk_.extents)
            out.push_back(extent.info);
        return out;
    }

    task<result<extent_info>> create(extent_name name, extent_purpose purpose) override;
    task<result<void>> write(extent_name name, std::uint64_t offset, bytes_view from) override;
    task<result<void>> read(extent_name name, std::uint64_t offset, bytes_span into) override;
    task<result<void>> flush() override;
    task<result<void>> remove(extent_name name) override;
    task<result<void>> seal(extent_name, std::uint64_t) override { co_return ok(); }

    bool fenced = false;

  private:
    /// Waits for the "disk"; false when the power went or the device is gone.
    task<bool> work_on_it() {
        const auto delay = static_cast<nanoseconds>(
            hub_.chance_.below(static_cast<std::uint64_t>(hub_.options_.latency_max)) + 1);
        co_await sleep_for(delay);
        co_return power_ == hub_.power_ && !disk_.dead && !fenced;
    }
    result<void> fail(const char* what);

    fake_hub& hub_;
    fake_disk& disk_;
    fake_device_set& owner_;
    std::uint64_t power_;
};

class fake_device_set final : public device_set {
  public:
    explicit fake_device_set(fake_hub& hub) : hub_(hub), power_(hub.power_) {
        for (auto& disk : hub.disks_) {
            devices_.push_back(std::make_unique<fake_device>(hub, *disk, *this));
            devices_.back()->fenced = disk->fenced_durably || disk->absent;
        }
    }

    task<void> stop() override { co_return; }
    const uuid& hub() const override { return hub_.id_; }
    shard_term term() const override { return shard_term(hub_.term_); }
    unsigned parity(tier_id) const override { return hub_.options_.parity; }
    bool has_tier(tier_id tier) const override { return tier == tier_id::nvme; }
    std::vector<device_info> devices() const override { return {}; }
    std::vector<extent_device*> active(tier_id) override {
        std::vector<extent_device*> out;
        for (auto& device : devices_) {
            if (!device->fenced) out.push_back(device.get());
        }
        std::stable_sort(out.begin(), out.end(), [](extent_device* a, extent_device* b) {
            return a->free_extents() > b->free_extents();
        });
        return out;
    }
    std::size_t member_count(tier_id) const override { return devices_.size(); }
    extent_device* find(const uuid& id) override {
        for (auto& device : devices_) {
            if (device->id() == id && !device->fenced) return device.get();
        }
        return nullptr;
    }
    extent_name next_extent_name() override {
        return {shard_id(0), shard_term(hub_.term_), ++sequence_};
    }
    void fence(const uuid& id, std::string) override {
        extent_device* device = find(id);
        if (device == nullptr) return;
        static_cast<fake_device*>(device)->fenced = true;
        if (power_ == hub_.power_) hub_.fences_in_flight_.insert(id);
        for (auto& observer : observers_)
            observer(id);
    }
    void report_read_failure(const uuid& id) override { ++read_failures[id]; }
    void fence_on_reads(bool) override {}
    void on_fence(std::function<void(const uuid&)> observer) override {
        observers_.push_back(std::move(observer));
    }
    task<result<void>> settle() override {
        co_await sleep_for(pause());
        if (power_ != hub_.power_ || active(tier_id::nvme).size() <= hub_.options_.parity) {
            co_return error(errc::quorum_lost, "too few devices for a root");
        }
        make_fences_durable();
        co_return ok();
    }
    task<result<void>> verify_superblock(const uuid&) override { co_return ok(); }
    std::string root_bytes(tier_id, root_section) const override { return hub_.root_durable_; }
    task<result<void>> replace_root(tier_id, root_section, std::string bytes) override {
        if (power_ != hub_.power_) co_return error(errc::quorum_lost, "the power is off");
        hub_.root_in_flight_ = bytes;
        co_await sleep_for(pause());
        if (power_ != hub_.power_ || active(tier_id::nvme).size() <= hub_.options_.parity) {
            co_return error(errc::quorum_lost, "too few devices for a root");
        }
        make_fences_durable();
        hub_.root_durable_ = std::move(bytes);
        hub_.root_in_flight_.reset();
        ++hub_.root_writes;
        co_return ok();
    }

    std::map<uuid, std::uint64_t> read_failures;

  private:
    nanoseconds pause() {
        return static_cast<nanoseconds>(hub_.chance_.below(500 * one_microsecond) + 1);
    }
    void make_fences_durable() {
        for (const uuid& id : hub_.fences_in_flight_)
            hub_.disk(id).fenced_durably = true;
        hub_.fences_in_flight_.clear();
    }

    fake_hub& hub_;
    std::uint64_t power_;
    std::uint64_t sequence_ = 0;
    std::vector<std::unique_ptr<fake_device>> devices_;
    std::vector<std::function<void(const uuid&)>> observers_;
};

result<void> fake_device::fail(const char* what) {
    owner_.fence(disk_.id, what);
    return gone(disk_.id);
}

task<result<extent_info>> fake_device::create(extent_name name, extent_purpose purpose) {
    const bool works = co_await work_on_it();
    if (!works) {
        (void)fail("create");
        co_return gone(disk_.id);
    }
    if (free_extents() == 0) co_return error(errc::no_space, "no extent left");
    if (disk_.extents.contains(name)) co_return error(errc::already_exists, "taken");
    fake_extent extent;
    extent.info.name = name;
    extent.info.purpose = purpose;
    extent.visible.resize(extent_bytes());
    // A recycled place holds what was there before: the journal must not take it for its own.
    for (auto& [other, held] : disk_.extents)
        extent.visible = held.visible;
    extent.durable = extent.visible;
    const extent_info info = extent.info;
    disk_.extents.emplace(name, std::move(extent));
    disk_.created_unflushed[name] = true;
    co_return info;
}

task<result<void>> fake_device::write(extent_name name, std::uint64_t offset, bytes_view from) {
    TC_ASSERT(offset % page_size == 0 && from.size() % page_size == 0);
    if (fenced) co_return gone(disk_.id);
    auto found = disk_.extents.find(name);
    if (found == disk_.extents.end()) co_return error(errc::not_found, "no extent " + name.text());
    TC_ASSERT(offset + from.size() <= extent_bytes());
    ++disk_.writes;
    const std::uint64_t number = disk_.writes;
    const bool lost = disk_.lost_write_one_in != 0 && hub_.chance_.one_in(disk_.lost_write_one_in);
    if (power_ == hub_.power_ && !disk_.dead && !lost) {
        // In flight: a crash may leave any part of it.
        std::memcpy(found->second.visible.data() + offset, from.data(), from.size());
        found->second.unflushed.push_back({offset, from.size(), 0});
    }
    const bool failing = std::exchange(disk_.fail_next_write, false);
    (void)number;
    const bool works = co_await work_on_it();
    if (!works || failing) co_return fail("write");
    found = disk_.extents.find(name);
    if (found == disk_.extents.end()) co_return ok();
    ++disk_.operations;
    for (auto& range : found->second.unflushed) {
        if (range.offset == offset && range.done_at == 0) range.done_at = disk_.operations;
    }
    co_return ok();
}

task<result<void>> fake_device::read(extent_name name, std::uint64_t offset, bytes_span into) {
    TC_ASSERT(offset % page_size == 0 && into.size() % page_size == 0);
    const bool works = co_await work_on_it();
    if (!works) co_return gone(disk_.id);
    const auto found = disk_.extents.find(name);
    if (found == disk_.extents.end()) co_return error(errc::not_found, "no extent " + name.text());
    TC_ASSERT(offset + into.size() <= extent_bytes());
    if (disk_.rot_on_read_one_in != 0 && hub_.chance_.one_in(disk_.rot_on_read_one_in)) {
        hub_.damage(disk_.id, name, offset + hub_.chance_.below(into.size()));
    }
    std::memcpy(into.data(), found->second.visible.data() + offset, into.size());
    co_return ok();
}

task<result<void>> fake_device::flush() {
    if (fenced) co_return gone(disk_.id);
    ++disk_.flushes;
    const std::uint64_t issued = disk_.operations;
    const std::map<extent_name, bool> created = disk_.created_unflushed;
    const bool failing = std::exchange(disk_.fail_next_flush, false);
    const bool works = co_await work_on_it();
    if (!works || failing) co_return fail("flush");
    for (const auto& [name, yes] : created)
        disk_.created_unflushed.erase(name);
    for (auto& [name, extent] : disk_.extents) {
        std::erase_if(extent.unflushed, [&, &held = extent](const fake_extent::range& range) {
            if (range.done_at == 0 || range.done_at > issued) return false;
            std::memcpy(held.durable.data() + range.offset, held.visible.data() + range.offset,
                        range.length);
            return true;
        });
    }
    co_return ok();
}

task<result<void>> fake_device::remove(extent_name name) {
    const bool works = co_await work_on_it();
    if (!works) co_return fail("remove");
    if (disk_.extents.erase(name) == 0) co_return error(errc::not_found, "no " + name.text());
    co_return ok();
}

fake_hub::fake_hub(random_source& chance, fake_options options)
    : chance_(chance), options_(options), id_(chance.make_uuid()) {
    for (unsigned i = 0; i < options.devices; ++i) {
        disks_.push_back(std::make_unique<fake_disk>());
        disks_.back()->id = chance.make_uuid();
    }
}

fake_hub::~fake_hub() = default;

task<result<std::unique_ptr<device_set>>> fake_hub::open(environment&) {
    ++term_;
    co_return std::unique_ptr<device_set>(std::make_unique<fake_device_set>(*this));
}

fake_disk& fake_hub::disk(const uuid& id) {
    for (auto& disk : disks_) {
        if (disk->id == id) return *disk;
    }
    TC_ASSERT_WHY(false, "an unknown device");
    return *disks_.front();
}

std::size_t fake_hub::extent_count() const {
    std::size_t count = 0;
    for (const auto& disk : disks_)
        count += disk->extents.size();
    return count;
}

void fake_hub::damage(const uuid& device, const extent_name& extent, std::uint64_t offset) {
    fake_extent& held = disk(device).extents.at(extent);
    held.visible[offset] ^= std::byte{0x5a};
    held.durable[offset] = held.visible[offset];
}

void fake_hub::worsen(std::size_t device, random_source& chance) {
    fake_disk& weak = *disks_[device];
    weak.lost_write_one_in = chance.one_in(3) ? 10 : 0;
    weak.rot_on_read_one_in = chance.one_in(3) ? 20 : 0;
    if (chance.one_in(6)) weak.fail_next_write = true;
    if (chance.one_in(6)) weak.fail_next_flush = true;
}

void fake_hub::settle_unflushed(fake_disk& disk) {
    for (auto& [name, extent] : disk.extents) {
        std::vector<std::byte> after = extent.durable;
        for (const fake_extent::range& range : extent.unflushed) {
            for (std::uint64_t at = 0; at < range.length; at += page_size) {
                const std::uint64_t kept = std::array<std::uint64_t, 3>{
                    0, page_size, 512 * (1 + chance_.below(7))}[chance_.below(3)];
                std::memcpy(after.data() + range.offset + at,
                            extent.visible.data() + range.offset + at, kept);
            }
        }
        extent.unflushed.clear();
        extent.visible = after;
        extent.durable = std::move(after);
    }
    for (const auto& [name, yes] : disk.created_unflushed) {
        if (chance_.one_in(2)) disk.extents.erase(name);
    }
    disk.created_unflushed.clear();
}

void fake_hub::crash() {
    ++power_;
    for (auto& disk : disks_)
        settle_unflushed(*disk);
    if (root_in_flight_ && chance_.one_in(2)) {
        root_durable_ = *root_in_flight_;
        for (const uuid& id : fences_in_flight_)
            disk(id).fenced_durably = true;
    }
    root_in_flight_.reset();
    fences_in_flight_.clear();
}

}  // namespace taicang::test
