// Exclusive locks on names: the things a decision rests on. Classes are locked in the order bucket
// names < keys < uploads < blobs (the names' first byte orders them), and names of one call in
// sorted order, so there is no deadlock. Threads: the shard's executor. Lifetime: outlives every
// name_lock. A waiter is a link in its own coroutine's frame, so waiting needs no allocation.
#pragma once

#include <coroutine>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/base/executor.h"
#include "storage/base/ids.h"
#include "storage/base/task.h"

namespace taicang {

class key_locks;

/// Holds names until destroyed or released.
class [[nodiscard]] name_lock {
  public:
    name_lock() = default;
    name_lock(name_lock&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), names_(std::move(other.names_)) {}
    name_lock& operator=(name_lock&& other) noexcept;
    ~name_lock() { release(); }
    void release() noexcept;
    /// Takes over what the other holds.
    void absorb(name_lock other);

  private:
    friend class key_locks;
    key_locks* owner_ = nullptr;
    std::vector<std::string> names_;
};

class key_locks {
  public:
    key_locks() = default;
    key_locks(const key_locks&) = delete;
    key_locks& operator=(const key_locks&) = delete;
    ~key_locks();

    /// Waits for every holder before. Duplicates are fine.
    task<name_lock> lock(std::vector<std::string> names);
    [[nodiscard]] std::size_t held() const noexcept { return locks_.size(); }

    // Names by class, in lock order.
    /// Names of creation and deletion of a bucket come first of all.
    static std::string bucket_name(std::string_view name);
    static std::string key_name(bucket_id bucket, std::string_view key);
    static std::string upload_name(std::string_view upload_id);
    static std::string blob_name(blob_id blob);

  private:
    friend class name_lock;
    struct acquire;
    /// Who waits for a held name, in order of arrival.
    struct queue {
        acquire* first = nullptr;
        acquire* last = nullptr;
    };
    void unlock(const std::string& name) noexcept;
    std::unordered_map<std::string, queue> locks_;  // a name is present while held
};

}  // namespace taicang
