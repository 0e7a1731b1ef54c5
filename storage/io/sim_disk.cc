// The simulated disk: names, locks, latency, faults and power cuts around sim_image.
//
// Faults a test may rely on: errors of reads, writes (part of it may be stored) and flushes; blocks
// that rot when read; writes that are acknowledged and lost or land elsewhere in the file; dead
// files; a full disk; and at a power cut the loss or tearing of what no flush covers, names
// included. make_directory() is durable at once (no test needs more).
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "storage/base/async.h"
#include "storage/base/digest.h"
#include "storage/base/mark.h"
#include "storage/io/io_checks.h"
#include "storage/io/sim_disk_make.h"
#include "storage/io/sim_image.h"

namespace taicang {

namespace {

constexpr std::uint64_t ppm_unit = 1'000'000;

std::string normal(const std::string& path) {
    std::string text = std::filesystem::path(path).lexically_normal().string();
    while (text.size() > 1 && text.back() == '/')
        text.pop_back();
    return text.empty() ? "." : text;
}

std::string parent_of(const std::string& normal_path) {
    const std::string text = std::filesystem::path(normal_path).parent_path().string();
    return text.empty() ? "." : text;
}

struct sim_inode {
    explicit sim_inode(random_source& chance) : image(chance) {}
    sim_image image;
    bool locked = false;
};

/// A name as processes see it and as the medium holds it; they differ until the directory is
/// synced.
struct sim_name {
    std::shared_ptr<sim_inode> live;
    std::shared_ptr<sim_inode> durable;
};

/// A write between its issue and its completion: at a power cut some of its blocks may have
/// arrived.
struct running_write {
    std::shared_ptr<sim_inode> inode;
    std::uint64_t offset = 0;
    bytes_view from;
};

class sim_file;

class sim_disk_state final : public sim_disk {
  public:
    explicit sim_disk_state(random_source& chance) : chance_(chance) {}

    task<result<std::unique_ptr<disk_file>>> open(std::string path, open_mode mode) override;
    task<result<std::vector<std::string>>> list(std::string directory) override;
    task<result<void>> make_directory(std::string directory) override;
    task<result<void>> remove(std::string path) override;
    task<result<void>> sync_directory(std::string directory) override;
    task<result<disk_space>> space(std::string directory) override;
    std::string_view backend() const override { return "simulated"; }

    void set_faults(const sim_disk_faults& faults) override { default_faults_ = faults; }
    void set_faults(const std::string& path, const sim_disk_faults& faults) override {
        faults_[normal(path)] = faults;
    }
    void kill(const std::string& path) override { dead_.insert(normal(path)); }
    void heal(const std::string& path) override { dead_.erase(normal(path)); }
    void crash() override;
    void set_capacity(std::uint64_t bytes) override { capacity_ = bytes; }
    void damage(const std::string& path, std::uint64_t offset, std::uint64_t length) override;
    std::vector<std::byte> contents(const std::string& path) override;
    std::vector<std::string> paths() override;

  private:
    friend class sim_file;

    const sim_disk_faults& faults_of(const std::string& path) const {
        const auto found = faults_.find(path);
        return found == faults_.end() ? default_faults_ : found->second;
    }
    bool happens(std::uint32_t ppm) { return ppm != 0 && chance_.below(ppm_unit) < ppm; }
    nanoseconds latency(const std::string& path) {
        const sim_disk_faults& f = faults_of(path);
        const auto span =
            static_cast<std::uint64_t>(std::max<nanoseconds>(f.latency_max - f.latency_min, 0));
        return f.latency_min + static_cast<nanoseconds>(chance_.below(span + 1));
    }
    std::shared_ptr<sim_inode> find(const std::string& path) const {
        const auto found = names_.find(path);
        return found == names_.end() ? nullptr : found->second.live;
    }
    bool directory_exists(const std::string& directory) const {
        return directory == "." || directory == "/" || directories_.contains(directory);
    }
    std::uint64_t used_bytes();
    bool has_room(const sim_image& image, std::uint64_t offset, std::uint64_t length) {
        const std::uint64_t wanted = image.blocks_missing(offset, length) * page_size;
        return wanted == 0 || used_bytes() + wanted <= capacity_;
    }
    result<std::shared_ptr<sim_inode>> find_or_create(const std::string& name, open_mode mode);

    random_source& chance_;
    std::map<std::string, sim_name> names_;
    std::set<std::string> directories_;
    std::vector<std::weak_ptr<sim_inode>> inodes_;
    sim_disk_faults default_faults_;
    std::map<std::string, sim_disk_faults> faults_;
    std::set<std::string> dead_;
    std::map<std::uint64_t, running_write> running_writes_;
    std::uint64_t writes_issued_ = 0;
    std::uint64_t capacity_ = ~std::uint64_t{0} >> 2;
    /// Counts power cuts; a file of an older epoch is cut off.
    std::uint64_t epoch_ = 0;
};

class sim_file final : public disk_file {
  public:
    sim_file(sim_disk_state& owner, std::string path, std::shared_ptr<sim_inode> inode,
             bool read_only)
        : owner_(owner),
          path_(std::move(path)),
          inode_(std::move(inode)),
          read_only_(read_only),
          epoch_(owner.epoch_) {
        if (!read_only_) inode_->locked = true;
    }
    ~sim_file() override {
        TC_ASSERT_WHY(running_ == 0, "a file is closed while operations on it are in flight");
        if (!read_only_ && epoch_ == owner_.epoch_) inode_->locked = false;
    }

    task<result<void>> read(std::uint64_t offset, bytes_span into) override;
    task<result<void>> write(std::uint64_t offset, bytes_view from) override;
    task<result<void>> flush() override;
    task<result<void>> allocate(std::uint64_t offset, std::uint64_t length) override;
    task<result<void>> discard(std::uint64_t offset, std::uint64_t length) override;
    std::uint64_t size() const override { return inode_->image.size(); }
    const std::string& path() const override { return path_; }

  private:
    /// Counts an operation in flight.
    struct running_mark {
        explicit running_mark(unsigned& count) : count_(count) { ++count_; }
        running_mark(const running_mark&) = delete;
        running_mark& operator=(const running_mark&) = delete;
        ~running_mark() { --count_; }
        unsigned& count_;
    };

    error failed(std::string_view what, std::uint64_t offset, std::uint64_t length,
                 std::string_view why) const {
        return error(errc::io_failed,
                     describe_transfer(what, path_, offset, length) + ": " + std::string(why));
    }
    /// Power cut or dead device: what every operation answers then.
    result<void> reachable(std::string_view what, std::uint64_t offset,
                           std::uint64_t length) const {
        if (epoch_ != owner_.epoch_) {
            return failed(what, offset, length, "the machine lost power since the file was opened");
        }
        if (owner_.dead_.contains(path_)) return failed(what, offset, length, "the device is dead");
        return ok();
    }
    result<void> complete_write(std::uint64_t offset, bytes_view from);

    sim_disk_state& owner_;
    std::string path_;
    std::shared_ptr<sim_inode> inode_;
    bool read_only_;
    std::uint64_t epoch_;
    unsigned running_ = 0;
};

task<result<void>> sim_file::read(std::uint64_t offset, bytes_span into) {
    TC_CO_TRY(check_transfer("reading", path_, offset, into.size(), into.data()));
    const running_mark mark(running_);
    co_await sleep_for(owner_.latency(path_));
    TC_CO_TRY(reachable("reading", offset, into.size()));
    const sim_disk_faults& faults = owner_.faults_of(path_);
    if (owner_.happens(faults.read_error_ppm)) {
        TC_MARK("sim_disk.read_error");
        co_return failed("reading", offset, into.size(), "simulated read error");
    }
    sim_image& image = inode_->image;
    if (offset + into.size() > image.size()) {
        co_return error(errc::io_short, describe_transfer("reading", path_, offset, into.size()) +
                                            ": the file ends at " + std::to_string(image.size()));
    }
    if (!into.empty() && owner_.happens(faults.corrupt_read_block_ppm)) {
        TC_MARK("sim_disk.rot");
        image.rot(offset / page_size + owner_.chance_.below(into.size() / page_size));
    }
    image.read(offset, into);
    co_return ok();
}

result<void> sim_file::complete_write(std::uint64_t offset, bytes_view from) {
    const sim_disk_faults& faults = owner_.faults_of(path_);
    sim_image& image = inode_->image;
    if (owner_.happens(faults.write_error_ppm)) {
        TC_MARK("sim_disk.write_error");
        const std::size_t stored = owner_.chance_.below(from.size() / page_size + 1) * page_size;
        if (owner_.has_room(image, offset, stored)) image.write(offset, from.first(stored));
        return failed("writing", offset, from.size(), "simulated write error");
    }
    if (!owner_.has_room(image, offset, from.size())) {
        return error(errc::no_space, describe_transfer("writing", path_, offset, from.size()) +
                                         ": no space left on the disk; free some or add a device");
    }
    if (owner_.happens(faults.lost_write_ppm)) {
        TC_MARK("sim_disk.lost_write");
        // The size and the space are the filesystem's and arrive; the bytes do not.
        image.allocate(offset, from.size());
        return ok();
    }
    const std::uint64_t places =
        image.size() < from.size() ? 0 : (image.size() - from.size()) / page_size;
    if (places != 0 && owner_.happens(faults.misdirected_write_ppm)) {
        TC_MARK("sim_disk.misdirected_write");
        const std::uint64_t elsewhere = owner_.chance_.below(places + 1) * page_size;
        image.allocate(offset, from.size());
        image.write(elsewhere, from);
        return ok();
    }
    image.write(offset, from);
    return ok();
}

task<result<void>> sim_file::write(std::uint64_t offset, bytes_view from) {
    TC_CO_TRY(check_transfer("writing", path_, offset, from.size(), from.data()));
    TC_CO_TRY(check_writable("writing", path_, read_only_));
    const running_mark mark(running_);
    const std::uint64_t id = ++owner_.writes_issued_;
    const bool connected = reachable("writing", offset, from.size()).ok();
    if (connected) owner_.running_writes_[id] = {inode_, offset, from};
    const std::uint32_t before = crc32c(from);
    co_await sleep_for(owner_.latency(path_));
    TC_ASSERT_WHY(crc32c(from) == before,
                  "a buffer was changed or freed while its write was in flight");
    owner_.running_writes_.erase(id);
    TC_CO_TRY(reachable("writing", offset, from.size()));
    co_return complete_write(offset, from);
}

task<result<void>> sim_file::flush() {
    TC_CO_TRY(check_writable("flushing", path_, read_only_));
    const running_mark mark(running_);
    const bool connected = reachable("flushing", 0, 0).ok();
    const std::uint64_t ticket = connected ? inode_->image.begin_flush() : 0;
    co_await sleep_for(owner_.latency(path_));
    // After a power cut the image has forgotten the ticket.
    if (connected && epoch_ == owner_.epoch_) {
        const bool dead = owner_.dead_.contains(path_);
        if (dead || owner_.happens(owner_.faults_of(path_).flush_error_ppm)) {
            TC_MARK("sim_disk.flush_error");
            inode_->image.fail_flush(ticket);
            co_return failed("flushing", 0, inode_->image.size(), "simulated flush error");
        }
        inode_->image.end_flush(ticket);
        co_return ok();
    }
    TC_CO_TRY(reachable("flushing", 0, 0));
    // Dead at the start and healed since: what happened to the flush is anybody's guess.
    co_return failed("flushing", 0, inode_->image.size(), "the device was dead");
}

task<result<void>> sim_file::allocate(std::uint64_t offset, std::uint64_t length) {
    TC_CO_TRY(check_range("allocating", path_, offset, length));
    TC_CO_TRY(check_writable("allocating", path_, read_only_));
    const running_mark mark(running_);
    co_await sleep_for(owner_.latency(path_));
    TC_CO_TRY(reachable("allocating", offset, length));
    if (!owner_.has_room(inode_->image, offset, length)) {
        co_return error(errc::no_space,
                        describe_transfer("allocating", path_, offset, length) +
                            ": no space left on the disk; free some or add a device");
    }
    inode_->image.allocate(offset, length);
    co_return ok();
}

task<result<void>> sim_file::discard(std::uint64_t offset, std::uint64_t length) {
    TC_CO_TRY(check_range("discarding", path_, offset, length));
    TC_CO_TRY(check_writable("discarding", path_, read_only_));
    const running_mark mark(running_);
    co_await sleep_for(owner_.latency(path_));
    TC_CO_TRY(reachable("discarding", offset, length));
    inode_->image.discard(offset, length);
    co_return ok();
}

std::uint64_t sim_disk_state::used_bytes() {
    std::uint64_t used = 0;
    std::erase_if(inodes_, [&used](const std::weak_ptr<sim_inode>& held) {
        const auto inode = held.lock();
        if (inode != nullptr) used += inode->image.blocks_allocated() * page_size;
        return inode == nullptr;
    });
    return used;
}

result<std::shared_ptr<sim_inode>> sim_disk_state::find_or_create(const std::string& name,
                                                                  open_mode mode) {
    auto inode = find(name);
    if (mode == open_mode::create_exclusive) {
        if (inode != nullptr) {
            return error(errc::already_exists, "creating " + name + ": it exists already");
        }
        if (!directory_exists(parent_of(name))) {
            return error(errc::not_found, "creating " + name + ": its directory does not exist");
        }
        inode = std::make_shared<sim_inode>(chance_);
        inodes_.push_back(inode);
        names_[name].live = inode;
        return inode;
    }
    if (inode == nullptr) return error(errc::not_found, "opening " + name + ": no such file");
    if (mode == open_mode::existing && inode->locked) {
        return error(errc::busy,
                     "opening " + name + ": it is in use already; close its other user first");
    }
    return inode;
}

task<result<std::unique_ptr<disk_file>>> sim_disk_state::open(std::string path, open_mode mode) {
    const std::string name = normal(path);
    const std::uint64_t epoch = epoch_;
    co_await sleep_for(latency(name));
    if (epoch != epoch_ || dead_.contains(name)) {
        co_return error(errc::io_failed, "opening " + name + ": the device is dead");
    }
    TC_CO_TRY_ASSIGN(inode, find_or_create(name, mode));
    std::unique_ptr<disk_file> file =
        std::make_unique<sim_file>(*this, name, std::move(inode), mode == open_mode::existing_read);
    co_return std::move(file);
}

task<result<std::vector<std::string>>> sim_disk_state::list(std::string directory) {
    const std::string wanted = normal(directory);
    co_await sleep_for(latency(wanted));
    if (!directory_exists(wanted)) {
        co_return error(errc::not_found, "listing " + wanted + ": no such directory");
    }
    std::vector<std::string> found;
    for (const auto& [name, entry] : names_) {
        if (entry.live != nullptr && parent_of(name) == wanted) {
            found.push_back(std::filesystem::path(name).filename().string());
        }
    }
    std::sort(found.begin(), found.end());
    co_return std::move(found);
}

task<result<void>> sim_disk_state::make_directory(std::string directory) {
    std::string wanted = normal(directory);
    co_await sleep_for(latency(wanted));
    while (!directory_exists(wanted)) {
        if (find(wanted) != nullptr) {
            co_return error(errc::already_exists,
                            "making directory " + wanted + ": a file has that name");
        }
        directories_.insert(wanted);
        wanted = parent_of(wanted);
    }
    co_return ok();
}

task<result<void>> sim_disk_state::remove(std::string path) {
    const std::string name = normal(path);
    if (find(name) == nullptr) {
        co_await sleep_for(latency(name));
        co_return error(errc::not_found, "removing " + name + ": no such file");
    }
    const std::uint64_t epoch = epoch_;
    // The name goes at once; a power cut before the end may bring it back.
    names_[name].live = nullptr;
    co_await sleep_for(latency(name));
    if (epoch != epoch_) {
        co_return error(errc::io_failed, "removing " + name + ": the machine lost power");
    }
    sim_name& entry = names_[name];
    entry.durable = nullptr;
    if (entry.live == nullptr) names_.erase(name);
    co_return ok();
}

task<result<void>> sim_disk_state::sync_directory(std::string directory) {
    const std::string wanted = normal(directory);
    const std::uint64_t epoch = epoch_;
    // Covers what was there when it was issued.
    std::vector<std::pair<std::string, std::shared_ptr<sim_inode>>> covered;
    for (const auto& [name, entry] : names_) {
        if (parent_of(name) == wanted) covered.emplace_back(name, entry.live);
    }
    co_await sleep_for(latency(wanted));
    if (epoch != epoch_) {
        co_return error(errc::io_failed, "syncing " + wanted + ": the machine lost power");
    }
    if (!directory_exists(wanted)) {
        co_return error(errc::not_found, "syncing " + wanted + ": no such directory");
    }
    for (const auto& [name, inode] : covered) {
        const auto found = names_.find(name);
        if (found != names_.end()) found->second.durable = inode;
    }
    co_return ok();
}

task<result<disk_space>> sim_disk_state::space(std::string directory) {
    const std::string wanted = normal(directory);
    co_await sleep_for(latency(wanted));
    if (!directory_exists(wanted)) {
        co_return error(errc::not_found, "asking the space of " + wanted + ": no such directory");
    }
    const std::uint64_t used = used_bytes();
    disk_space found;
    found.capacity_bytes = capacity_;
    found.free_bytes = used < capacity_ ? capacity_ - used : 0;
    found.filesystem_id = 1;
    co_return found;
}

void sim_disk_state::crash() {
    ++epoch_;
    // Anything between "nothing unflushed stayed" and "all of it did", so that both extremes occur.
    const std::uint64_t keep_percent = 25 * chance_.below(5);
    const std::uint64_t tear_percent = chance_.one_in(2) ? 0 : 10;
    for (const auto& [id, running] : running_writes_) {
        sim_image& image = running.inode->image;
        for (std::size_t done = 0; done < running.from.size(); done += page_size) {
            const std::uint64_t at = running.offset + done;
            if (chance_.one_in(2) && has_room(image, at, page_size)) {
                TC_MARK("sim_disk.write_in_flight_at_crash");
                image.write(at, running.from.subspan(done, page_size));
            }
        }
    }
    running_writes_.clear();
    for (auto& [name, entry] : names_) {
        if (entry.live != entry.durable && chance_.below(100) >= keep_percent) {
            TC_MARK("sim_disk.name_reverted_at_crash");
            entry.live = entry.durable;
        }
        entry.durable = entry.live;
        if (entry.live == nullptr) continue;
        entry.live->locked = false;
        entry.live->image.settle(keep_percent, tear_percent);
    }
    std::erase_if(names_, [](const auto& entry) { return entry.second.live == nullptr; });
}

void sim_disk_state::damage(const std::string& path, std::uint64_t offset, std::uint64_t length) {
    const auto inode = find(normal(path));
    TC_ASSERT_WHY(inode != nullptr, "a test damages a file that does not exist");
    inode->image.damage(offset, length);
}

std::vector<std::byte> sim_disk_state::contents(const std::string& path) {
    const auto inode = find(normal(path));
    TC_ASSERT_WHY(inode != nullptr, "a test reads a file that does not exist");
    std::vector<std::byte> bytes(inode->image.size());
    inode->image.read(0, bytes);
    return bytes;
}

std::vector<std::string> sim_disk_state::paths() {
    std::vector<std::string> found;
    for (const auto& [name, entry] : names_) {
        if (entry.live != nullptr) found.push_back(name);
    }
    return found;
}

}  // namespace

std::unique_ptr<sim_disk> make_sim_disk(random_source& chance) {
    return std::make_unique<sim_disk_state>(chance);
}

}  // namespace taicang
