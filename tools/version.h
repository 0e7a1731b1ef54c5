// The version of the binary. Values only.
#pragma once

#include <string_view>

namespace taicang {

inline constexpr std::string_view version_text = "0.1.0-dev";

}  // namespace taicang
