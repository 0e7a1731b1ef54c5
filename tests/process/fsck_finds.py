#!/usr/bin/env python3
"""What `fsck` finds: nothing on a whole hub; with --read-data, each chunk that reads decode around.

Blocks of a device file are overwritten while the hub is stopped. Every object is still right, since
others give its bytes; an fsck that only reads objects would call that clean. Whatever it meets, it
takes no device out of service: its good chunks may be needed.
"""

import os

from harness import runner
from harness.dataset import dataset
from harness.history import violation
from harness.server import device_files, server

EXIT_FAILED = 1
MIB = 1 << 20
OBJECTS = 300  # their wrong blocks are more than a serving device may give before it is fenced
OBJECT_BYTES = 200 << 10  # in stripes, each in a run of its own
KEPT_BYTES = 24 * MIB  # at both ends: superblocks, roots, the directory


def rot(path, random):
    """A wrong block in every 16 KiB of what the file's extents hold."""
    with open(path, "r+b") as file:
        for at in range(KEPT_BYTES, os.fstat(file.fileno()).st_size - KEPT_BYTES, 16 << 10):
            file.seek(at)
            file.write(random.randbytes(4096))


class fsck_test:
    def __init__(self, run):
        self.run = run
        self.hub = server(run, run.path("hub"), "hub")
        self.data = dataset(self.hub, run.random)

    def fsck(self, *words):
        done = self.hub.cli("fsck", "--data", self.hub.data, *words)
        return done.returncode, done.stdout + done.stderr

    def play(self):
        self.hub.start()
        self.data.make_bucket()
        client = self.hub.client()
        for number in range(OBJECTS):
            self.data.put(client, f"large/{number}", self.data.next_value(OBJECT_BYTES))
        client.close()
        self.hub.stop()
        code, said = self.fsck("--read-data")
        if code != 0:
            raise violation(f"a whole hub is not clean: exit {code}, {said}")
        rot(device_files(self.hub.data)[1], self.run.random)
        code, said = self.fsck("--read-data")
        if code != EXIT_FAILED or "cannot be read or is wrong; reads decode around it" not in said:
            raise violation(f"rotten chunks pass: exit {code}, {said}")
        self.run.figures["told"] = said.count("reads decode around it")
        self.hub.start()
        out = [row["path"] for row in self.hub.devices() if row["state"] != "active"]
        if out:
            raise violation(f"checking a hub took {out} out of service")
        self.data.check()
        self.hub.stop()


if __name__ == "__main__":
    runner.main("fsck_finds", runner.parser(__doc__).parse_args(), lambda run: fsck_test(run).play(),
                120)
