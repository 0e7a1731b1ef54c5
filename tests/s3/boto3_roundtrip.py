#!/usr/bin/env python3
"""The newest boto3 against the server: every verb of the service as Python programs use it.

Starts the server, then runs boto3_client.py in a virtual environment with the newest boto3.
"""

import os

import s3_test
from harness import runner


def body(run):
    python = s3_test.boto3_python(run)
    target = s3_test.endpoint(run)
    environment = dict(target.environment(), S3_TEST_TREE=s3_test.make_tree(run))
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boto3_client.py")
    s3_test.run_client(run, [python, script], environment, 2500 if runner.LONG else 250)
    target.finish()


if __name__ == "__main__":
    runner.main("boto3_roundtrip", s3_test.parser(__doc__).parse_args(), body,
                2700 if runner.LONG else 330)
