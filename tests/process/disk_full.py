#!/usr/bin/env python3
"""The disk runs full: writes get a clear error, nothing acknowledged is lost, reads, lists and
deletes go on, a restart comes up, and deletes give room again."""

import time

from harness import runner
from harness.dataset import dataset, wait_until
from harness.fault_disk import loop_file_system
from harness.history import ABSENT, violation
from harness.s3_client import not_sent, outcome_unknown
from harness.server import server

VOLUME_MIB = 1536
SIZES = (4 << 20, 1 << 20, 200_000, 20_000, 1000)
REFUSALS_TO_BE_FULL = 4
FULL_CODES = ("InsufficientCapacity", "InsufficientStorage", "InsufficientStorageCapacity",
              "StorageFull", "XMinioStorageFull", "QuotaExceeded", "SlowDown",
              "ServiceUnavailable")
FULL_STATUS = (507, 503)
ANSWER_LIMIT_S = 20
ROOM_LIMIT_S = 60
REFILL_SHARE = 0.25


class full_disk_test:
    def __init__(self, run):
        self.run = run
        self.volume = loop_file_system(run, "ext4", run.arguments.size_mib)
        self.hub = server(run, f"{self.volume.mount_point}/data")
        self.data = dataset(self.hub, run.random)
        self.number = 0

    def fill(self, label):
        """Writes until nothing of any size is taken any more. Returns the bytes it took."""
        client = self.hub.client()
        before = self.data.bytes
        for size in SIZES:
            refusals = 0
            while refusals < REFUSALS_TO_BE_FULL:
                self.number += 1
                key = f"{label}/{size}/{self.number:06d}"
                refusals = 0 if self.put(client, key, size) else refusals + 1
                # Small objects may fit for ever into a reserve; some thousands prove enough.
                if size <= 20_000 and self.number % 2000 == 0:
                    break
        client.close()
        return self.data.bytes - before

    def put(self, client, key, size):
        """True when it was taken; a violation unless it was refused in the right words."""
        started = time.monotonic()
        try:
            answer, _, _ = self.data.try_put(client, key, self.data.next_value(size))
        except (not_sent, outcome_unknown) as error:
            self.hub.check_alive()
            raise violation(f"PUT on a full disk broke the connection: {error}") from error
        took = time.monotonic() - started
        if took > ANSWER_LIMIT_S:
            raise violation(f"an answer on a full disk took {took:.1f} s: {answer.describe()}")
        if answer.status == 200:
            return True
        self.run.count(f"refused_{answer.status}_{answer.error_code()}")
        if answer.status not in FULL_STATUS or answer.error_code() not in FULL_CODES:
            raise violation(f"a PUT of {size} bytes on a full disk got {answer.describe()}; "
                            f"{FULL_STATUS} with one of {FULL_CODES} is clear")
        return False

    def free(self, share):
        """Deletes a share of what is there, large ones first. Returns the bytes deleted."""
        client = self.hub.client()
        freed = 0
        present = []
        for key, history in self.data.histories.items():
            sure, content = history.certain()
            if sure and content is not ABSENT:
                present.append((content.size, key))
        present.sort(reverse=True)
        goal = share * sum(size for size, _ in present)
        for size, key in present:
            if freed >= goal:
                break
            self.data.delete(client, key)
            freed += size
        client.close()
        return freed

    def play(self):
        self.hub.start()
        self.data.make_bucket()
        self.run.figures["filled_mib"] = self.fill("one") >> 20
        if self.run.figures["filled_mib"] * 8 < self.run.arguments.size_mib:
            raise violation(f"full after only {self.run.figures['filled_mib']} MiB of objects on "
                            f"a volume of {self.run.arguments.size_mib} MiB")
        self.data.check()
        self.hub.check_alive()
        # Full, killed, and started again: still all there, still refusing clearly.
        self.hub.kill()
        self.run.figures["restart_full_s"] = self.hub.start()
        self.data.check(settle=True)
        freed = self.free(0.5)
        self.run.figures["deleted_mib"] = freed >> 20
        self.wait_for_room()
        taken = self.refill(freed * REFILL_SHARE)
        self.run.figures["refilled_mib"] = taken >> 20
        keys, _ = self.data.check(settle=True)
        self.run.figures["keys"] = keys
        self.hub.stop()
        self.hub.fsck()
        self.hub.start()
        self.data.check(settle=True)
        self.hub.stop()

    def wait_for_room(self):
        started = time.monotonic()
        client = self.hub.client()

        def taken():
            self.number += 1
            return self.put(client, f"room/{self.number}", 1 << 20)

        wait_until("room for 1 MiB after deletes", taken, ROOM_LIMIT_S, 0.2)
        client.close()
        self.run.figures["room_after_s"] = time.monotonic() - started

    def refill(self, goal):
        """Space that was freed can be used again, at the latest when reclaim has caught up."""
        before = self.data.bytes
        client = self.hub.client()

        def enough():
            while self.data.bytes - before < goal:
                self.number += 1
                if not self.put(client, f"two/{self.number:06d}", 1 << 20):
                    return False
            return True

        wait_until(f"{int(goal) >> 20} MiB of the freed space usable again", enough, ROOM_LIMIT_S,
                   0.2)
        client.close()
        return self.data.bytes - before


if __name__ == "__main__":
    parser = runner.parser(__doc__)
    parser.add_argument("--size-mib", type=int, default=VOLUME_MIB)
    runner.main("disk_full", parser.parse_args(), lambda run: full_disk_test(run).play(), 420)
