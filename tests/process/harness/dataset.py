"""A fixed set of objects that a test loads once and then reads back again and again."""

import threading
import time

from harness.checker import check_all, check_listing
from harness.content import value
from harness.history import ABSENT, key_history, violation
from harness.s3_client import not_sent, outcome_unknown
from harness.workload import PART_BYTES

BUCKET = "dataset"
WRITER = 9000


class dataset:
    """Objects of all the ways to be stored: inline, striped, multipart, empty; with histories."""

    def __init__(self, hub, random, bucket=BUCKET):
        self.hub = hub
        self.random = random
        self.bucket = bucket
        self.histories = {}
        self._sequence = 0
        self.bytes = 0

    def make_bucket(self):
        self.hub.make_bucket(self.bucket)

    def next_value(self, size, part_bytes=0):
        self._sequence += 1
        return value(WRITER, self._sequence, size, part_bytes)

    def put(self, client, key, content, headers=None):
        """One PUT that must succeed."""
        answer, op, history = self.try_put(client, key, content, headers)
        if answer.status != 200:
            raise violation(f"PUT of {content!r} to {key!r}: {answer.describe()}")
        return history

    def try_put(self, client, key, content, headers=None):
        """One PUT, recorded; the answer is the caller's to judge."""
        history = self.histories.setdefault(key, key_history(key))
        op = history.begin(content, "put")
        headers = dict(headers or {}, **{"x-amz-meta-value": content.name()})
        try:
            answer = client.put(self.bucket, key, content.pieces(), headers)
        except (not_sent, outcome_unknown):
            history.unknown(op)
            raise
        if answer.status == 200:
            history.acknowledge(op)
            self.bytes += content.size
        elif answer.status >= 500:
            history.unknown(op)
        else:
            history.refuse(op)
        return answer, op, history

    def delete(self, client, key):
        history = self.histories[key]
        op = history.begin(ABSENT, "delete")
        answer = client.delete(self.bucket, key)
        if answer.status != 204:
            history.unknown(op)
            raise violation(f"DELETE of {key!r}: {answer.describe()}")
        history.acknowledge(op)

    def upload(self, client, key, size):
        content = self.next_value(size, PART_BYTES)
        history = self.histories.setdefault(key, key_history(key))
        op = history.begin(content, "upload")
        answer = client.create_upload(self.bucket, key, {"x-amz-meta-value": content.name()})
        if answer.status != 200:
            raise violation(f"CreateMultipartUpload: {answer.describe()}")
        identifier = answer.xml().findtext("UploadId")
        parts = []
        for number, part in enumerate(content.parts(), 1):
            answer = client.put_part(self.bucket, key, identifier, number, content.pieces(*part))
            if answer.status != 200:
                raise violation(f"UploadPart {number}: {answer.describe()}")
            parts.append((number, answer.headers["etag"]))
        answer = client.complete_upload(self.bucket, key, identifier, parts)
        if answer.status != 200 or b"<Error>" in answer.body[:400]:
            raise violation(f"CompleteMultipartUpload: {answer.describe()}")
        history.acknowledge(op)
        self.bytes += size

    def load(self, prefix, small=60, large=6, uploads=1, threads=4):
        """Small ones below the inline limit, large ones in stripes, uploads in parts."""
        jobs = [(f"{prefix}/small/{n:04d}", self.random.randint(1, 60_000)) for n in range(small)]
        jobs += [(f"{prefix}/large/{n:04d}", self.random.randint(140_000, 3_000_000))
                 for n in range(large)]
        jobs += [(f"{prefix}/empty", 0)]
        work = [(key, self.next_value(size)) for key, size in jobs]
        failures = []

        def run(part):
            client = self.hub.client()
            try:
                for key, content in part:
                    self.put(client, key, content)
            except Exception as error:  # handed to the caller below
                failures.append(error)
            finally:
                client.close()

        workers = [threading.Thread(target=run, args=(work[n::threads],)) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if failures:
            raise failures[0]
        client = self.hub.client()
        for n in range(uploads):
            self.upload(client, f"{prefix}/upload/{n:04d}", 2 * PART_BYTES + 12_345)
        client.close()

    def check(self, listing=True, settle=False):
        """Every object is there and whole. Returns (keys, bytes) read."""
        figures = check_all(self.hub.client, self.bucket, self.histories, settle)
        if listing:
            client = self.hub.client()
            check_listing(client, self.bucket, self.histories)
            client.close()
        return figures


class steady_reader:
    """Reads the set over and over beside what a test does to the hub; no read may fail."""

    def __init__(self, data, pause_s=0.0):
        self._data = data
        self._pause_s = pause_s
        self._stopping = threading.Event()
        self._failure = None
        self.passes = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def _run(self):
        try:
            while not self._stopping.is_set():
                self._data.check(listing=False)
                self.passes += 1
                self._stopping.wait(self._pause_s)
        except Exception as error:  # raised in stop()
            self._failure = error

    def stop(self):
        self._stopping.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure


def wait_until(what, test, limit_s, poll_s=0.1):
    """Polls test() until it gives something true; a violation when it never does."""
    deadline = time.monotonic() + limit_s
    while True:
        found = test()
        if found:
            return found
        if time.monotonic() > deadline:
            raise violation(f"{what}: not within {limit_s} s")
        time.sleep(poll_s)
