#!/usr/bin/env python3
"""A huge object streams in and out while the server stays under 512 MiB resident.

10 GB with TAICANG_LONG=1 or --gib 10, else 1 GiB. Goes in as a multipart upload by several streams
and as one PUT (up to S3's 5 GiB), comes out whole by one GET and by ranges; every byte is compared.
"""

import threading
import time

from harness import runner
from harness.content import value
from harness.history import violation
from harness.server import server

BUCKET = "huge"
RESIDENT_LIMIT = 512 << 20
PART_BYTES = 64 << 20
STREAMS = 4
SINGLE_PUT_MAX = 5 << 30
SAMPLE_S = 0.2
BUDGET_METRIC = "budget"


class resident_sampler:
    """Follows VmRSS; the high-water mark is asked of the kernel."""

    def __init__(self, hub):
        self._hub = hub
        self._stopping = threading.Event()
        self.peak = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping.wait(SAMPLE_S) and self._hub.alive():
            self.peak = max(self.peak, *self._hub.resident_bytes())

    def stop(self):
        self._stopping.set()
        self._thread.join()
        self.peak = max(self.peak, *self._hub.resident_bytes())


class comparing_sink:
    """Takes a body piece by piece and compares it with what was written."""

    def __init__(self, content, start, end):
        self._expected = iter(content.pieces(start, end))
        self._left = memoryview(b"")
        self.taken = 0

    def __call__(self, piece):
        view = memoryview(piece)
        while len(view):
            if not len(self._left):
                self._left = memoryview(next(self._expected, b""))
                if not len(self._left):
                    raise violation(f"WRONG: more bytes than were written, after {self.taken}")
            length = min(len(view), len(self._left))
            if view[:length] != self._left[:length]:
                raise violation(f"WRONG bytes between {self.taken} and {self.taken + length}")
            view, self._left = view[length:], self._left[length:]
            self.taken += length


def upload(hub, key, content):
    client = hub.client(timeout_s=300)
    answer = client.create_upload(BUCKET, key)
    if answer.status != 200:
        raise violation(f"CreateMultipartUpload: {answer.describe()}")
    identifier = answer.xml().findtext("UploadId")
    todo = list(enumerate(content.parts(), 1))
    done, failures, lock = {}, [], threading.Lock()

    def stream():
        mine = hub.client(timeout_s=300)
        try:
            while not failures:
                with lock:
                    if not todo:
                        break
                    number, part = todo.pop()
                answer = mine.put_part(BUCKET, key, identifier, number, content.pieces(*part))
                if answer.status != 200:
                    raise violation(f"UploadPart {number}: {answer.describe()}")
                done[number] = answer.headers["etag"]
        except Exception as error:  # raised below
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=stream) for _ in range(STREAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    answer = client.complete_upload(BUCKET, key, identifier, sorted(done.items()))
    if answer.status != 200 or b"<Error>" in answer.body[:400]:
        raise violation(f"CompleteMultipartUpload: {answer.describe()}")
    client.close()


def download(hub, key, content, first=0, last=None):
    end = content.size if last is None else last + 1
    sink = comparing_sink(content, first, end)
    client = hub.client(timeout_s=300)
    headers = None if last is None else {"range": f"bytes={first}-{last}"}
    answer = client.get(BUCKET, key, headers, sink)
    client.close()
    if answer.status != (200 if last is None else 206) or sink.taken != end - first:
        raise violation(f"GET of {key}: {answer.describe()}, {sink.taken} bytes of {end - first}")


def check_metrics(run, hub):
    status, text = hub.admin_get("/metrics")
    lines = [line for line in text.splitlines() if BUDGET_METRIC in line and line[:1] != "#"]
    if status != 200 or not lines:
        raise violation(f"the metrics page (status {status}) has no figure of the memory budget")
    run.say("budget on the metrics page: " + "; ".join(lines[:8]))


def body(run):
    size = int(run.arguments.gib * (1 << 30))
    hub = server(run, run.path("data"))
    hub.start()
    hub.make_bucket(BUCKET)
    sampler = resident_sampler(hub)
    try:
        for name, content, put in (
                ("parts", value(1, 1, size + 1, PART_BYTES), upload),
                ("single", value(1, 2, min(size, SINGLE_PUT_MAX)), single_put)):
            started = time.monotonic()
            put(hub, name, content)
            run.figures[f"{name}_in_mib_s"] = (content.size >> 20) / (time.monotonic() - started)
            started = time.monotonic()
            download(hub, name, content)
            run.figures[f"{name}_out_mib_s"] = (content.size >> 20) / (time.monotonic() - started)
            middle = run.random.randrange(content.size // 2)
            download(hub, name, content, middle, middle + (8 << 20))
            delete(hub, name)
        check_metrics(run, hub)
    finally:
        if hub.alive():
            sampler.stop()
            run.figures["resident_mib_max"] = sampler.peak >> 20
    hub.check_alive()
    if sampler.peak > RESIDENT_LIMIT:
        raise violation(f"{sampler.peak >> 20} MiB resident, the limit is {RESIDENT_LIMIT >> 20}")
    run.figures["gib"] = run.arguments.gib
    hub.stop()


def single_put(hub, key, content):
    client = hub.client(timeout_s=300)
    answer = client.put(BUCKET, key, content.pieces())
    client.close()
    if answer.status != 200:
        raise violation(f"PUT of {content!r}: {answer.describe()}")


def delete(hub, key):
    client = hub.client(timeout_s=300)
    answer = client.delete(BUCKET, key)
    client.close()
    if answer.status != 204:
        raise violation(f"DELETE of {key}: {answer.describe()}")


if __name__ == "__main__":
    parser = runner.parser(__doc__)
    parser.add_argument("--gib", type=float, default=10 * 1e9 / (1 << 30) if runner.LONG else 1.0)
    runner.main("rss_10g", parser.parse_args(), body, 1800 if runner.LONG else 240)
