// One device on a disk_file: extents, shared flushes, superblock copies and root slots. Implements
// extent_device. Threads: the shard's executor. Lifetime: owned by its device_set, which closes it
// (close()) before it dies; the guardian outlives it. Invariants: after a failed write or flush
// nothing is written any more and every call answers device_fenced; an entry of the directory is
// written after the space it names is allocated; blocks of the directory are written one at a time.
#pragma once

#include <coroutine>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/metrics.h"
#include "storage/device/directory.h"
#include "storage/device/extent_device.h"
#include "storage/device/superblock_format.h"
#include "storage/io/environment.h"

namespace taicang {

/// What the devices of a tier count together.
struct device_metrics {
    device_metrics(metric_registry& registry, std::string_view tier);
    metric_counter& reads;
    metric_counter& read_bytes;
    metric_counter& read_errors;
    metric_counter& writes;
    metric_counter& write_bytes;
    metric_counter& flushes;
    metric_counter& fences;
    metric_histogram& read_latency;
    metric_histogram& write_latency;
    metric_histogram& flush_latency;
};

/// Who is told, synchronously, that a device failed.
class device_guardian {
  public:
    device_guardian() = default;
    device_guardian(const device_guardian&) = delete;
    device_guardian& operator=(const device_guardian&) = delete;
    virtual ~device_guardian() = default;
    virtual void device_failed(const uuid& id, std::string reason) = 0;
};

struct file_device_parts {
    std::string label;  ///< file name, for messages
    std::unique_ptr<disk_file> file;
    device_format::superblock identity;
    unsigned newest_root_slot = 1;  ///< the other one is written next
    bool read_only = false;
};

class file_device final : public extent_device {
  public:
    file_device(environment& env, device_guardian& guardian, device_metrics& metrics,
                file_device_parts parts);

    /// Reads the directory. errc::io_failed. Call once, before anything else.
    task<result<void>> load();
    /// Waits for operations in flight; later ones answer errc::stopped.
    task<void> close();
    /// Every call from now on answers device_fenced.
    void fence(std::string reason);

    /// Writes a root (encode_root's bytes) to the older slot and flushes it.
    task<result<void>> write_root(std::string image);
    /// Writes the superblock with a new epoch: copy A, flush, copy B, flush, so that one copy is
    /// whole at any instant.
    task<result<void>> write_epoch(membership_epoch epoch);
    /// Reads the superblock back; fences when no copy verifies or names another device.
    task<result<void>> verify_superblock();

    [[nodiscard]] const device_format::superblock& identity() const { return identity_; }
    [[nodiscard]] const std::string& label() const { return label_; }
    [[nodiscard]] bool fenced() const { return fenced_; }
    [[nodiscard]] std::uint64_t bytes_used() const;
    /// Space of freed extents that the device did not give back to its file system.
    [[nodiscard]] std::uint64_t bytes_kept() const;
    [[nodiscard]] std::uint64_t bytes_capacity() const;
    [[nodiscard]] const extent_directory& directory() const { return directory_; }

    [[nodiscard]] const uuid& id() const override { return identity_.device; }
    [[nodiscard]] std::uint64_t extent_bytes() const override {
        return identity_.parts.extent_bytes;
    }
    task<result<extent_info>> create(extent_name name, extent_purpose purpose) override;
    task<result<void>> write(extent_name name, std::uint64_t offset, bytes_view from) override;
    task<result<void>> read(extent_name name, std::uint64_t offset, bytes_span into) override;
    task<result<void>> flush() override;
    task<result<void>> seal(extent_name name, std::uint64_t length) override;
    task<result<void>> remove(extent_name name) override;
    [[nodiscard]] std::vector<extent_info> list() const override { return directory_.list(); }
    [[nodiscard]] std::uint64_t free_extents() const override;
    [[nodiscard]] std::uint64_t total_extents() const override {
        return identity_.parts.capacity_extents;
    }

  private:
    /// One fdatasync and all who wait for it.
    struct flush_round {
        struct waiter {
            flush_round& round;
            bool await_ready() const noexcept { return round.over; }
            void await_suspend(std::coroutine_handle<> handle) const {
                round.waiting.push_back(handle);
            }
            void await_resume() const noexcept {}
        };
        /// Resumes them at once, not through the queue.
        void end();
        bool over = false;
        result<void> outcome;
        std::vector<std::coroutine_handle<>> waiting;
    };
    /// Holds the device open, and a place against reuse, while an operation is in flight.
    class operation {
      public:
        explicit operation(file_device& owner)
            : owner_(owner), entered_(owner.operations_.try_enter()) {}
        operation(const operation&) = delete;
        operation& operator=(const operation&) = delete;
        ~operation() {
            if (place_) owner_.end_use(*place_);
            if (entered_) owner_.operations_.leave();
        }
        [[nodiscard]] bool entered() const noexcept { return entered_; }
        void use(std::uint64_t place) {
            place_ = place;
            ++owner_.in_use_[place];
        }

      private:
        file_device& owner_;
        bool entered_;
        std::optional<std::uint64_t> place_;
    };

    result<void> usable(bool for_writing) const;
    [[nodiscard]] error fenced_error() const;
    [[nodiscard]] error closed_error() const;
    error at_fault(std::string_view doing, const error& cause);
    result<std::uint64_t> place_for(const extent_name& name, std::uint64_t offset,
                                    std::uint64_t length, bool for_writing) const;
    /// A write whose failure fences; no_space passes through.
    task<result<void>> put(std::uint64_t at, bytes_view from, const char* doing);
    task<result<void>> take_space(std::uint64_t place, extent_purpose purpose);
    task<result<void>> leave_reserve(extent_purpose purpose, std::uint64_t needed_bytes);
    task<result<void>> zero_fill(std::uint64_t place);
    /// Of the file system the device's file is on.
    task<result<disk_space>> file_system_space();
    /// Whether freed space may stay with the device, for all that its file system knows.
    task<bool> file_system_is_roomy();
    /// Gives the kept space of free places back to the file system, all but the journal's few.
    task<void> return_kept_space();
    /// Gives one place's space back. A hint: where it fails, the bytes are used again with the
    /// place.
    task<void> return_space(std::uint64_t place);
    [[nodiscard]] bool written_nearly_whole(std::uint64_t place) const;
    task<result<void>> create_on(std::uint64_t place, extent_name name, extent_purpose purpose);
    task<result<void>> write_entry(std::uint64_t place);
    task<result<void>> join_flush();
    task<void> run_flushes();
    void end_use(std::uint64_t place);
    task<void> wait_unused(std::uint64_t place);

    environment& env_;
    device_guardian& guardian_;
    device_metrics& metrics_;
    std::string label_;
    std::unique_ptr<disk_file> file_;
    device_format::superblock identity_;
    extent_directory directory_;
    async_mutex directory_writes_;
    std::set<extent_name> creating_;
    std::unordered_map<std::uint64_t, std::uint32_t> in_use_;
    std::unordered_map<std::uint64_t, std::shared_ptr<event>> draining_;
    std::shared_ptr<flush_round> next_flush_;
    bool flushing_ = false;
    bool journal_written_ = false;  ///< since the last flush was issued
    unsigned newest_root_slot_;
    bool read_only_;
    bool fenced_ = false;
    std::string fence_reason_;
    gate operations_;
    gate flushers_;
};

}  // namespace taicang
