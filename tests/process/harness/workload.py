"""Concurrent clients that write, overwrite, delete, copy and upload in parts, and remember it all.

Each client owns its keys, so that the history of a key is one sequence; a few keys are shared by
all. A client ends when it is told to, or when the server it talks to dies.
"""

import hashlib
import random
import threading
import time

from harness.checker import list_bucket, read_key
from harness.content import value
from harness.history import ABSENT, key_history, violation
from harness.s3_client import not_sent, outcome_unknown

PART_BYTES = 5 << 20
INLINE_LIMIT = 128 << 10
OWN_KEYS = 40
SHARED_KEYS = 6
UPLOADS_OPEN_MAX = 2

# What stands in keys beside letters; `deep` and `deep/er` live side by side on purpose.
ODD_NAMES = ["plain", "with space", "plus+percent%20", "deep", "deep/er", "deep/er/still",
             "quote'\"", "汉字/太仓", "emoji-\U0001F33E", "trailing/", "dot.", "a&b<c>", "=;:@,~"]

MIX = (("put_small", 44), ("put_large", 6), ("put_empty", 3), ("put_if_absent", 4), ("delete", 11),
       ("delete_many", 2), ("upload", 4), ("copy", 5), ("get", 11), ("get_range", 3), ("list", 1),
       ("put_once", 3), ("shared_put", 3), ("shared_delete", 1), ("shared_get", 2))


class upload:
    """A multipart upload and what is known of it."""

    def __init__(self, key, content, identifier):
        self.key = key
        self.content = content
        self.identifier = identifier
        self.parts = {}  # number -> etag, acknowledged ones
        self.complete_unknown = False
        self.complete_answered_5xx = False  # the key may have been written again since
        self.abort_unknown = False


class shared_state:
    """What all clients of one hub share, over all restarts."""

    def __init__(self, bucket, clients, seed):
        self.bucket = bucket
        self.histories = {}
        self.clients = clients
        self.uploads = [[] for _ in range(clients)]
        self.sequences = [0] * clients
        self.shared_keys = [f"shared/{n}" for n in range(SHARED_KEYS)]
        for key in self.shared_keys:
            self.histories[key] = key_history(key)
        for writer in range(clients):
            for n in range(OWN_KEYS):
                group, name = divmod(n, len(ODD_NAMES))
                key = f"c{writer:02d}/{group:02d}-{ODD_NAMES[name]}"
                self.histories[key] = key_history(key)
        self.seed = seed

    def own_keys(self, writer):
        return [key for key in self.histories if key.startswith(f"c{writer:02d}/")]

    def server_died(self):
        for history in self.histories.values():
            history.server_died()


class load_client:
    """One client on one thread of its own."""

    def __init__(self, state, writer, target, seed, mix=MIX, deadline=None, pace_s=0.0):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.state = state
        self.writer = writer
        self.target = target
        self.random = random.Random(seed * 1000 + writer)
        self.client = target.client()
        self.keys = [key for key in state.own_keys(writer) if "once" not in key]
        self.failure = None
        self.acknowledged = 0
        self.unknown = 0
        self.refused_503 = 0
        self.stopping = threading.Event()
        self.deadline = deadline
        self._names = [name for name, _ in mix]
        self._weights = [weight for _, weight in mix]
        self._pace_s = pace_s

    def run(self):
        try:
            while not self.stopping.is_set():
                if self.deadline is not None and time.monotonic() > self.deadline:
                    return
                name = self.random.choices(self._names, self._weights)[0]
                getattr(self, "op_" + name)()
                if self._pace_s:
                    self.stopping.wait(self._pace_s)
        except (not_sent, outcome_unknown) as error:
            if not self.target.dying:
                self.failure = violation(f"connection lost while the server was up: {error}")
        except Exception as error:  # handed to the test by stop_clients()
            # After a power cut a server may refuse everything; it may not answer wrongly.
            refusal = str(error).startswith(("UNREADABLE", "REFUSED", "LIST of"))
            if not (self.target.dying and isinstance(error, violation) and refusal):
                self.failure = error
        finally:
            self.client.close()

    # Pieces

    def _fresh(self, size, part_bytes=0):
        self.state.sequences[self.writer] += 1
        return value(self.writer, self.state.sequences[self.writer], size, part_bytes)

    def _key(self):
        # A few keys get most of the overwrites.
        return self.keys[min(int(self.random.expovariate(1 / 12)), len(self.keys) - 1)]

    def _write(self, history, op, send, allowed=(200, 204)):
        """Sends one mutation and records what came of it. Returns the response or None."""
        try:
            answer = send()
        except not_sent:
            self.state.histories[history.key].refuse(op)
            raise
        except outcome_unknown:
            history.unknown(op)
            self.unknown += 1
            raise
        error_in_200 = answer.status == 200 and b"<Error>" in answer.body[:400]
        if answer.status in allowed and not error_in_200:
            history.acknowledge(op)
            self.acknowledged += 1
            return answer
        if answer.status >= 500 or error_in_200:
            history.unknown(op)
            self.unknown += 1
            self.refused_503 += answer.status == 503
            return None
        history.refuse(op)
        if not self.target.dying:
            raise violation(f"REFUSED: {op!r} of key {history.key!r}: {answer.describe()}")
        return None

    def _put(self, key, content, headers=None, allowed=(200,)):
        history = self.state.histories[key]
        op = history.begin(content, "put")
        headers = dict(headers or {}, **{"x-amz-meta-value": content.name()})
        signed = content.size < INLINE_LIMIT and self.random.random() < 0.3
        answer = self._write(history, op, lambda: self.client.put(
            self.state.bucket, key, content.pieces(), headers, sign_payload=signed), allowed)
        if answer is not None and answer.headers.get("etag") != content.etag():
            raise violation(f"WRONG ETag of a PUT of {content!r}: {answer.headers.get('etag')}")
        return answer

    # Operations

    def op_put_small(self):
        self._put(self._key(), self._fresh(int(self.random.lognormvariate(7.5, 1.6)) % INLINE_LIMIT))

    def op_put_large(self):
        choice = self.random.random()
        if choice < 0.3:
            size = INLINE_LIMIT + self.random.randint(-2, 2)
        elif choice < 0.9:
            size = self.random.randint(INLINE_LIMIT, 1 << 20)
        else:
            size = self.random.randint(1 << 20, 4 << 20)
        self._put(self._key(), self._fresh(size))

    def op_put_empty(self):
        self._put(self._key(), self._fresh(0))

    def op_put_once(self):
        """A key that is written once and never again: it is to survive everything after it."""
        content = self._fresh(self.random.randint(1, 8000))
        key = f"c{self.writer:02d}/once/{content.sequence:08d}"
        self.state.histories[key] = key_history(key)
        self._put(key, content)

    def op_put_if_absent(self):
        key = self._key()
        sure, present = self.state.histories[key].certain()
        if not sure:
            return
        content = self._fresh(self.random.randint(1, 2000))
        if present is ABSENT:
            self._put(key, content, {"if-none-match": "*"})
            return
        answer = self.client.put(self.state.bucket, key, content.pieces(), {"if-none-match": "*"})
        if answer.status == 412 or answer.status >= 500:
            return
        raise violation(f"WRONG: PUT If-None-Match * over {present!r} at {key!r}: "
                        f"{answer.describe()}")

    def op_delete(self):
        history = self.state.histories[self._key()]
        self._write(history, history.begin(ABSENT, "delete"),
                    lambda: self.client.delete(self.state.bucket, history.key), (204,))

    def op_delete_many(self):
        keys = self.random.sample(self.keys, 3)
        started = [(self.state.histories[key], self.state.histories[key].begin(ABSENT, "delete"))
                   for key in keys]
        try:
            answer = self.client.delete_objects(self.state.bucket, keys)
        except (not_sent, outcome_unknown):
            for history, op in started:
                history.unknown(op)
            self.unknown += 1
            raise
        done = set()
        if answer.status == 200:
            done = {node.findtext("Key") for node in answer.xml().iter("Deleted")}
        elif answer.status < 500:
            raise violation(f"REFUSED: DeleteObjects: {answer.describe()}")
        for history, op in started:
            if history.key in done:
                history.acknowledge(op)
                self.acknowledged += 1
            else:
                history.unknown(op)
                self.unknown += 1

    def op_copy(self):
        source, target = self._key(), self._key()
        sure, content = self.state.histories[source].certain()
        if source == target or not sure or content is ABSENT or content.part_bytes:
            return
        history = self.state.histories[target]
        self._write(history, history.begin(content, "copy"),
                    lambda: self.client.copy(self.state.bucket, target, source))

    def op_get(self):
        history = self.state.histories[self._key()]
        if self._busy():
            return
        seen, start, end = self._read(history)
        history.observed(seen, start, end)

    def _read(self, history):
        while True:
            try:
                return read_key(self.client, self.state.bucket, history)
            except violation as error:
                if self.target.dying and str(error).startswith("UNREADABLE"):
                    raise outcome_unknown(str(error)) from error
                raise

    def _busy(self):
        return self.target.dying

    def op_get_range(self):
        history = self.state.histories[self._key()]
        sure, content = history.certain()
        if not sure or content is ABSENT or content.size < 2 or self._busy():
            return
        first = self.random.randrange(content.size)
        last = self.random.randint(first, content.size + 10)
        answer = self.client.get(self.state.bucket, history.key,
                                 {"range": f"bytes={first}-{last}"})
        if answer.status >= 500 and self.target.dying:
            return
        expected = b"".join(content.pieces(first, last + 1))
        if answer.status != 206 or answer.body != expected:
            raise violation(f"WRONG: range {first}-{last} of {content!r} at {history.key!r}: "
                            f"{answer.describe()}")

    def op_list(self):
        if self._busy():
            return
        prefix = f"c{self.writer:02d}/"
        certain = {}
        for key in self.keys:
            sure, content = self.state.histories[key].certain()
            if sure:
                certain[key] = content
        try:
            found = list_bucket(self.client, self.state.bucket, prefix,
                                self.random.choice((1000, 13)))
        except violation:
            if self.target.dying:
                return
            raise
        for key, content in certain.items():
            if (content is ABSENT) == (key in found):
                raise violation(f"WRONG: LIST right after the answer: {key!r} is "
                                f"{'not ' if key not in found else ''}there, but it is {content!r}")

    def op_shared_put(self):
        key = self.random.choice(self.state.shared_keys)
        self._put(key, self._fresh(self.random.choice((0, 100, 5000, 200_000))))

    def op_shared_delete(self):
        history = self.state.histories[self.random.choice(self.state.shared_keys)]
        self._write(history, history.begin(ABSENT, "delete"),
                    lambda: self.client.delete(self.state.bucket, history.key), (204,))

    def op_shared_get(self):
        history = self.state.histories[self.random.choice(self.state.shared_keys)]
        if self._busy():
            return
        seen, start, end = self._read(history)
        history.observed(seen, start, end)

    # Multipart

    def op_upload(self):
        """One step of an upload: begin one, or carry one on."""
        mine = self.state.uploads[self.writer]
        if len(mine) < UPLOADS_OPEN_MAX:
            self._begin_upload(mine)
        else:
            self._finish_upload(self.random.choice(mine))

    def _begin_upload(self, mine):
        key = self._key()
        size = PART_BYTES * self.random.randint(1, 2) + self.random.randint(1, 1 << 20)
        content = self._fresh(size, PART_BYTES)
        answer = self.client.create_upload(self.state.bucket, key,
                                           {"x-amz-meta-value": content.name()})
        if answer.status != 200:
            if answer.status < 500:
                raise violation(f"REFUSED: CreateMultipartUpload: {answer.describe()}")
            return
        started = upload(key, content, answer.xml().findtext("UploadId"))
        mine.append(started)
        self._put_parts(started, self.random.random() < 0.5)

    def _put_parts(self, started, only_some):
        for number, part in enumerate(started.content.parts(), 1):
            if number in started.parts or only_some and self.random.random() < 0.5:
                continue
            pieces = started.content.pieces(*part)
            answer = self.client.put_part(self.state.bucket, started.key, started.identifier,
                                          number, pieces)
            if answer.status == 200:
                expected = f'"{md5(pieces)}"'
                if answer.headers.get("etag") != expected:
                    raise violation(f"WRONG ETag of part {number} of {started.content!r}")
                started.parts[number] = expected
                self.acknowledged += 1
            elif answer.status < 500:
                raise violation(f"REFUSED: UploadPart {number} of {started.content!r}: "
                                f"{answer.describe()}")

    def _finish_upload(self, started):
        mine = self.state.uploads[self.writer]
        if self.random.random() < 0.15:
            started.abort_unknown = True
            answer = self.client.abort_upload(self.state.bucket, started.key, started.identifier)
            if answer.status == 204:
                mine.remove(started)
            elif answer.status < 500:
                raise violation(f"REFUSED: AbortMultipartUpload: {answer.describe()}")
            return
        self._put_parts(started, False)
        if len(started.parts) != len(started.content.parts()):
            return
        history = self.state.histories[started.key]
        op = history.begin(started.content, "complete upload")
        started.complete_unknown = True
        parts = sorted(started.parts.items())
        answer = self._write(history, op, lambda: self.client.complete_upload(
            self.state.bucket, started.key, started.identifier, parts))
        if answer is not None:
            mine.remove(started)
        else:
            started.complete_answered_5xx = True


def md5(pieces):
    digest = hashlib.md5()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def start_clients(state, target, seed, **options):
    clients = [load_client(state, writer, target, seed, **options)
               for writer in range(state.clients)]
    for client in clients:
        client.thread.start()
    return clients


def stop_clients(clients, limit_s=90):
    """Waits for all; raises the first failure. Returns (acknowledged, unknown, 503s)."""
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.thread.join(limit_s)
        if client.thread.is_alive():
            raise violation(f"a client has had no answer for {limit_s} s")
    for client in clients:
        if client.failure is not None:
            raise client.failure
    return (sum(client.acknowledged for client in clients),
            sum(client.unknown for client in clients),
            sum(client.refused_503 for client in clients))


def check_uploads(state, client):
    """After a restart: every acknowledged upload and part is still there, or was completed or
    aborted by the request whose outcome was unknown. Returns how many were looked at."""
    looked_at = 0
    for mine in state.uploads:
        for started in list(mine):
            looked_at += 1
            answer = client.list_parts(state.bucket, started.key, started.identifier)
            if answer.status == 404 and answer.error_code() == "NoSuchUpload":
                if not (started.abort_unknown or started.complete_unknown):
                    raise violation(f"LOST: the upload of {started.content!r} to {started.key!r} "
                                    "was acknowledged, and is gone")
                sure, content = state.histories[started.key].certain()
                lenient = started.abort_unknown or started.complete_answered_5xx
                if not lenient and (not sure or content != started.content):
                    raise violation(f"LOST: the upload of {started.content!r} is gone, but its "
                                    f"object is not at {started.key!r}: {content!r}")
                mine.remove(started)
                continue
            if answer.status != 200:
                raise violation(f"ListParts of an open upload: {answer.describe()}")
            found = {int(part.findtext("PartNumber")): part.findtext("ETag")
                     for part in answer.xml().findall("Part")}
            for number, etag in started.parts.items():
                if found.get(number) != etag:
                    raise violation(f"LOST: part {number} of {started.content!r} was acknowledged "
                                    f"as {etag}, now it is {found.get(number)}")
            for number in found:
                # A part whose answer got lost may be there; it has to be whole.
                pieces = started.content.pieces(*started.content.parts()[number - 1])
                if found[number] != f'"{md5(pieces)}"':
                    raise violation(f"TORN: part {number} of {started.content!r}: {found[number]}")
            started.complete_unknown = started.abort_unknown = False
    return looked_at
