#!/usr/bin/env python3
"""The newest @aws-sdk/client-s3 (JavaScript) against the server.

Starts the server, then runs sdk_client.mjs on node with the SDK from the registry.
"""

import os
import shutil

import s3_test
from harness import runner


def body(run):
    directory = s3_test.node_directory(run)
    target = s3_test.endpoint(run)
    environment = dict(target.environment(), S3_TEST_TREE=s3_test.make_tree(run))
    # Node looks for modules beside the script.
    script = os.path.join(directory, "sdk_client.mjs")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk_client.mjs")
    with s3_test.locked(os.path.join(directory, "script.lock")):
        shutil.copyfile(source, script)
    s3_test.run_client(run, ["node", script], environment, 2500 if runner.LONG else 250, directory)
    target.finish()


if __name__ == "__main__":
    runner.main("sdk_roundtrip", s3_test.parser(__doc__).parse_args(), body,
                2700 if runner.LONG else 330)
