// What names may be: buckets by S3's rules for general purpose buckets, keys by length. Pure
// functions; any thread.
#pragma once

#include <string_view>

#include "storage/base/result.h"

namespace taicang {

/// errc::bucket_name_invalid with the rule that is broken.
result<void> check_bucket_name(std::string_view name);
/// errc::invalid_argument when empty, errc::key_too_long above limits::key_bytes_max.
result<void> check_key(std::string_view key);

}  // namespace taicang
