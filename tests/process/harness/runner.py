"""What every script shares: arguments, cleanup, skipping, and the one summary line.

Exit codes: 0 the promise held, 1 it was broken, 2 usage, 77 skipped (ctest's SKIP_RETURN_CODE).
"""

import argparse
import atexit
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from harness.history import violation

SKIP = 77
LOAD_S_MAX = 2.0
LONG = os.environ.get("TAICANG_LONG", "") not in ("", "0")


class skipped(Exception):
    """The machine cannot run this test; the message says what is missing."""


class cleanup:
    """Undoes, in reverse order, whatever was set up; also after a failure or a signal."""

    def __init__(self):
        self._undo = []
        atexit.register(self.run)

    def add(self, function, *arguments):
        self._undo.append((function, arguments))

    def run(self):
        while self._undo:
            function, arguments = self._undo.pop()
            try:
                function(*arguments)
            except Exception as error:  # the rest still has to be undone
                print(f"cleanup: {function.__name__}: {error}", file=sys.stderr)


class watchdog:
    """Ends the run when its time is over: a hang is a failure, with all stacks shown."""

    def __init__(self, seconds, undo):
        self._timer = threading.Timer(seconds, self._bark)
        self._timer.daemon = True
        self._seconds = seconds
        self._undo = undo

    def start(self):
        self._timer.start()

    def stop(self):
        self._timer.cancel()

    def _bark(self):
        import faulthandler
        print(f"FAILED: not done after {self._seconds} s", flush=True)
        faulthandler.dump_traceback()
        self._undo.run()
        os._exit(1)


def parser(description, rounds=None):
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--binary", required=True, help="the taicang binary")
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--keep", action="store_true", help="keep the work directory")
    arguments.add_argument("--work", default=None, help="where to make the work directory")
    arguments.add_argument("--limit-s", type=float, default=None, help="the run's time limit")
    arguments.add_argument("--slow", type=float, default=1.0,
                           help="how much slower the binary is (a sanitizer build), for all limits")
    arguments.add_argument("--expect-failure", action="store_true",
                           help="canary: the run must find a violation, else it fails")
    if rounds is not None:
        arguments.add_argument("--rounds", type=int, default=rounds)
        arguments.add_argument("--load-s", type=float, default=LOAD_S_MAX,
                               help="the longest load before a round's crash")
    return arguments


class context:
    """One run: its arguments, seed, directory, cleanup and figures."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.binary = os.path.abspath(arguments.binary)
        self.seed = arguments.seed
        if self.seed is None:
            self.seed = int.from_bytes(os.urandom(4), "big")
        self.random = random.Random(self.seed)
        self.undo = cleanup()
        self.figures = {}
        base = arguments.work or os.environ.get("TAICANG_TEST_TMP") or tempfile.gettempdir()
        os.makedirs(base, exist_ok=True)
        self.directory = tempfile.mkdtemp(prefix="taicang_process_", dir=base)
        self.keep = arguments.keep

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def make_directory(self, *names):
        path = self.path(*names)
        os.makedirs(path, exist_ok=True)
        return path

    def count(self, name, amount=1):
        self.figures[name] = self.figures.get(name, 0) + amount

    def say(self, text):
        print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def replay_command(run):
    words = [sys.executable, os.path.abspath(sys.argv[0])]
    skip = False
    for word in sys.argv[1:]:
        if skip:
            skip = False
        elif word == "--seed":
            skip = True
        elif not word.startswith("--seed="):
            words.append(word)
    prefix = [f"{name}={os.environ[name]}" for name in ("TAICANG_LONG", "TAICANG_CANARY")
              if name in os.environ]
    return " ".join(prefix + words + ["--seed", str(run.seed)])


def main(name, arguments, body, default_limit_s):
    """Runs body(context) and exits with the right code."""
    if not os.access(arguments.binary, os.X_OK):
        print(f"{name}: SKIPPED: {arguments.binary} is not there; build it: "
              "cmake --build --preset release --target taicang", flush=True)
        sys.exit(SKIP)
    run = context(arguments)
    run.undo.add(remove_directory, run)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    guard = watchdog((arguments.limit_s or default_limit_s) * arguments.slow, run.undo)
    guard.start()
    started = time.monotonic()
    outcome, why = "PASSED", ""
    try:
        body(run)
    except skipped as reason:
        outcome, why = "SKIPPED", str(reason)
    except violation as reason:
        outcome, why = "FAILED", str(reason)
    except Exception:  # a defect of the harness itself, or a machine out of resources
        outcome, why = "BROKEN", traceback.format_exc()
    if arguments.expect_failure and outcome in ("PASSED", "FAILED"):
        caught = outcome == "FAILED"
        outcome = "PASSED" if caught else "FAILED"
        why = f"caught as it must be: {why}" if caught else "the planted bug was NOT caught"
    if outcome in ("FAILED", "BROKEN"):
        run.keep = run.keep or bool(os.environ.get("TAICANG_KEEP"))
        print_server_logs(run)
    run.undo.run()
    guard.stop()
    figures = " ".join(f"{key}={format_figure(figure)}" for key, figure in run.figures.items())
    print(f"{name}: {outcome} seed={run.seed} {figures} "
          f"took={time.monotonic() - started:.1f}s", flush=True)
    if why:
        print(f"{name}: {why}", flush=True)
    if outcome in ("FAILED", "BROKEN"):
        print(f"replay: {replay_command(run)}", flush=True)
    code = {"PASSED": 0, "SKIPPED": SKIP}.get(outcome, 1)
    sys.stdout.flush()
    os._exit(code)


def format_figure(figure):
    return f"{figure:.3f}" if isinstance(figure, float) else str(figure)


def print_server_logs(run, lines=40):
    for name in sorted(os.listdir(run.directory)):
        if name.endswith(".log"):
            with open(run.path(name), errors="replace") as log:
                tail = log.readlines()[-lines:]
            print(f"--- the last lines of {name} ---", flush=True)
            print("".join(line[:500] for line in tail), flush=True)


def remove_directory(run):
    if run.keep:
        print(f"kept: {run.directory}", flush=True)
    else:
        shutil.rmtree(run.directory, ignore_errors=True)


def command(*words, check=True, timeout_s=120):
    """Runs a program to its end; its output is in the exception when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} failed with {done.returncode}: "
                           f"{done.stdout}{done.stderr}")
    return done


def need_root():
    if os.geteuid() != 0:
        raise skipped("this test mounts file systems and needs root")
