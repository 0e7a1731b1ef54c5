// Effects and index rows as lines for people. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "storage/index/effects.h"

namespace taicang {

std::string effect_text(const any_effect& one);
std::string row_text(std::string_view key, std::string_view value);

}  // namespace taicang
