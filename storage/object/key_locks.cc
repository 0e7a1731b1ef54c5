#include "storage/object/key_locks.h"

#include <algorithm>
#include <iterator>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"

namespace taicang {

struct key_locks::acquire {
    key_locks& owner;
    const std::string& name;
    std::coroutine_handle<> handle;
    executor* home = nullptr;
    acquire* next = nullptr;

    bool await_ready() const { return owner.locks_.try_emplace(name).second; }
    void await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        home = &executor::current();
        queue& waiters = owner.locks_.find(name)->second;
        if (waiters.last != nullptr) {
            waiters.last->next = this;
        } else {
            waiters.first = this;
        }
        waiters.last = this;
    }
    void await_resume() const noexcept {}
};

name_lock& name_lock::operator=(name_lock&& other) noexcept {
    if (this != &other) {
        release();
        owner_ = std::exchange(other.owner_, nullptr);
        names_ = std::move(other.names_);
    }
    return *this;
}

void name_lock::release() noexcept {
    if (owner_ == nullptr) return;
    for (const std::string& name : names_)
        owner_->unlock(name);
    owner_ = nullptr;
    names_.clear();
}

void name_lock::absorb(name_lock other) {
    if (other.owner_ == nullptr) return;
    TC_ASSERT(owner_ == nullptr || owner_ == other.owner_);
    owner_ = std::exchange(other.owner_, nullptr);
    names_.insert(names_.end(), std::make_move_iterator(other.names_.begin()),
                  std::make_move_iterator(other.names_.end()));
    other.names_.clear();
}

key_locks::~key_locks() {
    TC_ASSERT_WHY(locks_.empty(), "a name is still locked");
}

task<name_lock> key_locks::lock(std::vector<std::string> names) {
    if (names.size() > 1) {
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
    }
    name_lock held;
    held.owner_ = this;
    held.names_.reserve(names.size());
    for (std::string& name : names) {
        acquire waiter{*this, name, {}};
        co_await waiter;
        held.names_.push_back(std::move(name));
    }
    co_return std::move(held);
}

void key_locks::unlock(const std::string& name) noexcept {
    const auto found = locks_.find(name);
    TC_ASSERT(found != locks_.end());
    queue& waiters = found->second;
    if (waiters.first == nullptr) {
        locks_.erase(found);
        return;
    }
    // The lock passes to the first waiter and stays held meanwhile.
    acquire* next = waiters.first;
    waiters.first = next->next;
    if (waiters.first == nullptr) waiters.last = nullptr;
    next->home->post(next->handle);
}

namespace {
std::string classed(char order, std::string_view rest) {
    std::string name;
    name.reserve(rest.size() + 1);
    name.push_back(order);
    name.append(rest);
    return name;
}
/// A class byte and a number, with room for text behind it.
std::string numbered(char order, std::uint64_t number, std::size_t room) {
    std::string name;
    name.reserve(1 + sizeof(number) + room);
    name.push_back(order);
    name.append(sizeof(number), '\0');
    store_le(reinterpret_cast<std::byte*>(name.data() + 1), number);
    return name;
}
}  // namespace

std::string key_locks::bucket_name(std::string_view name) {
    return classed('1', name);
}
std::string key_locks::key_name(bucket_id bucket, std::string_view key) {
    std::string name = numbered('2', bucket.value, key.size());
    name.append(key);
    return name;
}
std::string key_locks::upload_name(std::string_view upload_id) {
    return classed('3', upload_id);
}
std::string key_locks::blob_name(blob_id blob) {
    return numbered('4', blob.value, 0);
}

}  // namespace taicang
