#include "s3gw/auth/credentials.h"

#include <algorithm>
#include <mutex>

#include <openssl/crypto.h>

namespace taicang {

secret_text::secret_text(secret_text&& other) noexcept : text_(std::move(other.text_)) {
    // A short string is copied by a move; the source must not keep it.
    other.wipe();
}

secret_text& secret_text::operator=(secret_text&& other) noexcept {
    if (this != &other) {
        wipe();
        text_ = std::move(other.text_);
        other.wipe();
    }
    return *this;
}

void secret_text::wipe() noexcept {
    text_.resize(text_.capacity());
    OPENSSL_cleanse(text_.data(), text_.size());
    text_.clear();
}

void credential_store::put(credential value) {
    auto shared = std::make_shared<const credential>(std::move(value));
    const std::unique_lock held(lock_);
    by_access_key_[shared->access_key] = shared;
}

bool credential_store::remove(std::string_view access_key) {
    const std::unique_lock held(lock_);
    const auto found = by_access_key_.find(access_key);
    if (found == by_access_key_.end()) return false;
    by_access_key_.erase(found);
    return true;
}

std::shared_ptr<const credential> credential_store::find(std::string_view access_key) const {
    const std::shared_lock held(lock_);
    const auto found = by_access_key_.find(access_key);
    return found == by_access_key_.end() ? nullptr : found->second;
}

std::vector<std::string> credential_store::access_keys() const {
    std::vector<std::string> keys;
    {
        const std::shared_lock held(lock_);
        for (const auto& [key, value] : by_access_key_)
            keys.push_back(key);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

}  // namespace taicang
