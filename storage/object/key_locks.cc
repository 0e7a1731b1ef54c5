#include "storage/object/key_locks.h"

#include <algorithm>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"

namespace taicang {

struct key_locks::acquire {
    key_locks& owner;
    const std::string& name;
    bool await_ready() const { return owner.locks_.try_emplace(name).second; }
    void await_suspend(std::coroutine_handle<> handle) const {
        owner.locks_[name].push_back({handle, &executor::current()});
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

key_locks::~key_locks() {
    TC_ASSERT_WHY(locks_.empty(), "a name is still locked");
}

task<name_lock> key_locks::lock(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    name_lock held;
    held.owner_ = this;
    held.names_.reserve(names.size());
    for (std::string& name : names) {
        acquire waiter{*this, name};
        co_await waiter;
        held.names_.push_back(std::move(name));
    }
    co_return std::move(held);
}

void key_locks::unlock(const std::string& name) noexcept {
    const auto found = locks_.find(name);
    TC_ASSERT(found != locks_.end());
    if (found->second.empty()) {
        locks_.erase(found);
        return;
    }
    // The lock passes to the first waiter and stays held meanwhile.
    const waiting next = found->second.front();
    found->second.pop_front();
    next.home->post(next.handle);
}

namespace {
std::string classed(char order, std::string_view rest) {
    std::string name(1, order);
    name.append(rest);
    return name;
}
std::string number_bytes(std::uint64_t number) {
    std::string bytes(8, '\0');
    store_le(reinterpret_cast<std::byte*>(bytes.data()), number);
    return bytes;
}
}  // namespace

std::string key_locks::bucket_name(std::string_view name) {
    return classed('1', name);
}
std::string key_locks::key_name(bucket_id bucket, std::string_view key) {
    return classed('2', number_bytes(bucket.value).append(key));
}
std::string key_locks::upload_name(std::string_view upload_id) {
    return classed('3', upload_id);
}
std::string key_locks::blob_name(blob_id blob) {
    return classed('4', number_bytes(blob.value));
}

}  // namespace taicang
