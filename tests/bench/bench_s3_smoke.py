#!/usr/bin/env python3
"""tools/bench-s3 runs, on little data, and its figures are figures. Ratios are not judged: a machine that
runs tests says nothing about them. That a missed limit gives an exit code is tried without measuring.
"""

import argparse
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(SOURCE, "tools", "bench-s3")
LIMITS = [("signed 4 KiB GET", 0.4), ("the client's own ceiling", 3.0), ("1 MiB PUT", 0.6),
          ("1 MiB GET", 0.6)]
SKIPPED = 77


def load_tool():
    """The script as a module."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("bench_s3", TOOL)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_s3", loader))
    loader.exec_module(module)
    return module


def check_verdict():
    tool = load_tool()
    met = tool.comparison("a", "x/s", 40.0, "b", 100.0, 0.4)
    missed = tool.comparison("a", "x/s", 39.0, "b", 100.0, 0.4)
    nothing = tool.comparison("a", "x/s", 39.0, "b", 0.0, 0.4)
    assert met.met() and "met" in met.line() and "MISSED" not in met.line(), met.line()
    assert not missed.met() and "MISSED" in missed.line(), missed.line()
    assert not nothing.met(), "a figure beside nothing"
    assert tool.exit_code([met]) == 0
    assert tool.exit_code([met, missed]) == tool.EXIT_MISSED != 0
    assert tool.exit_code([met, missed], judge=False) == 0


def check_run(arguments):
    words = [sys.executable, TOOL, "--binary", arguments.binary, "--json", "--no-judge",
             "--seconds", "1", "--slice-s", "0.5", "--objects", "2000", "--large-mib", "1",
             "--memory-mib", str(int(1024 * arguments.slow)), "--slow", str(arguments.slow)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode == SKIPPED:
        print(done.stderr)
        sys.exit(SKIPPED)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stdout}{done.stderr}"
    document = json.loads(done.stdout)
    print(done.stdout)
    figures = document["figures"]
    assert [(one["name"], one["least_ratio"]) for one in figures] == LIMITS, figures
    for one in figures:
        assert one["figure"] > 0 and one["beside_figure"] > 0, one
        assert abs(one["ratio"] - one["figure"] / one["beside_figure"]) < 1e-6, one
        assert one["met"] == (one["ratio"] >= one["least_ratio"]), one
    assert figures[1]["beside_figure"] == figures[0]["figure"], "the ceiling is above the GETs"
    assert document["memory_is_bounded"] == (document["memory_not_bounded_because"] is None)


def check_wrong_bytes(arguments):
    """A server that answers with other bytes than were stored ends the measurement."""
    sys.path.insert(0, os.path.join(SOURCE, "tests", "process"))
    from harness.server import die_with_parent, free_port
    programs = os.path.join(os.path.dirname(os.path.abspath(arguments.binary)), "tests", "bin")
    port = free_port()
    liar = subprocess.Popen([os.path.join(programs, "s3_null_program"), "memory", "--port",
                             str(port), "--bytes", "4096"], preexec_fn=die_with_parent)
    try:
        while not load_tool().listens(port):
            assert liar.poll() is None, "the responder does not start"
        done = subprocess.run([os.path.join(programs, "s3_load_client"), "get-small", "--targets",
                               f"liar:{port}", "--bucket", "b", "--host", "h", "--access-key", "a",
                               "--secret-key", "s", "--seconds", "1", "--slice-s", "1", "--objects",
                               "10", "--bytes", "4096", "--connections", "1"],
                              capture_output=True, text=True)
    finally:
        liar.kill()
        liar.wait()
    assert done.returncode == 1 and "other bytes" in done.stderr, (done.returncode, done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--slow", type=float, default=1.0)
    arguments = parser.parse_args()
    check_verdict()
    check_wrong_bytes(arguments)
    check_run(arguments)


if __name__ == "__main__":
    main()
