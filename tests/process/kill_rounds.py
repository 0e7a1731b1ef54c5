#!/usr/bin/env python3
"""kill -9 at random instants under concurrent PUT, overwrite, DELETE, copy and multipart.

After each restart every acknowledged write is there and whole, every acknowledged delete stays
deleted, and nothing half-written shows. A quarter of the rounds kill the server again while it
recovers.
"""

from harness import runner
from harness.rounds import crash_rounds


class kill_nine:
    devices = None

    def __init__(self, run):
        self.data = run.path("data")

    def crash(self, hub, _seed):
        hub.kill()


def body(run):
    crash_rounds(run, kill_nine(run), run.arguments.rounds)


if __name__ == "__main__":
    arguments = runner.parser(__doc__, rounds=100 if runner.LONG else 5).parse_args()
    runner.main("kill_rounds", arguments, body, 120 + 20 * arguments.rounds)
