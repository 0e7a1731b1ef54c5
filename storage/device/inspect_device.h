// Everything that can be read from one device file, for `taicang inspect superblock FILE`: copies,
// slots, directory. Threads: the shard's executor. Lifetime: none beyond the call. Opens for
// reading only and takes no lock, so a device in use may be looked at (what is read then may be
// torn).
#pragma once

#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/device/inspect.h"
#include "storage/io/environment.h"

namespace taicang {

struct inspected_part {
    std::string title;  ///< "superblock A", "root slot 0", "directory"
    device_format::field_list fields;
};

/// Damage is in the fields; errors are those of opening the file. Without a superblock that can be
/// used, only the two copies. The directory begins with what stands on its places, counted; places
/// that are free are left out after that.
task<result<std::vector<inspected_part>>> inspect_device(environment& env, std::string path);

}  // namespace taicang
