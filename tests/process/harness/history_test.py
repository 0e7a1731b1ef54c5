"""The checker itself: it must let the right answers pass and catch every kind of wrong one."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness.checker import match_body
from harness.content import describe, value
from harness.history import ABSENT, key_history, violation


def acknowledged(history, content):
    op = history.begin(content)
    history.acknowledge(op)
    return op


def read(history, seen):
    now = time.monotonic()
    history.observed(seen, now, time.monotonic())


def restart(history):
    history.server_died()


class checker_test(unittest.TestCase):
    def setUp(self):
        self.history = key_history("k")
        self.one, self.two, self.three = (value(1, n, 100 * n) for n in (1, 2, 3))

    def test_an_untouched_key_is_absent(self):
        read(self.history, ABSENT)
        with self.assertRaises(violation):
            read(self.history, self.one)

    def test_an_acknowledged_write_is_the_only_thing_that_may_be_read(self):
        acknowledged(self.history, self.one)
        read(self.history, self.one)
        with self.assertRaisesRegex(violation, "LOST"):
            read(self.history, ABSENT)

    def test_a_lost_write_is_caught_after_a_restart(self):
        acknowledged(self.history, self.one)
        acknowledged(self.history, self.two)
        restart(self.history)
        with self.assertRaisesRegex(violation, "LOST"):
            read(self.history, self.one)
        with self.assertRaisesRegex(violation, "LOST"):
            read(self.history, ABSENT)
        read(self.history, self.two)

    def test_a_resurrected_delete_is_caught(self):
        acknowledged(self.history, self.one)
        acknowledged(self.history, ABSENT)
        restart(self.history)
        with self.assertRaisesRegex(violation, "RESURRECTED"):
            read(self.history, self.one)
        read(self.history, ABSENT)

    def test_an_unknown_outcome_may_be_old_or_new_and_nothing_else(self):
        acknowledged(self.history, self.one)
        acknowledged(self.history, self.two)
        self.history.unknown(self.history.begin(self.three))
        restart(self.history)
        with self.assertRaises(violation):
            read(self.history, self.one)
        with self.assertRaises(violation):
            read(self.history, ABSENT)
        read(self.history, self.two)

    def test_an_unknown_outcome_is_decided_once_by_the_first_read_after_a_restart(self):
        acknowledged(self.history, self.one)
        self.history.begin(self.two)
        restart(self.history)
        now = time.monotonic()
        self.history.settle(self.one, now, time.monotonic())
        with self.assertRaises(violation):
            read(self.history, self.two)
        read(self.history, self.one)

    def test_what_was_read_cannot_become_unwritten(self):
        acknowledged(self.history, self.one)
        self.history.unknown(self.history.begin(self.two))
        read(self.history, self.two)
        with self.assertRaises(violation):
            read(self.history, self.one)

    def test_an_unknown_write_from_before_a_death_does_not_land_over_a_later_one(self):
        self.history.begin(self.one)
        restart(self.history)
        acknowledged(self.history, self.two)
        with self.assertRaises(violation):
            read(self.history, self.one)

    def test_a_refused_write_never_shows(self):
        acknowledged(self.history, self.one)
        self.history.refuse(self.history.begin(self.two))
        with self.assertRaises(violation):
            read(self.history, self.two)

    def test_concurrent_writers_may_end_in_either_order_but_not_in_the_past(self):
        acknowledged(self.history, self.one)
        second = self.history.begin(self.two)
        third = self.history.begin(self.three)
        self.history.acknowledge(second)
        self.history.acknowledge(third)
        for seen in (self.two, self.three):
            read(self.history, seen)
        with self.assertRaises(violation):
            read(self.history, self.one)

    def test_a_read_beside_a_write_may_see_either(self):
        acknowledged(self.history, self.one)
        start = time.monotonic()
        second = self.history.begin(self.two)
        self.history.acknowledge(second)
        end = time.monotonic()
        self.history.observed(self.one, start, end)
        self.history.observed(self.two, start, end)

    def test_long_histories_are_pruned_without_forgetting_what_counts(self):
        for n in range(1000):
            acknowledged(self.history, value(1, n, 10))
        read(self.history, value(1, 999, 10))
        with self.assertRaises(violation):
            read(self.history, value(1, 998, 10))


class body_test(unittest.TestCase):
    def test_every_torn_body_is_caught(self):
        whole = value(1, 7, 300_000)
        other = value(1, 8, 300_000).content()
        content = whole.content()
        self.assertIsNone(match_body("k", whole.name(), whole.etag(), content, [whole]).part_bytes
                          or None)
        torn = [content[:-1], content + b"x", content[:4096] + other[4096:],
                content[:8192] + bytes(4096) + content[12288:], b"", other]
        for body in torn:
            with self.assertRaisesRegex(violation, "TORN|WRONG"):
                match_body("k", whole.name(), whole.etag(), body, [whole])

    def test_a_wrong_etag_or_foreign_metadata_is_caught(self):
        whole = value(1, 7, 1000)
        with self.assertRaisesRegex(violation, "ETag"):
            match_body("k", whole.name(), '"0"', whole.content(), [whole])
        with self.assertRaises(violation):
            match_body("k", value(1, 6, 1000).name(), whole.etag(), whole.content(), [whole])

    def test_descriptions_say_what_was_found(self):
        whole = value(2, 9, 10_000)
        self.assertIn("whole", describe(whole.content()))
        self.assertIn("TORN", describe(whole.content()[:5000]))
        self.assertIn("no header", describe(b"garbage" * 10))


if __name__ == "__main__":
    unittest.main()
