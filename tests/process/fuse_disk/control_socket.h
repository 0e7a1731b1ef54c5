// The control socket of a fault disk: one text command a line, one line of answer ("ok ..." or
// "error ...").
//
//   cut SEED [DROP_PERCENT TEAR_PERCENT]   power off: lose a random part of what is not flushed
//   heal                                   power on again (handles opened before stay dead)
//   hold on|off                            hold writes until flushed, or pass them through
//   fault FILE read|write|flush|all        answer EIO from now on; FILE is a path below the mount
//   delay FILE MS                          every operation on FILE waits
//   slow FILE KIB_PER_S                    every operation on FILE takes bytes / rate
//   clear FILE|*                           no faults
//   stat                                   figures
//
// Threads: one thread of its own, one client at a time. Lifetime: from construction to destruction,
// inside that of the disk_state.
#pragma once

#include <string>
#include <thread>

#include "tests/process/fuse_disk/disk_state.h"

namespace taicang::fuse_disk {

// The answer to one command line; separate from the socket so that tests can call it.
std::string run_command(disk_state& disk, const std::string& line);

class control_socket {
  public:
    control_socket(disk_state& disk, const std::string& path);
    ~control_socket();
    control_socket(const control_socket&) = delete;
    control_socket& operator=(const control_socket&) = delete;

    bool listening() const { return listener_ >= 0; }

  private:
    void serve();
    void serve_client(int client);

    disk_state& disk_;
    const std::string path_;
    int listener_ = -1;
    std::thread thread_;
};

}  // namespace taicang::fuse_disk
