"""Rounds of load, sudden death and recovery, the same for every way to die.

A way to die has `data` (the data directory), `crash(server, seed)` (returns when the server is dead
and its disk can be used again) and `devices` (a devices directory of its own, or None).
"""

import re
import time

from harness.checker import PAGE_SIZES, check_all, check_listing
from harness.history import violation
from harness.server import server, start_failed
from harness.workload import check_uploads, shared_state, start_clients, stop_clients

BUCKET = "rounds"
CLIENTS = 8
RECOVERY_CRASH_CHANCE = 0.25
KEYS_READ_EVERY_ROUND = 1500
ACKNOWLEDGED_A_ROUND = 10  # on average at least, or the load proves nothing
LATE_CRASH_S_MAX = 20


class round_buckets:
    """Buckets made and removed beside the load; acknowledged ones are there after the crash."""

    def __init__(self, hub):
        self._hub = hub
        self._there = {BUCKET}

    def change(self, number):
        client = self._hub.client()
        name = f"round-{number:04d}"
        answer = client.create_bucket(name)
        if answer.status != 200:
            raise violation(f"CreateBucket {name}: {answer.describe()}")
        self._there.add(name)
        old = f"round-{number - 2:04d}"
        if old in self._there:
            answer = client.request("DELETE", old)
            if answer.status != 204:
                raise violation(f"DeleteBucket {old}: {answer.describe()}")
            self._there.remove(old)
        client.close()

    def check(self):
        client = self._hub.client()
        answer = client.request("GET")
        client.close()
        found = set(re.findall(r"<Name>([^<]*)</Name>", answer.body.decode()))
        if answer.status != 200 or found != self._there:
            raise violation(f"LOST OR RESURRECTED bucket: ListBuckets gives {sorted(found)}, "
                            f"acknowledged are {sorted(self._there)}")


def crash_in_recovery(run, hub, death, ready_s):
    """Starts the server and kills it again before or just after it is ready."""
    hub.launch()
    time.sleep(run.random.uniform(0, ready_s * 1.5))  # the instant of the crash, not a wait
    if not hub.alive():
        raise violation(f"the server ended by itself while it recovered, with "
                        f"{hub.process.returncode}: {hub.log_since_start()[-1500:]}")
    hub.dying = True
    death.crash(hub, run.random.getrandbits(32))
    run.count("recovery_crashes")


def check_hub(run, hub, state, buckets, whole):
    keys = list(state.histories)
    if not whole and len(keys) > KEYS_READ_EVERY_ROUND:
        once = [key for key in keys if "/once/" in key]
        rest = [key for key in keys if "/once/" not in key]
        keys = rest + run.random.sample(once, KEYS_READ_EVERY_ROUND - len(rest))
    count, size = check_all(hub.client, BUCKET, state.histories, True, keys)
    client = hub.client()
    run.count("uploads_checked", check_uploads(state, client))
    check_listing(client, BUCKET, state.histories, run.random.choice(PAGE_SIZES))
    client.close()
    buckets.check()
    hub.check_alive()
    run.count("reads_checked", count)
    run.count("mib_checked", size / (1 << 20))


def wait_for_load(run, clients, wanted):
    """On a slow machine the instant of the crash comes later: not before enough was acknowledged in
    all rounds together."""
    deadline = time.monotonic() + LATE_CRASH_S_MAX
    while (run.figures.get("acknowledged", 0) + sum(client.acknowledged for client in clients) < wanted
           and time.monotonic() < deadline
           and all(client.failure is None for client in clients)):
        time.sleep(0.002)


def load_and_crash(run, hub, state, death, number):
    clients = start_clients(state, hub, run.random.getrandbits(32))
    time.sleep(run.random.uniform(0.02, run.arguments.load_s))  # the instant of the crash, not a wait
    wait_for_load(run, clients, (number + 1) * ACKNOWLEDGED_A_ROUND)
    for client in clients:
        if client.failure is not None:
            raise client.failure
    hub.check_alive()
    hub.dying = True
    death.crash(hub, run.random.getrandbits(32))
    acknowledged, unknown, refused = stop_clients(clients)
    state.server_died()
    run.count("acknowledged", acknowledged)
    run.count("unknown", unknown)
    run.count("answered_503", refused)


def crash_rounds(run, death, rounds):
    hub = server(run, death.data, devices=death.devices)
    ready_s = hub.start()
    longest_s = ready_s
    hub.make_bucket(BUCKET)
    state = shared_state(BUCKET, CLIENTS, run.seed)
    buckets = round_buckets(hub)
    run.figures["rounds"] = 0
    for number in range(rounds):
        buckets.change(number)
        load_and_crash(run, hub, state, death, number)
        if run.random.random() < RECOVERY_CRASH_CHANCE:
            crash_in_recovery(run, hub, death, ready_s)
        ready_s = restart(hub, number)
        longest_s = max(longest_s, ready_s)
        check_hub(run, hub, state, buckets, number == rounds - 1)
        run.figures["rounds"] = number + 1
        if number % 10 == 9:
            run.say(f"round {number + 1} of {rounds}: {run.figures}")
    run.figures["restart_s_max"] = longest_s
    if run.figures["acknowledged"] < rounds * ACKNOWLEDGED_A_ROUND:
        raise violation(f"only {run.figures['acknowledged']} operations were acknowledged in "
                        f"{rounds} rounds: the load proves nothing")
    hub.stop()
    hub.fsck()
    hub.start()
    check_hub(run, hub, state, buckets, True)
    hub.stop()


def restart(hub, number):
    started = time.monotonic()
    hub.launch()
    try:
        hub.wait_ready()
    except start_failed as error:
        raise violation(f"LOST: the hub does not start after round {number}: {error}") from error
    return time.monotonic() - started
