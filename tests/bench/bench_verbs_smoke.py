#!/usr/bin/env python3
"""The verbs of `taicang bench` run, on little data, and their figures are figures. Speeds are not judged: a
machine that runs tests says nothing about them. Counts are.
"""

import argparse
import json
import os
import subprocess
import tempfile

MET, MISSED = 0, 1
CODES = {(4, 2), (8, 3), (12, 4), (20, 12)}


def bench(binary, *words):
    environment = {name: text for name, text in os.environ.items()
                   if not name.startswith("TAICANG_")}
    done = subprocess.run([binary, "bench", *words, "--json"], capture_output=True, text=True,
                          env=environment)
    assert done.returncode in (MET, MISSED), f"exit code {done.returncode}: {done.stderr}"
    document = json.loads(done.stdout)
    print(done.stdout)
    return document, done.returncode


def check_put(binary, directory):
    told, code = bench(binary, "put", "--seconds", "1", "--data", os.path.join(directory, "put"))
    assert told["figure"] > 0 and told["limit"] > 0 and told["least_ratio"] == 0.4, told
    assert abs(told["ratio"] - told["figure"] / told["limit"]) < 1e-6, told
    assert code == (MET if told["ratio"] >= told["least_ratio"] else MISSED), (told, code)


def check_list(binary, directory):
    told, code = bench(binary, "list", "--keys", "2000", "--data", os.path.join(directory, "list"))
    assert len(told["pages"]) == 3 and told["most_ratio"] == 2.0, told
    assert all(page["seeks"] > 0 and page["met"] for page in told["pages"]), told
    assert code == MET, code


def check_encode(binary):
    told, code = bench(binary, "encode", "--seconds", "1")
    assert {(one["k"], one["m"]) for one in told["codes"]} == CODES, told
    for one in told["codes"]:
        assert one["bytes_per_second"] > 0 and one["isal_bytes_per_second"] > 0, one
        assert one["met"] == (one["ratio"] >= told["least_ratio"] == 0.9), one
    assert code == (MET if all(one["met"] for one in told["codes"]) else MISSED), (told, code)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    binary = os.path.abspath(parser.parse_args().binary)
    with tempfile.TemporaryDirectory(prefix="taicang_bench_") as directory:
        check_put(binary, directory)
        check_list(binary, directory)
        check_encode(binary)


if __name__ == "__main__":
    main()
