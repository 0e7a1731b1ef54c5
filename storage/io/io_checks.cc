#include "storage/io/io_checks.h"

#include "storage/base/buffer.h"
#include "storage/base/limits.h"

namespace taicang {

std::string describe_transfer(std::string_view what, const std::string& path, std::uint64_t offset,
                              std::uint64_t length) {
    return std::string(what) + " " + std::to_string(length) + " bytes at " +
           std::to_string(offset) + " of " + path;
}

result<void> check_range(std::string_view what, const std::string& path, std::uint64_t offset,
                         std::uint64_t length) {
    // The kernel's offsets are signed.
    constexpr std::uint64_t end_max = std::uint64_t{1} << 62;
    if (offset % page_size == 0 && length % page_size == 0 && offset <= end_max &&
        length <= end_max) {
        return ok();
    }
    return error(errc::invalid_argument,
                 describe_transfer(what, path, offset, length) +
                     ": offset and length must be multiples of 4096 and below 2^62");
}

result<void> check_transfer(std::string_view what, const std::string& path, std::uint64_t offset,
                            std::uint64_t length, const void* memory) {
    TC_TRY(check_range(what, path, offset, length));
    if (reinterpret_cast<std::uintptr_t>(memory) % page_size != 0) {
        return error(errc::invalid_argument,
                     describe_transfer(what, path, offset, length) +
                         ": the memory must be aligned to 4096 (take it from a buffer_pool)");
    }
    if (length > limits::io_bytes_max) {
        return error(errc::invalid_argument, describe_transfer(what, path, offset, length) +
                                                 ": more than one operation may carry");
    }
    return ok();
}

result<void> check_writable(std::string_view what, const std::string& path, bool read_only) {
    if (!read_only) return ok();
    return error(errc::invalid_argument,
                 std::string(what) + " " + path + ": it was opened for reading only");
}

}  // namespace taicang
