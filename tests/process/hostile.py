#!/usr/bin/env python3
"""Malformed requests, endless headers, wrong lengths, slow and vanishing clients: the right S3 error
or a closed connection, bounded memory, no crash, and other clients served all the while.

Everything goes to 127.0.0.1. --case NAME runs one group.
"""

import random
import resource
import socket
import threading
import time

from harness import hostile_cases, runner
from harness.checker import list_bucket
from harness.content import value
from harness.history import violation
from harness.raw_http import SILENT, raw_client, read_answer
from harness.s3_client import not_sent, outcome_unknown
from harness.server import ACCESS_KEY, SECRET_KEY, server

BUCKET = "hostile"
RESIDENT_LIMIT = 512 << 20
GOOD_CLIENT_LIMIT_S = 5.0
SLOW_CONNECTIONS = 150
SLOW_S = 150 if runner.LONG else 12
IDLE_CONNECTIONS = 800
STALLED_BODIES = 80
DEAF_READERS = 40
BIG_BYTES = 24 << 20
ENDLESS_BYTES_MAX = 64 << 20
ENDLESS_TAKEN_MAX = 16 << 20  # most of it rests in the buffers of two sockets
DESCRIPTORS = 4096
FUZZ_REQUESTS = 20_000 if runner.LONG else 1500


class hostile_test:
    def __init__(self, run):
        self.run = run
        self.hub = server(run, run.path("data"))
        self.hub.start()
        self.hub.make_bucket(BUCKET)
        self.raw = raw_client(("127.0.0.1", self.hub.port), ACCESS_KEY, SECRET_KEY)
        self.good = self.hub.client(timeout_s=30)
        self.content = value(1, 1, 5000)
        self.put_good("good")

    # The good client beside the bad ones

    def put_good(self, key):
        answer = self.good.put(BUCKET, key, self.content.pieces())
        if answer.status != 200:
            raise violation(f"the good client's PUT: {answer.describe()}")

    def still_serving(self, what):
        """Another client is served soon, memory is bounded, the process lives."""
        started = time.monotonic()
        deadline = started + GOOD_CLIENT_LIMIT_S * self.run.arguments.slow
        while True:
            self.hub.check_alive()
            try:
                answer = self.good.put(BUCKET, "good", self.content.pieces())
                if answer.status == 200:
                    answer = self.good.get(BUCKET, "good")
                if answer.status == 200 and answer.body == self.content.content():
                    break
                said = answer.describe()
            except (not_sent, outcome_unknown) as error:
                said = str(error)
            if time.monotonic() > deadline:
                raise violation(f"{what}: a good client is not served: {said}")
            time.sleep(0.05)
        took = time.monotonic() - started
        self.run.figures["good_client_s_max"] = max(took, self.run.figures.get("good_client_s_max",
                                                                               0.0))
        resident, high = self.hub.resident_bytes()
        self.run.figures["resident_mib_max"] = high >> 20
        if self.run.arguments.slow == 1.0 and high > RESIDENT_LIMIT:
            raise violation(f"{what}: {high >> 20} MiB resident")
        if took > GOOD_CLIENT_LIMIT_S * self.run.arguments.slow:
            raise violation(f"{what}: the good client waited {took:.1f} s")

    def nothing_visible(self, prefix):
        found = [key for key in list_bucket(self.good, BUCKET) if key.startswith(prefix)]
        if found:
            raise violation(f"half-written objects are visible: {found[:5]}")

    # Groups of cases

    def malformed(self):
        for case in hostile_cases.malformed(self.raw, BUCKET):
            self.judge(case)
        self.nothing_visible("never")

    def judge(self, case):
        answer = self.raw.talk(case.data, case.half_close)
        self.run.count("cases")
        if answer.status == 500:
            raise violation(f"{case.name}: an internal error: {answer!r}")
        allowed = [one for one in case.allowed
                   if one == answer.status or one == (answer.status, answer.code)]
        if not allowed:
            raise violation(f"{case.name}: got {answer!r}, allowed are {case.allowed}; "
                            f"sent {case.data[:200]!r}")
        self.hub.check_alive()

    def endless(self):
        for name, head, piece in hostile_cases.endless(self.raw, BUCKET):
            answer, taken = self.raw.stream(head, piece, ENDLESS_BYTES_MAX)
            self.run.count("cases")
            if answer.status in (500, 200, SILENT) or taken >= ENDLESS_BYTES_MAX:
                raise violation(f"endless {name}: {answer!r} after {taken} bytes")
            if taken > ENDLESS_TAKEN_MAX:
                raise violation(f"endless {name}: the server took {taken >> 20} MiB of it")
            self.still_serving(f"endless {name}")
        self.nothing_visible("never")

    def slow_senders(self):
        """Each sends one byte of its head, or of its body, now and then."""
        heads = [b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ",
                 self.raw.request("PUT", f"/{BUCKET}/never-slow", length=1 << 20)]
        connections = []
        for n in range(SLOW_CONNECTIONS):
            connection = self.raw.connect()
            connection.sendall(heads[n % 2])
            connections.append(connection)
        closed = 0
        deadline = time.monotonic() + SLOW_S
        while time.monotonic() < deadline:
            for connection in list(connections):
                try:
                    connection.sendall(b"x")
                except OSError:
                    connections.remove(connection)
                    closed += 1
            self.still_serving("slow senders")
            time.sleep(0.5)
        self.run.figures["slow_connections_closed"] = closed
        for connection in connections:
            connection.close()
        self.nothing_visible("never")
        if runner.LONG and closed < SLOW_CONNECTIONS:
            raise violation(f"only {closed} of {SLOW_CONNECTIONS} slow clients were cut off in "
                            f"{SLOW_S} s: every request has a deadline")

    def stalled_bodies(self):
        """Each promises 5 GiB, sends 1 MiB, and vanishes after a while."""
        piece = bytes(1 << 20)
        connections = []

        def stall(number):
            try:
                connection = self.raw.connect()
                connections.append(connection)
                connection.settimeout(5)
                connection.sendall(self.raw.request("PUT", f"/{BUCKET}/never-stalled{number}",
                                                    length=5 << 30))
                connection.sendall(piece)
            except OSError:
                pass  # held back or refused: both are bounded

        threads = [threading.Thread(target=stall, args=(n,)) for n in range(STALLED_BODIES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.run.count("cases", STALLED_BODIES)
        resident, high = self.hub.resident_bytes()
        self.run.figures["resident_mib_max"] = high >> 20
        if self.run.arguments.slow == 1.0 and high > RESIDENT_LIMIT:
            raise violation(f"stalled bodies: {high >> 20} MiB resident")
        for connection in connections:
            connection.close()
        self.still_serving("after stalled bodies")
        self.nothing_visible("never")

    def deaf_readers(self):
        """Each asks for a big object and reads nothing of it."""
        big = value(1, 2, BIG_BYTES)
        answer = self.good.put(BUCKET, "big", big.pieces())
        if answer.status != 200:
            raise violation(f"PUT of the big object: {answer.describe()}")
        connections = [self.raw.connect() for _ in range(DEAF_READERS)]
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(self.raw.request("GET", f"/{BUCKET}/big"))
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            self.hub.check_alive()
            resident, high = self.hub.resident_bytes()
            if self.run.arguments.slow == 1.0 and high > RESIDENT_LIMIT:
                raise violation(f"deaf readers: {high >> 20} MiB resident")
            time.sleep(0.2)
        for connection in connections:
            connection.close()
        self.run.count("cases", DEAF_READERS)
        self.still_serving("after deaf readers")

    def idle_connections(self):
        connections = []
        for _ in range(IDLE_CONNECTIONS):
            try:
                connections.append(self.raw.connect())
            except OSError:
                break  # the server's limit; being full is no crime, being dead is
        self.run.figures["idle_connections"] = len(connections)
        self.hub.check_alive()
        for connection in connections:
            connection.close()
        self.still_serving("after many connections")

    def pipelined(self):
        one = self.raw.request("GET", f"/{BUCKET}/good")
        with self.raw.connect() as connection:
            connection.sendall(one * 50)
            connection.settimeout(10)
            data = b""
            while data.count(b"HTTP/1.1 ") < 50:
                try:
                    piece = connection.recv(1 << 20)
                except OSError:
                    break
                if not piece:
                    break
                data += piece
        answers = data.count(b"HTTP/1.1 200")
        self.run.figures["pipelined_answers"] = answers
        if answers == 0 or b"HTTP/1.1 5" in data:
            raise violation(f"50 pipelined GETs got {answers} answers: {data[:300]!r}")
        self.still_serving("pipelined")

    def vanishing(self):
        """Clients that go away in the middle of a PUT, of a GET, of an upload's part."""
        rng = random.Random(self.run.seed)
        body = self.content.content() * 100
        put = self.raw.request("PUT", f"/{BUCKET}/never-vanished", body=body)
        get = self.raw.request("GET", f"/{BUCKET}/good")
        for n in range(100):
            with self.raw.connect() as connection:
                data = put if n % 2 else get
                connection.sendall(data[:rng.randrange(1, len(data))])
                if n % 3 == 0:
                    # A reset instead of a polite close.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          b"\x01\x00\x00\x00\x00\x00\x00\x00")
            self.run.count("cases")
        self.still_serving("vanishing clients")
        self.nothing_visible("never")

    def fuzzed(self):
        """Seeded mutations of valid requests: any answer but an internal error, or a close."""
        rng = random.Random(self.run.seed)
        seeds = hostile_cases.fuzz_seeds(self.raw, BUCKET)
        for n in range(FUZZ_REQUESTS):
            data = hostile_cases.mutate(rng, rng.choice(seeds))
            with self.raw.connect() as connection:
                try:
                    connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                answer = read_answer(connection, 20)
            self.run.count("cases")
            if answer.status == 500:
                raise violation(f"fuzzed request {n}: {answer!r} for {data[:500]!r}")
            if answer.status == SILENT:
                raise violation(f"fuzzed request {n}: no answer in 20 s after a half-closed "
                                f"connection, for {data[:500]!r}")
            if n % 100 == 0:
                self.hub.check_alive()
        self.still_serving("fuzzed requests")


CASES = ("malformed", "endless", "pipelined", "vanishing", "deaf_readers", "stalled_bodies",
         "idle_connections", "slow_senders", "fuzzed")


def body(run):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    test = hostile_test(run)
    wanted = run.arguments.case.split(",") if run.arguments.case else CASES
    for name in wanted:
        try:
            getattr(test, name)()
            test.still_serving(f"after {name}")
        except violation as reason:
            raise violation(f"{name}: {reason}") from reason
    test.hub.stop()
    test.hub.fsck()


if __name__ == "__main__":
    parser = runner.parser(__doc__)
    parser.add_argument("--case", default=None, help=f"some of {','.join(CASES)}")
    runner.main("hostile", parser.parse_args(), body, 900 if runner.LONG else 240)
