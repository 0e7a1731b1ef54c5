#!/usr/bin/env python3
"""Power cuts under load, on a FUSE disk that holds writes until they are flushed.

A cut drops a random subset of the unflushed blocks, tears some, and fails everything after it; then
the server is killed and the power comes back. By default the whole data directory is on that disk,
devices, index and all; with --layout devices only the device files are.
"""

from harness import runner
from harness.fault_disk import fault_disk
from harness.rounds import crash_rounds


class power_cut:
    def __init__(self, run, layout):
        self.run = run
        self.disk = fault_disk(run)
        self.devices = self.disk.mount if layout == "devices" else None
        self.data = run.path("data") if layout == "devices" else f"{self.disk.mount}/data"

    def crash(self, hub, seed):
        figures = self.disk.cut(seed)
        hub.kill()
        self.disk.heal()
        for name, figure in figures.items():
            self.run.count(f"blocks_{name}" if name in ("kept", "dropped", "torn") else name,
                           figure)


def body(run):
    death = power_cut(run, run.arguments.layout)
    crash_rounds(run, death, run.arguments.rounds)
    # A test that cut nothing off has tested nothing.
    held = sum(run.figures.get(f"blocks_{name}", 0) for name in ("kept", "dropped", "torn"))
    if run.arguments.rounds >= 5 and held == 0:
        raise RuntimeError("no cut found an unflushed block: the fault disk was not in the way")


if __name__ == "__main__":
    parser = runner.parser(__doc__, rounds=50 if runner.LONG else 5)
    parser.add_argument("--layout", choices=("whole", "devices"), default="whole")
    arguments = parser.parse_args()
    runner.main("power_rounds", arguments, body, 120 + 30 * arguments.rounds)
