#!/usr/bin/env python3
"""The index directory is removed while the hub serves.

RocksDB finds out at its next flush. Until then writes are acknowledged, and they are durable: they are
in the journal. From then on none is taken, the reason and the next command are told by `status` and
readiness, objects are still read, and the next start has every acknowledged write back.
"""

import os
import shutil

from harness import runner
from harness.dataset import dataset
from harness.history import violation
from harness.server import server

WRITES_MAX = 40_000  # a memtable of 4 MiB, many times over
MEMTABLE_MIB = 4


def expect(true, what):
    if not true:
        raise violation(what)


class index_removed_test:
    def __init__(self, run):
        self.run = run
        self.hub = server(run, run.path("hub"), "hub",
                          extra_environment={"TAICANG_INDEX_MEMTABLE_MIB": str(MEMTABLE_MIB)})
        self.data = dataset(self.hub, run.random)

    def write_until_refused(self):
        """Long names fill the memtable; every write until the first refused one must be kept."""
        client = self.hub.client()
        for number in range(WRITES_MAX):
            key = f"after/{number:06d}/" + "n" * 900
            answer, _, _ = self.data.try_put(client, key, self.data.next_value(100))
            if answer.status == 200:
                continue
            expect(answer.status in (500, 503), f"PUT without an index: {answer.describe()}")
            client.close()
            return number
        raise violation(f"{WRITES_MAX} writes were taken without an index on disk")

    def refusal_is_told(self):
        client = self.hub.client()
        answer, _, _ = self.data.try_put(client, "later", self.data.next_value(100))
        client.close()
        expect(answer.status == 503, f"a PUT after the failure: {answer.describe()}")
        status = self.hub.status()
        expect(status["health"] == "failed", f"health is {status['health']}")
        expect("index" in status["write_failure"], f"write_failure: {status['write_failure']!r}")
        told = [finding for finding in status["findings"] if "`taicang serve`" in finding]
        expect(told, f"no finding names the next command: {status['findings']}")
        code, why = self.hub.admin_get("/health/ready")
        expect(code == 503 and "index" in why, f"ready says {code} {why!r}")
        code, page = self.hub.admin_get("/metrics")
        expect("\ntaicang_writes_failed 1\n" in page, f"the metrics page ({code}) does not tell")

    def play(self):
        self.hub.start()
        self.data.make_bucket()
        self.data.load("before", small=40, large=4, uploads=1)
        shutil.rmtree(os.path.join(self.hub.data, "index"))
        self.run.figures["writes_taken_after"] = self.write_until_refused()
        self.refusal_is_told()
        self.hub.check_alive()
        self.hub.stop()
        self.run.figures["restart_s"] = round(self.hub.start(), 2)
        self.run.figures["keys"], _ = self.data.check(settle=True)
        self.hub.stop()
        self.hub.fsck()


if __name__ == "__main__":
    runner.main("index_removed", runner.parser(__doc__).parse_args(),
                lambda run: index_removed_test(run).play(), 200)
