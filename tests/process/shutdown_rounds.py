#!/usr/bin/env python3
"""Power cuts on real file systems: ext4 and XFS on a loop device, shut down by their ioctl without
a flush of their log, then the server killed, the file system mounted again and recovered."""

from harness import runner
from harness.fault_disk import loop_file_system
from harness.rounds import crash_rounds

VOLUME_MIB = 6144


class file_system_shutdown:
    devices = None

    def __init__(self, run, kind):
        self.volume = loop_file_system(run, kind, VOLUME_MIB)
        self.data = f"{self.volume.mount_point}/data"

    def crash(self, hub, _seed):
        self.volume.shut_down()
        hub.kill()
        self.volume.unmount()
        self.volume.mount()


def body(run):
    for kind in run.arguments.kinds.split(","):
        crash_rounds(run, file_system_shutdown(run, kind), run.arguments.rounds)


if __name__ == "__main__":
    parser = runner.parser(__doc__, rounds=5 if runner.LONG else 2)
    parser.add_argument("--kinds", default="ext4,xfs")
    arguments = parser.parse_args()
    runner.main("shutdown_rounds", arguments, body, 240 + 60 * arguments.rounds)
