// The hub's status as JSON text. Pure; any thread.
#pragma once

#include <string>

#include "storage/hub/hub.h"

namespace taicang {

std::string status_json(const hub_status& status, std::string_view version);
std::string devices_json(const hub_status& status);
std::string jobs_json(const hub_status& status);
std::string buckets_json(const std::vector<bucket_row>& buckets);
std::string error_json(const error& why);
/// {"schema":1,"done":true}
std::string done_json();

}  // namespace taicang
