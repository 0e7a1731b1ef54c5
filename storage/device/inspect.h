// What the formats of this room hold, as lines for people and for `taicang inspect superblock
// --json`. Values and pure functions; any thread. Free of coroutines and I/O.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/device/directory_format.h"
#include "storage/device/membership_format.h"
#include "storage/device/root_format.h"
#include "storage/device/superblock_format.h"

namespace taicang::device_format {

/// Name and value, in the order of the format.
using field_list = std::vector<std::pair<std::string, std::string>>;

field_list fields_of(const superblock& from);
/// Header, the sections' names and sizes, and the members.
field_list fields_of(const root& from);
field_list fields_of(const membership& from);
field_list fields_of(const directory_entry& from);

/// Decodes a copy of 4 KiB; an error is a field named "damage".
field_list inspect_superblock(bytes_view copy);
/// Decodes a slot: header block and body.
field_list inspect_root(bytes_view slot);
/// Decodes a directory block of 4 KiB; one line a place that is live or damaged, with prefix "place
/// N ".
field_list inspect_directory_block(bytes_view block, const uuid& device, std::uint64_t first_place,
                                   std::uint64_t places);

}  // namespace taicang::device_format
