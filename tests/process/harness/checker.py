"""Reads a hub back and holds it against the histories."""

import re
import threading
import time
from urllib.parse import unquote_plus

from harness.content import describe
from harness.history import ABSENT, could_be_there, must_be_there, violation

READERS = 2
PAGE_SIZES = (1000, 7, 100)
_NAME = re.compile(r"^\d+-\d+-\d+$")


def match_body(key, name, etag, body, candidates):
    """The candidate (a value) that this answer is the whole of, else a violation."""
    for candidate in candidates:
        if candidate is ABSENT or candidate.name() != name or len(body) != candidate.size:
            continue
        if body != candidate.content():
            raise violation(f"WRONG: key {key!r}: {describe(body)}, expected {candidate!r}")
        if etag != candidate.etag():
            raise violation(f"WRONG ETag of key {key!r}: {etag} for {candidate!r}, "
                            f"which has {candidate.etag()}")
        return candidate
    allowed = ["absent" if one is ABSENT else repr(one) for one in candidates]
    raise violation(f"LOST, TORN or WRONG: key {key!r}: {describe(body)} with metadata {name!r} "
                    f"and ETag {etag}; possible: {', '.join(allowed)}")


def read_key(client, bucket, history):
    """GETs one key and checks it. Returns (seen value or ABSENT, read start, read end)."""
    start = time.monotonic()
    answer = client.get(bucket, history.key)
    end = time.monotonic()
    candidates = [op.value for op in history.candidates(start, end)]
    if answer.status == 404 and answer.error_code() == "NoSuchKey":
        return ABSENT, start, end
    if answer.status != 200:
        raise violation(f"UNREADABLE: GET of key {history.key!r}: {answer.describe()}")
    name = answer.headers.get("x-amz-meta-value", "")
    seen = match_body(history.key, name, answer.headers.get("etag", ""), answer.body, candidates)
    return seen, start, end


class listing_entry:
    __slots__ = ("size", "etag")

    def __init__(self, size, etag):
        self.size = size
        self.etag = etag


def list_bucket(client, bucket, prefix="", keys_max=1000):
    """All keys by V2 pages: {key: listing_entry}; checks order and paging as it goes."""
    found = {}
    token = None
    previous = b""
    while True:
        answer = client.list_page(bucket, prefix, token=token, keys_max=keys_max)
        if answer.status != 200:
            raise violation(f"LIST of {bucket!r} prefix {prefix!r} failed: {answer.describe()}")
        root = answer.xml()
        entries = root.findall("Contents")
        if len(entries) > keys_max:
            raise violation(f"LIST gave {len(entries)} keys, {keys_max} were asked for")
        for entry in entries:
            key = unquote_plus(entry.findtext("Key"))
            if key.encode() <= previous:
                raise violation(f"LIST out of order: {key!r} after {previous!r}")
            previous = key.encode()
            found[key] = listing_entry(int(entry.findtext("Size")), entry.findtext("ETag"))
        if root.findtext("IsTruncated") != "true":
            return found
        token = root.findtext("NextContinuationToken")
        if not token:
            raise violation("LIST is truncated but gives no continuation token")


def check_listing(client, bucket, histories, keys_max=1000, prefix=""):
    """The listing against the histories, with no writer at work and every key settled."""
    found = list_bucket(client, bucket, prefix, keys_max)
    for key, entry in found.items():
        history = histories.get(key)
        if history is None or not could_be_there(history):
            raise violation(f"LIST shows {key!r} ({entry.size} bytes), which must not be there")
        sure, content = history.certain()
        if sure and (entry.size != content.size or entry.etag != content.etag()):
            raise violation(f"LIST says {entry.size} bytes, {entry.etag} of {key!r}, which is "
                            f"{content!r} with ETag {content.etag()}")
    for key, history in histories.items():
        if key.startswith(prefix) and key not in found and must_be_there(history):
            raise violation(f"LIST does not show {key!r}, which must be there")
    return len(found)


def check_all(make_client, bucket, histories, settle, keys=None):
    """Reads every key (or `keys`) and settles or observes it; then nothing it returned was wrong.
    Returns (keys read, bytes read)."""
    work = sorted(keys if keys is not None else histories)
    figures = [0, 0]
    failures = []
    lock = threading.Lock()

    def reader(part):
        client = make_client()
        try:
            for key in part:
                if failures:
                    return
                history = histories[key]
                seen, start, end = read_key(client, bucket, history)
                (history.settle if settle else history.observed)(seen, start, end)
                with lock:
                    figures[0] += 1
                    figures[1] += 0 if seen is ABSENT else seen.size
        except Exception as error:  # handed to the caller below, whatever it is
            failures.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=reader, args=(work[n::READERS],)) for n in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return figures[0], figures[1]
