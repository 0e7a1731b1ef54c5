// What every disk checks before it touches anything, so that all of them refuse the same mistakes
// in the same words. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace taicang {

/// Offset, length and memory are multiples of page_size and the end is no overflow; else
/// errc::invalid_argument.
result<void> check_transfer(std::string_view what, const std::string& path, std::uint64_t offset,
                            std::uint64_t length, const void* memory);
/// The same for allocate and discard, which have no memory.
result<void> check_range(std::string_view what, const std::string& path, std::uint64_t offset,
                         std::uint64_t length);
/// errc::invalid_argument when a file opened read-only is to be changed.
result<void> check_writable(std::string_view what, const std::string& path, bool read_only);

/// "reading 4096 bytes at 8192 of nvme-0.dev", the start of every sentence about a transfer.
std::string describe_transfer(std::string_view what, const std::string& path, std::uint64_t offset,
                              std::uint64_t length);

}  // namespace taicang
