// What the hub's figures mean to an admin: a health code and sentences, each ending with the next
// command to type. Pure; any thread.
#pragma once

#include <string>

#include "storage/hub/hub.h"

namespace taicang {

/// Sets `health` and `findings` from the other fields.
void judge(hub_status& status);

/// Why the hub cannot take reads and writes, a sentence; empty when it can.
std::string unready_reason(const hub_status& status);

}  // namespace taicang
