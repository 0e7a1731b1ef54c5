#!/usr/bin/env python3
"""The harness against a stand-in server: it passes when that is right, and finds each planted bug."""

import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
FAKE_HUB = os.path.join(HERE, "fake_hub.py")
SEED = "11"
SKIP = 77


def play(script, *arguments, limit_s=120, **environment):
    words = [sys.executable, os.path.join(HERE, "..", script), "--binary", FAKE_HUB, "--seed", SEED,
             "--load-s", "0.6", *arguments]
    done = subprocess.run(words, env=dict(os.environ, TAICANG_LONG="", **environment),
                          capture_output=True, text=True, timeout=limit_s)
    return done.returncode, done.stdout + done.stderr


class selftest(unittest.TestCase):
    def expect(self, code, script, *arguments, **environment):
        found, text = play(script, *arguments, **environment)
        if found == SKIP:
            self.skipTest(text.strip().splitlines()[-1])
        self.assertEqual(found, code, text[-3000:])
        return text

    def caught(self, script, **environment):
        # The first violation ends it; a kill may find nothing pending several times in a row.
        text = self.expect(0, script, "--rounds", "20", "--expect-failure", **environment)
        self.assertIn("caught as it must be", text)
        return text

    def test_a_right_server_passes_kill_rounds(self):
        self.expect(0, "kill_rounds.py", "--rounds", "2")

    def test_a_right_server_passes_power_cuts(self):
        self.expect(0, "power_rounds.py", "--rounds", "2")

    def test_writes_acknowledged_too_early_are_caught_by_kills(self):
        self.assertIn("LOST", self.caught("kill_rounds.py", FAKE_HUB_BUG="late_write"))

    def test_resurrected_deletes_are_caught(self):
        self.caught("kill_rounds.py", FAKE_HUB_BUG="forget_deletes")

    def test_torn_objects_are_caught(self):
        self.assertIn("TORN", self.caught("kill_rounds.py", FAKE_HUB_BUG="torn"))

    def test_a_lying_listing_is_caught(self):
        self.assertIn("LIST", self.caught("kill_rounds.py", FAKE_HUB_BUG="list_lies"))

    def test_lost_uploads_are_caught(self):
        self.assertIn("upload", self.caught("kill_rounds.py", FAKE_HUB_BUG="lost_parts"))

    def test_a_flush_left_out_is_caught_by_power_cuts(self):
        self.caught("power_rounds.py", TAICANG_CANARY="skip_journal_flush")

    def test_a_flush_left_out_is_not_blamed_on_a_right_server(self):
        """--expect-failure fails when there is nothing to find."""
        code, text = play("kill_rounds.py", "--rounds", "1", "--expect-failure")
        self.assertEqual(code, 1, text)
        self.assertIn("NOT caught", text)


if __name__ == "__main__":
    outcome = unittest.main(verbosity=2, exit=False).result
    # A half-run selftest is no pass.
    sys.exit(1 if not outcome.wasSuccessful() else SKIP if outcome.skipped else 0)
