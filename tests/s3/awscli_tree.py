#!/usr/bin/env python3
"""A real directory tree through awscli: `aws s3 cp --recursive` up, down, and `diff -r`.

The tree is a part of /usr/share (all of it with TAICANG_LONG=1) and some files with odd names; then
a multipart file, sync, presign, moves and removals.
"""

import contextlib
import os
import shutil
import subprocess
import time
import urllib.request

import s3_test
from harness import runner
from harness.content import value
from harness.history import violation

BUCKET = "tree"
MULTIPART_BYTES = (64 << 20) + 12_345


class awscli:
    def __init__(self, run, target):
        # Debian's own, also where another one comes first in the path.
        self.program = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else shutil.which("aws")
        if not self.program:
            raise runner.skipped("awscli is not installed: run tools/deps test")
        self.run = run
        self.target = target
        self.environment = target.environment()

    def __call__(self, *words, limit_s=300, check=True):
        if runner.LONG:
            limit_s *= 6
        done = subprocess.run([self.program, "--endpoint-url", self.target.url, *words],
                              env=self.environment, capture_output=True, text=True,
                              timeout=limit_s * self.run.arguments.slow)
        if check and done.returncode != 0:
            raise violation(f"aws {' '.join(words)[:200]} failed with {done.returncode}: "
                            f"{(done.stdout[-1000:] + done.stderr[-3000:])}")
        return done


@contextlib.contextmanager
def timed(run, figure):
    began = time.monotonic()
    yield
    run.figures[figure] = time.monotonic() - began


def same_trees(left, right):
    done = subprocess.run(["diff", "-r", left, right], capture_output=True, text=True)
    if done.returncode != 0:
        raise violation(f"the tree came back different: {done.stdout[:3000]}{done.stderr[:1000]}")


def tree_there_and_back(run, aws, tree):
    aws("s3", "mb", f"s3://{BUCKET}")
    with timed(run, "up_s"):
        aws("s3", "cp", "--recursive", "--only-show-errors", tree, f"s3://{BUCKET}/up/")
    listed = aws("s3", "ls", "--recursive", f"s3://{BUCKET}/up/").stdout.splitlines()
    if len(listed) != run.figures["files"]:
        raise violation(f"{len(listed)} files are listed, {run.figures['files']} went up")
    back = run.path("back")
    with timed(run, "down_s"):
        aws("s3", "cp", "--recursive", "--only-show-errors", f"s3://{BUCKET}/up/", back)
    same_trees(tree, back)


def synchronise(run, aws, tree):
    synced = run.path("synced")
    aws("s3", "sync", "--only-show-errors", f"s3://{BUCKET}/up/share", synced)
    same_trees(os.path.join(tree, "share"), synced)
    again = aws("s3", "sync", "--size-only", synced, f"s3://{BUCKET}/up/share").stdout
    if again.strip():
        raise violation(f"a second sync of the same tree moves files: {again[:1000]}")
    with open(os.path.join(synced, "one more"), "w") as file:
        file.write("one more")
    again = aws("s3", "sync", "--size-only", synced, f"s3://{BUCKET}/up/share").stdout
    if again.count("upload:") != 1:
        raise violation(f"a sync of one new file: {again[:1000]}")


def multipart(run, aws):
    big = value(2, 1, MULTIPART_BYTES)
    path, back = run.path("big"), run.path("big.back")
    with open(path, "wb") as file:
        file.writelines(big.pieces())
    aws("s3", "cp", "--only-show-errors", path, f"s3://{BUCKET}/big")
    aws("s3", "cp", "--only-show-errors", f"s3://{BUCKET}/big", f"s3://{BUCKET}/big copy")
    aws("s3", "cp", "--only-show-errors", f"s3://{BUCKET}/big copy", back)
    if subprocess.run(["cmp", path, back]).returncode != 0:
        raise violation("the multipart file came back different")
    etag = aws("s3api", "head-object", "--bucket", BUCKET, "--key", "big", "--query", "ETag",
               "--output", "text").stdout
    if "-" not in etag:
        raise violation(f"the ETag of a multipart upload is {etag}")
    url = aws("s3", "presign", f"s3://{BUCKET}/big", "--expires-in", "60").stdout.strip()
    with urllib.request.urlopen(urllib.request.Request(url, headers={"range": "bytes=5-104"})) as got:
        if got.read() != b"".join(big.pieces(5, 105)):
            raise violation("a range of the presigned URL is wrong")


def remove(run, aws):
    aws("s3", "mv", "--only-show-errors", f"s3://{BUCKET}/big copy", f"s3://{BUCKET}/big moved")
    if aws("s3", "rb", f"s3://{BUCKET}", check=False).returncode == 0:
        raise violation("a bucket with objects in it was removed")
    with timed(run, "rm_s"):
        aws("s3", "rm", "--recursive", "--only-show-errors", f"s3://{BUCKET}")
    left = aws("s3", "ls", "--recursive", f"s3://{BUCKET}", check=False).stdout
    if left.strip():
        raise violation(f"left after rm --recursive: {left[:500]}")
    aws("s3", "rb", f"s3://{BUCKET}")


def body(run):
    target = s3_test.endpoint(run)
    aws = awscli(run, target)
    tree = s3_test.make_tree(run)
    tree_there_and_back(run, aws, tree)
    synchronise(run, aws, tree)
    multipart(run, aws)
    remove(run, aws)
    target.finish()


if __name__ == "__main__":
    runner.main("awscli_tree", s3_test.parser(__doc__).parse_args(), body,
                5400 if runner.LONG else 400)
