#!/usr/bin/env python3
"""A million small objects, a kill under load, and a restart in under five seconds.

Loads by several client processes, kills the server while they write, starts it, measures until
/health/ready, then reads a sample, everything acknowledged last, and counts the listing.
1,000,000 objects with TAICANG_LONG=1 or --objects, else 20,000.
"""

import multiprocessing
import time

from harness import runner
from harness.checker import list_bucket
from harness.content import value
from harness.history import violation
from harness.s3_client import not_sent, outcome_unknown, s3_client
from harness.server import ACCESS_KEY, SECRET_KEY, server

BUCKET = "million"
WRITERS = 12
OBJECT_BYTES_MAX = 400
RESTART_LIMIT_S = 5.0
SAMPLE_KEYS = 3000
LAST_KEYS = 200


def content_of(writer, number):
    return value(writer, number, 60 + (number * 7919 + writer) % OBJECT_BYTES_MAX)


def key_of(writer, number):
    return f"{writer:02d}/{number // 1000:05d}/{number % 1000:03d}"


def write(endpoint, writer, acknowledged, wrong):
    """Writes objects 0, 1, 2 ... in order until the connection breaks."""
    client = s3_client(endpoint, ACCESS_KEY, SECRET_KEY)
    number = 0
    try:
        while True:
            content = content_of(writer, number)
            answer = client.put(BUCKET, key_of(writer, number), content.pieces())
            if answer.status == 200:
                number += 1
                acknowledged[writer] = number
            elif answer.status != 503:
                wrong.value = 1
                print(f"writer {writer}: {answer.describe()}", flush=True)
                return
    except (not_sent, outcome_unknown):
        return


def load(run, hub, objects):
    endpoint = ("127.0.0.1", hub.port)
    acknowledged = multiprocessing.Array("q", WRITERS, lock=False)
    wrong = multiprocessing.Value("b", 0, lock=False)
    started = time.monotonic()
    # Forked before any thread of ours exists besides the watchdog's timer.
    writers = [multiprocessing.Process(target=write, args=(endpoint, n, acknowledged, wrong),
                                       daemon=True) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    shown = 0
    while sum(acknowledged) < objects and not wrong.value:
        hub.check_alive()
        if not any(writer.is_alive() for writer in writers):
            raise violation("all writers ended before the kill")
        time.sleep(0.05)
        if sum(acknowledged) - shown >= objects // 10:
            shown = sum(acknowledged)
            run.say(f"{shown} objects, {shown / (time.monotonic() - started):.0f}/s")
    seconds = time.monotonic() - started
    hub.kill()
    for writer in writers:
        writer.join(30)
    if wrong.value:
        raise violation("a PUT was refused, see above")
    run.figures["put_per_s"] = sum(acknowledged) / seconds
    return list(acknowledged)


def check(run, hub, counts):
    client = hub.client()
    todo = set()
    for writer, count in enumerate(counts):
        todo.update((writer, number) for number in range(max(0, count - LAST_KEYS), count))
    while len(todo) < min(sum(counts), SAMPLE_KEYS + WRITERS * LAST_KEYS):
        writer = run.random.randrange(WRITERS)
        if counts[writer]:
            todo.add((writer, run.random.randrange(counts[writer])))
    for writer, number in sorted(todo):
        content = content_of(writer, number)
        answer = client.get(BUCKET, key_of(writer, number))
        if answer.status != 200 or answer.body != content.content():
            raise violation(f"LOST OR WRONG: {key_of(writer, number)}: {answer.describe()}, "
                            f"expected {content!r}")
    run.figures["sampled"] = len(todo)
    if run.arguments.list:
        started = time.monotonic()
        found = list_bucket(client, BUCKET)
        run.figures["list_s"] = time.monotonic() - started
        total = sum(counts)
        # The last PUT of each writer may have made it without its answer.
        if not total <= len(found) <= total + WRITERS:
            raise violation(f"LIST has {len(found)} keys, {total} were acknowledged")
    client.close()


def body(run):
    hub = server(run, run.path("data"))
    hub.start()
    hub.make_bucket(BUCKET)
    counts = load(run, hub, run.arguments.objects)
    run.figures["objects"] = sum(counts)
    ready_s = hub.start()
    run.figures["restart_s"] = ready_s
    check(run, hub, counts)
    hub.check_alive()
    if ready_s > RESTART_LIMIT_S:
        raise violation(f"ready after {ready_s:.2f} s, the limit is {RESTART_LIMIT_S} s")
    hub.stop()


if __name__ == "__main__":
    parser = runner.parser(__doc__)
    parser.add_argument("--objects", type=int, default=1_000_000 if runner.LONG else 20_000)
    parser.add_argument("--list", action=runner.argparse.BooleanOptionalAction, default=True)
    runner.main("restart_million", parser.parse_args(), body, 1500 if runner.LONG else 180)
