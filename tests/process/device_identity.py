#!/usr/bin/env python3
"""Devices are known by what they are, never by their path; and the index can always be rebuilt.

- the index directory removed while stopped: all is back at the next start;
- a foreign device file, a clone of another, a stale copy put back: refused with a sentence (the hub
  goes on without it, or does not start and says why), and never a wrong or failed read;
- a device that was away and comes back with all it had may rejoin (docs/decisions);
- two of a hub's own files with their names swapped: refused with a sentence, or served right;
- fewer devices than m+1: no start, until the loss is accepted; then it lives, reads, refuses writes, and
  says so: not ready, health failed, each lost device named.
"""

import os
import re
import shutil

from harness import runner
from harness.dataset import dataset, wait_until
from harness.history import violation
from harness.server import READY_LIMIT_S, copy_tree, device_files, server, start_failed

SENTENCE_WORDS_MIN = 5
IN_USE = "active"


class identity_test:
    def __init__(self, run):
        self.run = run
        self.home = run.path("hub")
        self.kept = run.path("hub.whole")
        self.hub = server(run, self.home, "hub")
        self.data = dataset(self.hub, run.random)
        self.files = device_files(self.home)

    def prepare(self):
        self.hub.start()
        self.data.make_bucket()
        self.data.load("first")
        self.hub.stop()
        copy_tree(self.home, self.kept)

    def restore(self):
        copy_tree(self.kept, self.home)

    def start_and_check(self):
        self.hub.start()
        self.data.check()
        self.hub.stop()

    # Cases

    def index_removed(self):
        index = os.path.join(self.home, "index")
        if not os.path.isdir(index):
            raise violation(f"{index} is not there: the contract of names says it is")
        shutil.rmtree(index)
        self.start_and_check()
        self.hub.start()
        client = self.hub.client()
        self.data.put(client, "after the index was rebuilt", self.data.next_value(1000))
        client.close()
        self.hub.kill()
        shutil.rmtree(index)
        self.start_and_check()

    def foreign(self):
        other = server(self.run, self.run.path("other"), "other")
        other.start()
        stranger = dataset(other, self.run.random)
        stranger.make_bucket()
        stranger.load("strange", small=20, large=2, uploads=0)
        other.stop()
        shutil.copyfile(device_files(self.run.path("other"))[2], self.files[2])
        self.refused([self.files[2]], allow_served=False)

    def cloned(self):
        shutil.copyfile(self.files[0], self.files[1])
        self.refused([self.files[0], self.files[1]], allow_served=False)

    def swapped(self):
        spare = self.files[3] + ".spare"
        os.rename(self.files[3], spare)
        os.rename(self.files[4], self.files[3])
        os.rename(spare, self.files[4])
        self.refused([self.files[3], self.files[4]], allow_served=True)

    def work_on(self, batch):
        """Starts, adds and overwrites, stops."""
        self.hub.start()
        self.data.load(batch, small=30, large=4, uploads=1)
        client = self.hub.client()
        for key in [key for key in self.data.histories if key.startswith("first/small")][:20]:
            self.data.put(client, key, self.data.next_value(5000))
        client.close()
        self.hub.stop()

    def returned(self):
        """A device that the hub has gone on without comes back with all it had: it may rejoin, and
        every read is right."""
        aside = self.run.path("returned.dev")
        os.rename(self.files[5], aside)
        self.work_on("while it was away")
        os.rename(aside, self.files[5])
        self.refused([self.files[5]], allow_served=True)

    def stale(self):
        """An older copy of a device that the hub has gone on without: it lacks what was written
        between the copy and the parting."""
        aside = self.run.path("stale.dev")
        shutil.copyfile(self.files[5], aside)
        self.work_on("after the copy")
        os.remove(self.files[5])
        self.work_on("while it was away")
        os.rename(aside, self.files[5])
        self.refused([self.files[5]], allow_served=False)

    def older_copy(self):
        """The same, but the hub never missed it: only what it holds is old. Reads must be right."""
        aside = self.run.path("older.dev")
        shutil.copyfile(self.files[1], aside)
        self.hub.start()
        self.data.load("after the copy", small=30, large=4, uploads=1)
        self.hub.stop()
        os.replace(aside, self.files[1])
        self.refused([self.files[1]], allow_served=True)

    def accepted_loss(self):
        lost = self.files[2:]
        for path in lost:
            os.remove(path)
        self.refused_to_start("--accept-loss")
        hub = server(self.run, self.home, "accepting", extra_arguments=["--accept-loss"])
        hub.launch()
        wait_until("live after --accept-loss", lambda: hub.admin_get("/health/live")[0] == 200,
                   READY_LIMIT_S * self.run.arguments.slow)
        wait_until("the reason why it is not ready",
                   lambda: "writes are refused" in hub.admin_get("/health/ready")[1],
                   READY_LIMIT_S * self.run.arguments.slow)
        code, why = hub.admin_get("/health/ready")
        if code != 503 or "`taicang status`" not in why:
            raise violation(f"ready says {code} {why!r} with {len(lost)} devices lost")
        status = hub.status()
        findings = "\n".join(status["findings"])
        if status["health"] != "failed":
            raise violation(f"health is {status['health']}: {findings}")
        for path in lost:
            if os.path.basename(path) not in findings:
                raise violation(f"no finding names {path}: {findings}")
        client = hub.client()
        answer = client.put(self.data.bucket, "refused", [b"x"], {})
        client.close()
        if answer.status != 503:
            raise violation(f"PUT with too few devices: {answer.describe()}")
        hub.stop()

    # What refused means

    def refused_to_start(self, word):
        self.hub.launch()
        try:
            self.hub.wait_ready(READY_LIMIT_S)
        except start_failed as error:
            if error.code != 1 or word not in error.text:
                raise violation(f"it does not name {word}: {error}") from error
            self.run.count("refused_to_start")
            return
        raise violation("it started with fewer devices than it needs")

    def refused(self, paths, allow_served):
        self.hub.launch()
        try:
            self.hub.wait_ready(READY_LIMIT_S)
        except start_failed as error:
            if error.code in (0, None) or error.code < 0 or not sentence_about(error.text, paths):
                raise violation(f"it neither starts nor says why in a sentence that names one of "
                                f"{paths}: {error}") from error
            self.run.count("refused_to_start")
            return
        self.data.check()
        rows = self.hub.devices()
        states = {os.path.basename(row["path"] or ""): row["state"] for row in rows}
        said = "\n".join(f"{row['path']} {row.get('reason', '')}" for row in rows)
        said += "\n" + self.hub.log_since_start()
        used = all(states.get(os.path.basename(path)) == IN_USE for path in paths)
        if used and not allow_served:
            raise violation(f"{paths} should be refused, but `device ls` says {states}")
        if not used and not sentence_about(said, paths):
            raise violation(f"{paths} are not used ({states}), but no sentence says why")
        self.run.count("served_all" if used else "went_on_without")
        client = self.hub.client()
        self.data.put(client, "written after", self.data.next_value(300_000))
        client.close()
        self.data.check()
        self.hub.stop()


def sentence_about(text, paths):
    """A line that names one of the files and has some words to say of it."""
    names = [os.path.basename(path) for path in paths]
    for line in text.splitlines():
        if any(name in line for name in names) and len(re.findall(r"[A-Za-z]{2,}", line)) \
                >= SENTENCE_WORDS_MIN:
            return True
    return False


CASES = ("index_removed", "foreign", "cloned", "swapped", "returned", "stale", "older_copy",
         "accepted_loss")


def body(run):
    test = identity_test(run)
    test.prepare()
    wanted = run.arguments.case.split(",") if run.arguments.case else CASES
    for name in wanted:
        # restore() takes the hub back to the copy made in prepare(), and the histories with it.
        before = {key: history.copy() for key, history in test.data.histories.items()}
        try:
            getattr(test, name)()
        except violation as reason:
            raise violation(f"{name}: {reason}") from reason
        run.count("cases")
        test.hub.kill()
        test.restore()
        test.data.histories = before


if __name__ == "__main__":
    parser = runner.parser(__doc__)
    parser.add_argument("--case", default=None, help=f"some of {','.join(CASES)}")
    runner.main("device_identity", parser.parse_args(), body, 400)
