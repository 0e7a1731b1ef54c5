// What the inspect verbs print with: JSON that survives bytes which are no UTF-8 (names come from
// clients and from damaged devices), and the sentence and exit code of a failure. Any thread.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "storage/base/result.h"

namespace taicang {

/// Bytes that are no UTF-8 are replaced. `indent` as nlohmann::json::dump().
std::string json_text(const nlohmann::json& document, int indent);
/// The sentence to stderr; the exit code.
int inspect_failed(const error& why);

}  // namespace taicang
