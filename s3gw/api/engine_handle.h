// Owns an object of the engine's executor from a worker's: it is destroyed over there, whatever
// happens here. Threads: any one at a time. Lifetime: the engine outlives it.
#pragma once

#include <memory>
#include <utility>

#include "storage/base/executor.h"

namespace taicang {

template <class T>
class engine_handle {
  public:
    engine_handle() = default;
    engine_handle(executor& engine, std::unique_ptr<T> held)
        : engine_(&engine), held_(std::move(held)) {}
    engine_handle(engine_handle&& other) noexcept
        : engine_(std::exchange(other.engine_, nullptr)), held_(std::move(other.held_)) {}
    engine_handle& operator=(engine_handle&& other) noexcept {
        if (this != &other) {
            drop();
            engine_ = std::exchange(other.engine_, nullptr);
            held_ = std::move(other.held_);
        }
        return *this;
    }
    ~engine_handle() { drop(); }
    T* operator->() const noexcept { return held_.get(); }
    T& operator*() const noexcept { return *held_; }
    explicit operator bool() const noexcept { return held_ != nullptr; }

  private:
    void drop() noexcept {
        if (held_) engine_->post([gone = std::move(held_)]() mutable { gone.reset(); });
    }
    executor* engine_ = nullptr;
    std::unique_ptr<T> held_;
};

}  // namespace taicang
