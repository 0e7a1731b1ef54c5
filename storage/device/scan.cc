#include "storage/device/scan.h"

#include <algorithm>
#include <utility>

#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"

namespace taicang {

using device_format::superblock;

namespace {

task<result<void>> read_identity(environment& env, found_device& found) {
    std::string why;
    buffer copy = env.buffers.allocate(device_format::superblock_bytes);
    for (std::size_t i = 0; i < device_format::superblock_offsets.size(); ++i) {
        auto done = co_await found.file->read(device_format::superblock_offsets[i], copy.span());
        const std::string which =
            std::string(why.empty() ? "" : "; ") + "copy " + (i == 0 ? "A: " : "B: ");
        if (!done) {
            why += which + done.error().message;
            continue;
        }
        auto decoded = device_format::decode_superblock(copy.view());
        if (!decoded) {
            if (decoded.is(errc::version_unsupported)) co_return decoded.error();
            why += which + decoded.error().message;
        } else if (!found.identity || found.identity->epoch < decoded->epoch) {
            found.identity = *decoded;
        }
    }
    if (found.identity && !why.empty()) TC_MARK("device.one_superblock_copy");
    if (!found.identity) {
        co_return error(errc::corrupt, "neither superblock copy is readable (" + why +
                                           "); if this file never was a device, move it away");
    }
    co_return ok();
}

task<result<device_format::root>> read_root(environment& env, found_device& found, unsigned slot) {
    const std::uint64_t at = found.identity->parts.root_slot_offset(slot);
    buffer block = env.buffers.allocate(device_format::root_header_bytes);
    auto done = co_await found.file->read(at, block.span());
    if (!done) co_return done.error();
    auto header = device_format::decode_root_header(block.view());
    if (!header) co_return header.error();
    const std::size_t length =
        static_cast<std::size_t>(round_up(header->body_length, device_format::root_header_bytes));
    if (device_format::root_header_bytes + length > found.identity->parts.root_slot_bytes) {
        co_return error(errc::corrupt, "root: the body is longer than its slot");
    }
    buffer body = env.buffers.allocate(std::max(length, page_size));
    body.resize(length);
    if (length != 0) {
        done = co_await found.file->read(at + device_format::root_header_bytes, body.span());
        if (!done) co_return done.error();
    }
    co_return device_format::decode_root_body(*header, body.view());
}

task<result<void>> read_roots(environment& env, found_device& found) {
    for (unsigned slot = 0; slot < 2; ++slot) {
        auto root = co_await read_root(env, found, slot);
        if (root.is(errc::version_unsupported)) co_return root.error();
        if (!root) continue;
        if (root->header.hub != found.identity->hub || root->header.tier != found.identity->tier) {
            co_return error(errc::device_swapped,
                            "its root is of another hub or tier than its superblock; this file was "
                            "put together from two, move it away");
        }
        if (!found.newest || found.newest->header.position < root->header.position) {
            found.newest = std::move(*root);
            found.newest_slot = slot;
        }
    }
    co_return ok();
}

task<result<void>> examine(environment& env, found_device& found, open_mode mode) {
    auto identity = co_await read_identity(env, found);
    if (!identity) co_return identity;
    const device_format::feature_bits& bits = found.identity->features;
    const bool reading = mode == open_mode::existing_read;
    if (!(reading ? device_format::may_read(bits) : device_format::may_write(bits))) {
        TC_MARK("device.unknown_features");
        co_return error(errc::version_unsupported,
                        "a newer taicang wrote it (feature bits incompat " +
                            std::to_string(bits.incompat) + ", ro-compat " +
                            std::to_string(bits.ro_compat) +
                            " are not all known to this build); use that version");
    }
    co_return co_await read_roots(env, found);
}

}  // namespace

std::string join_path(std::string_view directory, std::string_view name) {
    std::string path(directory);
    if (!path.empty() && path.back() != '/') path += '/';
    path += name;
    return path;
}

task<result<directory_contents>> list_hub_directory(environment& env, std::string directory) {
    directory_contents contents;
    auto names = co_await env.files.list(directory);
    if (names.is(errc::not_found)) co_return contents;
    if (!names) co_return names.error().with_context("listing " + directory);
    for (std::string& name : *names) {
        if (name == format_marker_name) contents.format_marker = true;
        if (name.size() > device_file_suffix.size() && name.ends_with(device_file_suffix)) {
            contents.device_files.push_back(std::move(name));
        }
    }
    if (contents.device_files.size() > limits::device_files_max) {
        co_return error(errc::invalid_argument,
                        directory + " holds " + std::to_string(contents.device_files.size()) +
                            " device files, more than " + std::to_string(limits::device_files_max) +
                            "; move some away");
    }
    std::sort(contents.device_files.begin(), contents.device_files.end());
    co_return contents;
}

namespace {

/// A process that was killed keeps its locks until the kernel has taken down its ring, some time
/// after the process is gone for its parent: a restart waits for that.
task<result<std::unique_ptr<disk_file>>> open_when_free(environment& env, std::string path,
                                                        open_mode mode) {
    const nanoseconds until = env.home.monotonic_now() + limits::device_lock_patience_ns;
    for (;;) {
        auto file = co_await env.files.open(path, mode);
        if (!file.is(errc::busy) || env.home.monotonic_now() >= until) co_return file;
        TC_MARK("device.lock_waited");
        co_await sleep_for(limits::device_lock_poll_ns);
    }
}

}  // namespace

task<result<found_device>> scan_device(environment& env, std::string directory,
                                       std::string file_name, open_mode mode) {
    found_device found;
    found.path = join_path(directory, file_name);
    found.file_name = std::move(file_name);
    auto file = co_await open_when_free(env, found.path, mode);
    if (file.is(errc::busy)) {
        co_return error(errc::busy, "device " + found.path +
                                        " is in use by another process; stop that one first (a hub "
                                        "is served by one process at a time)");
    }
    if (!file) {
        found.trouble = file.error().with_context("opening it");
        co_return found;
    }
    found.file = std::move(*file);
    auto examined = co_await examine(env, found, mode);
    if (!examined) found.trouble = examined.error();
    auto space = co_await env.files.space(directory);
    if (space) found.filesystem_id = space->filesystem_id;
    co_return found;
}

task<result<std::vector<found_device>>> scan_devices(environment& env, std::string directory,
                                                     open_mode mode) {
    auto contents = co_await list_hub_directory(env, directory);
    if (!contents) co_return contents.error();
    std::vector<task<result<found_device>>> scans;
    for (const std::string& name : contents->device_files) {
        scans.push_back(scan_device(env, directory, name, mode));
    }
    auto scanned = co_await when_all(std::move(scans));
    std::vector<found_device> all;
    for (auto& each : scanned) {
        if (!each) co_return each.error();
        all.push_back(std::move(*each));
    }
    co_return all;
}

}  // namespace taicang
