#!/usr/bin/env python3
"""Every pair of nvme devices lost, each on a fresh hub with RS 4+2: no failed and no wrong read,
writes go on, and `status` says that the code is narrower.

Three ways to lose a pair: overwritten with random bytes while serving, read errors (FUSE) while
serving, removed while stopped. The normal run gives each of the 15 pairs one way, TAICANG_LONG=1
all three.
"""

import itertools
import json
import os
import random
import shutil

from harness import runner
from harness.dataset import dataset, steady_reader, wait_until
from harness.fault_disk import fault_disk
from harness.history import violation
from harness.server import device_files, server

WAYS = ("overwritten", "read_errors", "removed")
NARROW_LIMIT_S = 30
PROBE_WRITES = 8
OVERWRITE_BYTES = 1 << 20


def nvme_part(status):
    """The row of the tier nvme in `status --json`."""
    for tier in status.get("tiers", []):
        if tier.get("tier") == "nvme":
            return tier
    raise violation(f"`status --json` has no tier nvme: {json.dumps(status)[:1500]}")


def says_narrowed(status):
    tier = nvme_part(status)
    return tier["k_now"] < tier["k_target"]


def overwrite(path, rng):
    """Random bytes over the whole file, superblocks included, in place."""
    noise = rng.randbytes(OVERWRITE_BYTES)
    with open(path, "r+b") as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            start = rng.randrange(OVERWRITE_BYTES // 2)
            left -= file.write(noise[start:start + min(left, OVERWRITE_BYTES // 2)])
        file.flush()
        os.fdatasync(file.fileno())


class pair_test:
    def __init__(self, run, pair, way):
        self.run = run
        self.pair = pair
        self.way = way
        self.random = random.Random(f"{run.seed} {pair} {way}")
        self.name = f"pair_{pair[0]}{pair[1]}_{way}"
        self.disk = None
        devices = None
        if way == "read_errors":
            self.disk = fault_disk(run, self.name, hold=False)
            devices = self.disk.mount
        self.data_directory = run.path(self.name)
        self.hub = server(run, self.data_directory, self.name, devices)
        files = device_files(self.data_directory, "nvme", devices)
        self.victims = [files[n] for n in pair]

    def lose(self):
        if self.way == "overwritten":
            for path in self.victims:
                overwrite(path, self.random)
        elif self.way == "read_errors":
            for path in self.victims:
                self.disk.tell(f"fault {os.path.basename(path)} read")
        else:
            self.hub.stop()
            for path in self.victims:
                os.unlink(path)
            self.hub.start()

    def play(self):
        self.hub.start()
        data = dataset(self.hub, self.random)
        data.make_bucket()
        data.load("before", small=40, large=4)
        if says_narrowed(self.hub.status()):
            raise violation(f"a whole hub already says that it is narrowed: {self.hub.status()}")
        for path in self.victims:
            if not os.path.exists(path):
                raise violation(f"the device file {path} is not there on a fresh hub")
        reader = None if self.way == "removed" else steady_reader(data).start()
        self.lose()
        writes = dataset(self.hub, self.random, bucket=data.bucket + "-after")
        writes.make_bucket()
        writes.load("after", small=20, large=3)
        data.check()
        self.wait_narrowed(writes)
        if reader is not None:
            reader.stop()
            self.run.count("passes_beside_the_loss", reader.passes)
        self.check(data, writes)
        self.hub.kill()
        self.hub.start()
        self.check(data, writes)
        self.wait_narrowed(writes)
        self.hub.check_alive()
        self.hub.stop()

    def wait_narrowed(self, writes):
        """A loss may be noticed only by I/O on the devices: there is some while we wait."""
        client = self.hub.client()

        def narrowed():
            for n in range(PROBE_WRITES):
                writes.put(client, f"probe/{n}", writes.next_value(200_000))
            writes.check(listing=False)
            return says_narrowed(self.hub.status())

        wait_until(f"{self.name}: status says that k is narrower (it says "
                   f"{json.dumps(nvme_part(self.hub.status()))[:1500]})", narrowed, NARROW_LIMIT_S)
        client.close()

    def check(self, data, writes):
        for one in (data, writes):
            keys, size = one.check()
            self.run.count("reads_checked", keys)
            self.run.count("mib_checked", size / (1 << 20))

    def remove(self):
        self.hub.kill()
        if self.disk is not None:
            self.disk.close()
            shutil.rmtree(self.disk.backing, ignore_errors=True)
        shutil.rmtree(self.data_directory, ignore_errors=True)


def body(run):
    pairs = list(itertools.combinations(range(6), 2))
    ways = WAYS if run.arguments.way == "all" else (run.arguments.way,)
    cases = [(pair, way) for pair in pairs for way in ways]
    if run.arguments.way == "all" and not runner.LONG:
        cases = [(pair, WAYS[(n + run.seed) % len(WAYS)]) for n, pair in enumerate(pairs)]
    if run.arguments.pair:
        wanted = tuple(int(digit) for digit in run.arguments.pair)
        cases = [(wanted, way) for way in ways]
    run.figures["cases"] = 0
    for pair, way in cases:
        test = pair_test(run, pair, way)
        try:
            test.play()
        except violation as reason:
            raise violation(f"devices {pair} {way}: {reason}") from reason
        test.remove()
        run.count("cases")


if __name__ == "__main__":
    parser = runner.parser(__doc__)
    parser.add_argument("--way", choices=WAYS + ("all",), default="all")
    parser.add_argument("--pair", default=None, help="one pair only, as two digits: 05")
    runner.main("device_pairs", parser.parse_args(), body, 1800 if runner.LONG else 600)
