#!/usr/bin/env python3
"""`taicang inspect`: every verb, as text and as JSON, says what the hub holds.

- journal: all records from 1 on, however many; nothing on the devices changes; without the index
  directory too; of a damaged journal, what stands before the damage, and that it is damaged;
- superblock: both copies, the root slots with the members, the directory;
- stripe, index: groups with their runs, rows decoded;
- a directory without a hub stays as it is; a serving hub is left alone.
"""

import hashlib
import json
import os
import shutil
import threading

from harness import runner
from harness.dataset import BUCKET, dataset
from harness.history import violation
from harness.server import copy_tree, device_files, server

# One read of the journal takes 4 MiB of records: bodies this large, this often, pass that.
BULKY = 800
BULKY_HEADERS = {"x-amz-meta-m": "m" * 1900, "cache-control": "c" * 2000,
                 "content-disposition": "d" * 1500}
KEY_BYTES = 900
READ_BYTES = 4 << 20
EXTENT_MIB = 4  # so that there are several segments, and little to hash
ALL = "1000000"
BATCH_MAGIC = b"TCJBATCH"
BLOCK = 4096
FIRST_LSN_AT = 48
EXIT_NOT_FOUND = 5
UPLOAD_PART = b"p" * (5 << 20)


def need(held, what):
    if not held:
        raise violation(what)


def snapshot(home, parts=("devices", "index")):
    """What would show a write: names, sizes, times of change and bytes of all files."""
    found = {}
    for part in parts:
        for folder, _, names in os.walk(os.path.join(home, part)):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "blake2b").hexdigest()
                status = os.stat(path)
                found[path] = (status.st_size, status.st_mtime_ns, digest)
    return found


class inspect_test:
    def __init__(self, run):
        self.run = run
        self.home = run.path("hub")
        self.hub = server(run, self.home, "hub",
                          extra_environment={"TAICANG_EXTENT_MIB": str(EXTENT_MIB)})
        self.data = dataset(self.hub, run.random)
        self.last_lsn = 0
        self.upload = ""

    def cli(self, *words, home=None, code=0):
        """A verb that must end with `code`, and say why when that is not 0."""
        done = self.hub.cli("inspect", *words, "--data", home or self.home)
        need(done.returncode == code and bool(code) == ("taicang: " in done.stderr),
             f"{words}: exit {done.returncode}, not {code}: {done.stdout[-500:]} "
             f"{done.stderr[-1000:]}")
        self.run.count("verbs_run")
        return done.stdout

    def document(self, *words, home=None, code=0):
        found = json.loads(self.cli(*words, "--json", home=home, code=code))
        need(found["schema"] == 1, f"{words}: no schema 1: {str(found)[:300]}")
        return found

    def both(self, *words, home=None, code=0):
        """(text, document)."""
        return self.cli(*words, home=home, code=code), self.document(*words, home=home, code=code)

    # The hub

    def bulky(self, part):
        client = self.hub.client()
        for n in part:
            key = f"bulky/{n:06d}/".ljust(KEY_BYTES, "k")
            answer = client.put(BUCKET, key, b"x", BULKY_HEADERS)
            need(answer.status == 200, f"PUT of {key[:20]}: {answer.describe()}")
        client.close()

    def fill(self):
        self.hub.start()
        self.data.make_bucket()
        self.data.load("first", small=8, large=2, uploads=0)
        client = self.hub.client()
        self.data.delete(client, "first/small/0003")
        answer = client.create_upload(BUCKET, "left/open")
        self.upload = answer.xml().findtext("UploadId")
        for number in (1, 2):
            answer = client.put_part(BUCKET, "left/open", self.upload, number, UPLOAD_PART)
            need(answer.status == 200, f"UploadPart: {answer.describe()}")
        client.close()
        workers = [threading.Thread(target=self.bulky, args=(range(n, BULKY, 8),))
                   for n in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.last_lsn = self.hub.status()["journal"]["last_durable"]

    # Cases

    def serving(self):
        done = self.hub.cli("inspect", "journal", "--data", self.home)
        need(done.returncode != 0 and "locked" in done.stderr,
             f"a serving hub's journal was read: {done.returncode} {done.stderr}")
        self.superblock()
        self.hub.check_alive()

    def journal(self, home=None):
        before = snapshot(home or self.home)
        text, found = self.both("journal", "--count", ALL, home=home)
        need(snapshot(home or self.home) == before, "`inspect journal` wrote to the hub")
        records = found["records"]
        need([record["lsn"] for record in records] == list(range(1, found["last_durable"] + 1)),
             f"not all records: {len(records)} of {found['last_durable']}")
        need(found["last_durable"] >= self.last_lsn > BULKY, "acknowledged records are missing")
        need(sum(record["body_bytes"] for record in records) > READ_BYTES,
             "one read holds all records: make them larger")
        need(found["damage"] is None and found["segments"], f"segments or damage: {text[:500]}")
        need(all(len(segment["members"]) == 3 for segment in found["segments"]), "not 3 copies")
        need(text.count("\nLSN ") == len(records), "text and JSON differ in their records")
        effects = "\n".join(effect for record in records for effect in record["effects"])
        for effect in ("bucket_put dataset", "version_put", "upload_put " + self.upload, "part_put"):
            need(effect in effects and effect in text, f"no effect {effect!r}")
        some = self.document("journal", "--from", "5", "--count", "3", home=home)
        need([record["lsn"] for record in some["records"]] == [5, 6, 7], "--from 5 --count 3")
        none = self.document("journal", "--from", ALL, home=home)
        need(none["records"] == [], "records behind the end")

    def journal_without_index(self):
        aside = self.run.path("index.aside")
        os.rename(os.path.join(self.home, "index"), aside)
        self.journal()
        need(not os.path.exists(os.path.join(self.home, "index")), "an index was made")
        os.rename(aside, os.path.join(self.home, "index"))

    def superblock(self):
        path = device_files(self.home)[1]
        text, found = self.both("superblock", path)
        parts = {part["title"]: part["fields"] for part in found["parts"]}
        need(list(parts) == ["superblock A", "superblock B", "root slot 0", "root slot 1",
                             "directory"], f"parts: {list(parts)}")
        need(parts["superblock A"] == parts["superblock B"], "the superblocks differ")
        need(parts["superblock A"]["index_created"] == "1", f"{parts['superblock A']}")
        root = parts["root slot 0"]
        need(len([name for name in root if name.startswith("member ")]) == 6, f"root: {root}")
        directory = parts["directory"]
        journal = [place for name, place in directory.items()
                   if name.startswith("place ") and place["purpose"] == "journal"]
        need(len(journal) == int(directory["places_journal"]), f"directory: {directory}")
        need(directory["places_damaged"] == "0", f"directory: {directory}")
        for line in ("superblock B", "  membership_epoch", "root slot 1", "  places_free"):
            need("\n" + line in text, f"no line {line!r}: {text}")
        return parts

    def stripe(self):
        text, found = self.both("stripe")
        need(found["groups"] and text.count("\n") == len(found["groups"]), f"groups: {text[:500]}")
        for group in found["groups"]:
            need(len(group["chunks"]) == group["k"] + group["m"] == 6, f"chunks: {group}")
        one = self.document("stripe", "--group", str(found["groups"][0]["group"]))
        need(one["groups"][0]["runs"], f"no runs: {one}")
        self.cli("stripe", "--group", "12345", code=EXIT_NOT_FOUND)

    def index(self):
        text, found = self.both("index", "--count", ALL)
        rows = found["rows"]
        need(text.splitlines() == rows, "text and JSON differ")
        need("unreadable" not in text and "no known family" not in text, text[-1000:])
        for row in ("bucket dataset id", "version bucket", "blob ", "group ", "live bytes of group",
                    f"upload {self.upload} bucket", "meta applied at LSN",
                    f"part 1 of upload {self.upload} size {len(UPLOAD_PART)}"):
            need(any(line.startswith(row) for line in rows), f"no row {row!r}: {rows[-20:]}")
        need(not any("key first/small/0003 " in line for line in rows), "a deleted key is shown")
        few = self.document("index", "--prefix", "v", "--count", "4")["rows"]
        need(few == [line for line in rows if line.startswith("version")][:4], f"--prefix: {few}")

    def nothing_there(self):
        lost = self.run.path("mistyped")
        for verb in ("journal", "stripe", "index"):
            done = self.hub.cli("inspect", verb, "--data", lost)
            need(done.returncode == EXIT_NOT_FOUND and "no hub" in done.stderr,
                 f"{verb}: {done.returncode} {done.stderr}")
        done = self.hub.cli("inspect", "superblock", os.path.join(lost, "nvme-0.dev"))
        need(done.returncode == EXIT_NOT_FOUND, f"superblock: {done.returncode} {done.stderr}")
        need(not os.path.exists(lost), "inspect made a directory")

    def batches(self, path, home):
        """{first LSN: offset} of the journal's batches in a device file."""
        found = self.document("superblock", path, home=home)
        parts = {part["title"]: part["fields"] for part in found["parts"]}
        size = int(parts["superblock A"]["extent_bytes"])
        base = int(parts["superblock A"]["extents_offset"])
        out = {}
        with open(path, "rb") as file:
            for name, place in parts["directory"].items():
                if not name.startswith("place ") or place["purpose"] != "journal":
                    continue
                begin = base + int(name.split()[1]) * size
                file.seek(begin)
                held = file.read(size)
                for at in range(0, len(held), BLOCK):
                    if held[at:at + 8] == BATCH_MAGIC:
                        first = held[at + FIRST_LSN_AT:at + FIRST_LSN_AT + 8]
                        out[int.from_bytes(first, "little")] = begin + at
        return out

    def spoil(self, home, lsn):
        """Spoils all copies of the batch that holds the record; the first LSN that is lost."""
        places = {path: self.batches(path, home) for path in device_files(home)}
        first = max(one for found in places.values() for one in found if one <= lsn)
        for path, found in places.items():
            if first in found:
                with open(path, "r+b") as file:
                    file.seek(found[first])
                    file.write(b"\0" * 8)
        return first

    def damaged(self, home):
        lost = self.spoil(home, self.last_lsn * 9 // 10)
        shutil.rmtree(os.path.join(home, "index"))
        before = snapshot(home)
        text, found = self.both("journal", "--count", ALL, home=home, code=1)
        need(snapshot(home) == before, "`inspect journal` wrote to a damaged hub")
        need([record["lsn"] for record in found["records"]] == list(range(1, lost)),
             f"{len(found['records'])} records before LSN {lost}")
        need(text.count("\nLSN ") == lost - 1, "the text ends elsewhere")
        need(f"up to LSN {lost - 1}:" in found["damage"], f"damage: {found['damage']}")
        self.cli("stripe", home=home, code=1)


def body(run):
    test = inspect_test(run)
    test.fill()
    test.serving()
    test.hub.kill()
    live, sealed = run.path("live"), run.path("sealed")
    copy_tree(test.home, live)
    test.journal()
    test.journal_without_index()
    test.superblock()
    test.nothing_there()
    test.stripe()
    test.index()
    copy_tree(test.home, sealed)
    # One damage is met when the journal is opened, the other when it is read.
    test.damaged(live)
    test.damaged(sealed)


if __name__ == "__main__":
    runner.main("inspect_verbs", runner.parser(__doc__).parse_args(), body, 120)
