// Reading what device files say about themselves: superblocks and root slots of every *.dev file of
// a directory. Threads: the shard's executor. Lifetime: results own their files (and the locks on
// them). Invariant: nothing is written here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/device/root_format.h"
#include "storage/device/superblock_format.h"
#include "storage/io/environment.h"

namespace taicang {

/// There from before the first device file until after the last first root of a format.
inline constexpr std::string_view format_marker_name = "format.in-progress";
inline constexpr std::string_view device_file_suffix = ".dev";

/// A device file as found. Without superblock, `trouble` says why it cannot be used.
struct found_device {
    std::string path;
    std::string file_name;
    std::unique_ptr<disk_file> file;
    std::optional<device_format::superblock> identity;
    std::optional<device_format::root> newest;  ///< of the slots that verify
    unsigned newest_slot = 1;
    std::optional<error> trouble;
    std::uint64_t filesystem_id = 0;
};

struct directory_contents {
    std::vector<std::string> device_files;  ///< names, sorted
    bool format_marker = false;
};

/// What is in a hub's directory; empty when it does not exist.
task<result<directory_contents>> list_hub_directory(environment& env, std::string directory);
/// Opens and reads one device file. Damage is in the value; errc::busy when another process holds
/// it.
task<result<found_device>> scan_device(environment& env, std::string directory,
                                       std::string file_name, open_mode mode);
/// Every device file of the directory, in order of name.
task<result<std::vector<found_device>>> scan_devices(environment& env, std::string directory,
                                                     open_mode mode);
std::string join_path(std::string_view directory, std::string_view name);

}  // namespace taicang
