#include "storage/base/ids.h"

#include "storage/base/bytes.h"

namespace taicang {

std::string uuid::text() const {
    std::string hex = to_hex(bytes);
    for (const std::size_t at : {20U, 16U, 12U, 8U})
        hex.insert(at, 1, '-');
    return hex;
}

std::size_t uuid_hash::operator()(const uuid& id) const noexcept {
    // Version 4 uuids are random already; the multiplication keeps hand-made ones of tests apart.
    const std::uint64_t high = load_le<std::uint64_t>(id.bytes.data());
    const std::uint64_t low = load_le<std::uint64_t>(id.bytes.data() + 8);
    return static_cast<std::size_t>(high ^ (low * 0x9e3779b97f4a7c15ULL));
}

}  // namespace taicang
