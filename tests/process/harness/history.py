"""What a key may hold: the history of its operations, and the check of what a read saw.

The rule is that of a linearizable register, whole versions only. A write (a delete writes "absent")
takes effect at one instant between its start and its end; the end of one whose outcome is unknown is
the death of the server that got it. A read may see a write `w` when `w` had started before the read
ended, unless another acknowledged write began after `w` ended and was over before the read began.
After a restart the first read settles a key: an unknown outcome is decided once and for ever.

Threads: one lock a history; times are time.monotonic().
"""

import math
import threading
import time

ABSENT = None

PENDING = "pending"
ACKNOWLEDGED = "acknowledged"
UNKNOWN = "unknown"
REFUSED = "refused"

OPERATIONS_KEPT = 64
PRUNE_AGE_S = 120


class violation(Exception):
    """The server broke a promise. The message says what, on which key, and what was allowed."""


class operation:
    __slots__ = ("value", "start", "end", "state", "note")

    def __init__(self, value, start, note=""):
        self.value = value
        self.start = start
        self.end = math.inf
        self.state = PENDING
        self.note = note

    def __repr__(self):
        what = "absent" if self.value is ABSENT else repr(self.value)
        return f"{self.note or 'write'} of {what} ({self.state})"


class key_history:
    def __init__(self, key):
        self.key = key
        self._lock = threading.Lock()
        first = operation(ABSENT, -math.inf, "nothing written yet")
        first.end = -math.inf
        first.state = ACKNOWLEDGED
        self._operations = [first]

    def copy(self):
        """For a test that takes a hub back to a copy of itself."""
        with self._lock:
            other = key_history(self.key)
            other._operations = list(self._operations)
            return other

    # What the writers tell

    def begin(self, value, note=""):
        with self._lock:
            started = operation(value, time.monotonic(), note)
            self._operations.append(started)
            return started

    def acknowledge(self, op):
        with self._lock:
            op.end = time.monotonic()
            op.state = ACKNOWLEDGED
            self._prune(op.end)

    def unknown(self, op):
        """A 5xx or a broken connection. It may take effect until the server dies."""
        with self._lock:
            op.state = UNKNOWN

    def refuse(self, op):
        """A definite no: it never takes effect."""
        with self._lock:
            op.state = REFUSED
            self._operations.remove(op)

    def server_died(self):
        with self._lock:
            now = time.monotonic()
            for op in self._operations:
                if op.end == math.inf:
                    op.end = now
                    op.state = UNKNOWN

    # What the readers ask

    def candidates(self, read_start, read_end):
        with self._lock:
            return self._candidates(read_start, read_end)

    def _candidates(self, read_start, read_end):
        latest_over = max((op.start for op in self._operations
                           if op.state == ACKNOWLEDGED and op.end <= read_start),
                          default=-math.inf)
        return [op for op in self._operations
                if op.start <= read_end and not op.end < latest_over]

    def certain(self):
        """(True, value) when only one content is possible now, else (False, None)."""
        now = time.monotonic()
        with self._lock:
            found = self._candidates(now, now)
            if len({op.value for op in found}) == 1:
                return True, found[0].value
            return False, None

    def observed(self, seen, read_start, read_end):
        """A read saw `seen`, a value or ABSENT. Raises when it could not have."""
        with self._lock:
            found = self._candidates(read_start, read_end)
            matching = [op for op in found if op.value == seen]
            if not matching:
                raise violation(self._sentence(seen, found))
            if len(matching) == 1 and matching[0].state == UNKNOWN:
                # It has taken effect, before this read ended.
                matching[0].state = ACKNOWLEDGED
                matching[0].end = min(matching[0].end, read_end)

    def settle(self, seen, read_start, read_end):
        """As observed(), after a restart and with no writer at work: nothing else stays possible."""
        self.observed(seen, read_start, read_end)
        with self._lock:
            settled = operation(seen, read_start, "settled by the read after a restart")
            settled.end = read_end
            settled.state = ACKNOWLEDGED
            self._operations = [settled]

    def _sentence(self, seen, found):
        if seen is ABSENT:
            what = "the key is not there"
        else:
            what = f"it holds {seen!r}"
        allowed = "; ".join(repr(op) for op in found)
        lost = [op for op in found if op.state == ACKNOWLEDGED and op.value != seen]
        kind = "LOST OR RESURRECTED" if lost else "WRONG"
        return f"{kind}: key {self.key!r}: {what}, but only these are possible: {allowed}"

    def _prune(self, now):
        """Forgets what no read can see any more (a read may have begun a while ago)."""
        if len(self._operations) <= OPERATIONS_KEPT:
            return
        found = self._candidates(now - PRUNE_AGE_S, math.inf)
        self._operations = found


def could_be_there(history):
    """Whether any version at all may be listed under the key now."""
    now = time.monotonic()
    return any(op.value is not ABSENT for op in history.candidates(now, now))


def must_be_there(history):
    now = time.monotonic()
    return all(op.value is not ABSENT for op in history.candidates(now, now))
