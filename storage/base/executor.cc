#include "storage/base/executor.h"

namespace taicang {

namespace {
thread_local executor* running_executor = nullptr;
}

executor& executor::current() {
    TC_ASSERT_WHY(running_executor != nullptr, "a task runs outside of any executor");
    return *running_executor;
}

executor* executor::current_or_null() noexcept {
    return running_executor;
}

executor::running_scope::running_scope(executor* running) noexcept : previous_(running_executor) {
    running_executor = running;
}

executor::running_scope::~running_scope() {
    running_executor = previous_;
}

}  // namespace taicang
