"""What the S3 tests share: a server to talk to, and the newest real clients, cached in the build
directory (build/.../s3-clients).

--endpoint HOST:PORT (with --access-key, --secret-key) tests a server that already runs, for example
another S3 server, to see whether a test or our server is wrong.
"""

import fcntl
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "process"))

from harness import runner
from harness.content import value
from harness.history import violation
from harness.s3_client import s3_client
from harness.server import ACCESS_KEY, SECRET_KEY, server

REGION = "us-east-1"
NODE_PACKAGES = ("@aws-sdk/client-s3", "@aws-sdk/s3-request-presigner", "@aws-sdk/lib-storage")
DOMAIN = "localhost"
INSTALL_LIMIT_S = 300
SOURCE = "/usr/share"
FILES_MAX = 1200
FILE_BYTES_MAX = 1 << 20
ODD_NAMES = ("with space", "plus+sign", "percent%41%", "汉字 太仓", "émoji \U0001F33E",
             "quote'single", 'quote"double', "semi;colon", "amp&ersand", "hash#tag", "question?mark",
             "equals=sign", "at@sign", "comma,comma", "brackets[1]", "braces{2}", "tilde~", "star*",
             "back\\slash", "pipe|", "caret^", "dollar$", "exclamation!", "less<greater>", "-dash",
             ".hidden", "ends.", "a" * 200)


def parser(description):
    arguments = runner.parser(description)
    arguments.add_argument("--endpoint", default=None, help="HOST:PORT of a server that runs")
    arguments.add_argument("--access-key", default=ACCESS_KEY)
    arguments.add_argument("--secret-key", default=SECRET_KEY)
    return arguments


class endpoint:
    """A hub of our own, or the one of --endpoint."""

    def __init__(self, run):
        self.run = run
        self.access_key = run.arguments.access_key
        self.secret_key = run.arguments.secret_key
        self.hub = None
        if run.arguments.endpoint:
            host, port = run.arguments.endpoint.rsplit(":", 1)
            self.address = (host, int(port))
            return
        self.hub = server(run, run.path("data"), extra_environment={"TAICANG_DOMAINS": DOMAIN})
        self.hub.start()
        self.address = ("127.0.0.1", self.hub.port)

    @property
    def url(self):
        return f"http://{self.address[0]}:{self.address[1]}"

    def client(self):
        return s3_client(self.address, self.access_key, self.secret_key)

    def environment(self):
        """Credentials for a real client, and nothing of the user's own configuration."""
        kept = {name: text for name, text in os.environ.items()
                if not name.startswith(("AWS_", "TAICANG_"))}
        nowhere = self.run.path("no-such-file")
        kept.update(AWS_ACCESS_KEY_ID=self.access_key, AWS_SECRET_ACCESS_KEY=self.secret_key,
                    AWS_DEFAULT_REGION=REGION, AWS_REGION=REGION, AWS_CONFIG_FILE=nowhere,
                    AWS_SHARED_CREDENTIALS_FILE=nowhere, AWS_EC2_METADATA_DISABLED="true",
                    AWS_PAGER="", NO_PROXY="*", no_proxy="*", S3_TEST_ENDPOINT=self.url,
                    S3_TEST_DIRECTORY=self.run.directory,
                    S3_TEST_VIRTUAL_HOST=f"http://{DOMAIN}:{self.address[1]}" if self.hub else "")
        return kept

    def finish(self):
        """The end of a good run: a clean stop and a clean check of the data."""
        if self.hub is not None:
            self.hub.check_alive()
            self.hub.stop()
            self.hub.fsck()


def copy_part(source, target, files_max):
    """Regular files only: links and their loops are not what is tested. With `files_max` that many
    small ones, spread over the whole source. Returns (files, bytes)."""
    paths = []
    for folder, folders, names in os.walk(source):
        folders.sort()
        paths += [os.path.join(folder, name) for name in sorted(names)]
    paths = [path for path in paths if os.path.isfile(path) and not os.path.islink(path)]
    if files_max is not None:
        paths = [path for path in paths if os.path.getsize(path) <= FILE_BYTES_MAX]
        paths = paths[::max(1, len(paths) // files_max)][:files_max]
    size = 0
    for path in paths:
        place = os.path.join(target, os.path.relpath(path, source))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copyfile(path, place)
        size += os.path.getsize(path)
    return len(paths), size


def make_tree(run):
    tree = run.make_directory("tree")
    files, size = copy_part(SOURCE, os.path.join(tree, "share"),
                            None if runner.LONG else FILES_MAX)
    odd = os.path.join(tree, "odd names + more", "100%")
    os.makedirs(odd)
    for number, name in enumerate(ODD_NAMES):
        with open(os.path.join(odd, name), "wb") as file:
            file.write(value(1, number, number * 3000).content())
    run.figures["files"] = files + len(ODD_NAMES)
    run.figures["mib"] = size >> 20
    return tree


def cache_directory(run):
    base = os.environ.get("TAICANG_BUILD_DIR") or os.path.dirname(run.binary)
    path = os.environ.get("TAICANG_S3_CLIENTS") or os.path.join(base, "s3-clients")
    os.makedirs(path, exist_ok=True)
    return path


class locked:
    """Two tests must not install at once."""

    def __init__(self, path):
        self._file = open(path, "w")

    def __enter__(self):
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self._file.close()


def install(words, what, directory):
    done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_LIMIT_S,
                          cwd=directory)
    if done.returncode != 0:
        raise runner.skipped(f"{what} cannot be installed here (no network?): "
                             f"{(done.stdout + done.stderr)[-500:]}")


def boto3_python(run):
    """A Python with the newest boto3, installed on first use."""
    directory = cache_directory(run)
    home = os.path.join(directory, "venv")
    python = os.path.join(home, "bin", "python")
    with locked(os.path.join(directory, "venv.lock")):
        if not os.path.exists(os.path.join(home, "installed")):
            shutil.rmtree(home, ignore_errors=True)
            install([sys.executable, "-m", "venv", home], "a Python environment", directory)
            install([python, "-m", "pip", "install", "-q", "--upgrade", "boto3"], "boto3",
                    directory)
            open(os.path.join(home, "installed"), "w").close()
    return python


def node_directory(run):
    """A directory whose node_modules has the newest SDK, installed on first use."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise runner.skipped("node and npm are not there: run tools/deps test")
    directory = os.path.join(cache_directory(run), "node")
    os.makedirs(directory, exist_ok=True)
    with locked(os.path.join(cache_directory(run), "node.lock")):
        if not os.path.exists(os.path.join(directory, "installed")):
            with open(os.path.join(directory, "package.json"), "w") as file:
                file.write('{"private": true, "type": "module"}\n')
            # One retry: without a network npm's own patience is minutes.
            install(["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=1",
                     *NODE_PACKAGES],
                    "@aws-sdk/client-s3", directory)
            open(os.path.join(directory, "installed"), "w").close()
    return directory


def run_client(run, words, environment, limit_s, cwd=None):
    """Runs a client script; its last line of output becomes figures; failing is a violation."""
    done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=cwd,
                          timeout=limit_s * run.arguments.slow)
    text = done.stdout + done.stderr
    if done.returncode != 0:
        raise violation(f"{os.path.basename(words[1])} failed with {done.returncode}:\n"
                        f"{text[-20000:]}")
    for line in done.stdout.splitlines():
        if line.startswith("figure "):
            name, figure = line.split()[1:3]
            run.figures[name] = figure
    return done.stdout
