"""The life of a taicang server as a process: start, wait for ready, kill, stop, ask the CLI."""

import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from harness.history import violation
from harness.s3_client import not_sent, outcome_unknown, s3_client

ACCESS_KEY = "TAICANGPROCESSTEST00"
SECRET_KEY = "process-test-secret-key-0123456789abcdef"
PASSED_ON = ("TAICANG_CANARY", "TAICANG_IO_BACKEND", "TAICANG_LOG_LEVEL")
PORTS = (15000, 32000)
READY_LIMIT_S = 60
STOP_LIMIT_S = 60
POLL_S = 0.005
STACKS_LIMIT_S = 60
STACKS_TEXT_MAX = 30_000
PR_SET_PDEATHSIG = 1

# What a log must never hold, whatever else happens.
_FATAL = re.compile(r"AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error:|"
                    r"TC_ASSERT|assertion failed|[Aa]ssertion .* failed|terminate called|std::bad_alloc")

_claims = []
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """In a child before exec: whatever ends the test ends the server too."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """Below the ports that the kernel gives to clients, and ours until this process ends: a restart
    must find its port free, whatever tests run beside it."""
    for _ in range(1000):
        port = PORTS[0] + int.from_bytes(os.urandom(4), "big") % (PORTS[1] - PORTS[0])
        # An abstract name lives as long as its socket and is seen where the port is.
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0taicang-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise RuntimeError(f"no free port in {PORTS}")


def sockets_of(ports):
    """The lines of the kernel's table that name one of them."""
    with open("/proc/net/tcp") as table:
        return "".join(line for line in table if any(f":{port:04X} " in line for port in ports))


class start_failed(Exception):
    """The server ended before it was ready; `text` is what it said, `code` its exit code."""

    def __init__(self, code, text):
        super().__init__(f"exit code {code}, it said: {text[-2000:]}")
        self.code = code
        self.text = text


class server:
    def __init__(self, run, data, name="server", devices=None, extra_environment=None,
                 extra_arguments=()):
        self.run = run
        self.binary = run.binary
        self.data = data
        self.name = name
        self.log_path = run.path(f"{name}.log")
        self.port = free_port()
        self.admin_port = free_port()
        self.process = None
        self.starts = 0
        self.dying = False
        self._log_start = 0
        self.extra_arguments = list(extra_arguments)
        # Unknown TAICANG_ variables are an error to the server: only its own reach it.
        self.environment = {name: text for name, text in os.environ.items()
                            if not name.startswith("TAICANG_") or name in PASSED_ON}
        self.environment.update(TAICANG_ROOT_ACCESS_KEY=ACCESS_KEY,
                                TAICANG_ROOT_SECRET_KEY=SECRET_KEY)
        if devices:
            self.environment["TAICANG_DEVICES_DIR"] = devices
        self.environment.update(extra_environment or {})
        run.undo.add(self.kill)

    # Life

    def launch(self):
        """Starts the process and returns at once."""
        self.dying = False
        self.starts += 1
        with open(self.log_path, "ab") as log:
            log.write(f"\n=== start {self.starts}\n".encode())
            log.flush()
            self._log_start = log.tell()
            words = [self.binary, "serve", "--data", self.data, "--listen",
                     f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin_port}"]
            self.process = subprocess.Popen(words + self.extra_arguments, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=self.environment,
                                            preexec_fn=die_with_parent)

    def wait_ready(self, limit_s=READY_LIMIT_S):
        """Polls /health/ready. Raises start_failed when the process ends first."""
        limit_s *= self.run.arguments.slow
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            code = self.process.poll()
            if code is not None:
                said = self.log_since_start()
                if "Address already in use" in said:
                    said += sockets_of((self.port, self.admin_port))
                raise start_failed(code, said)
            if self.admin_get("/health/ready")[0] == 200:
                return
            time.sleep(POLL_S)
        raise violation(f"NOT READY after {limit_s} s: {self.log_since_start()[-1500:]}\n"
                        f"{self.what_it_does()}")

    def what_it_does(self):
        """Its CPU time, which tells a hang from a starved machine, and where each thread stands."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
        with open("/proc/loadavg") as load:
            text = (f"it has used {(int(user) + int(system)) / os.sysconf('SC_CLK_TCK'):.1f} s of "
                    f"CPU; load {load.read().strip()}")
        if shutil.which("gdb"):
            try:
                done = subprocess.run(["gdb", "-p", str(self.process.pid), "-batch", "-ex",
                                       "thread apply all bt 25"], capture_output=True, text=True,
                                      timeout=STACKS_LIMIT_S)
                text += "\n" + done.stdout[-STACKS_TEXT_MAX:]
            except subprocess.TimeoutExpired:
                text += "\nno stacks: the debugger was not done in time"
        return text

    def start(self, limit_s=READY_LIMIT_S):
        """Starts and waits for ready; returns the seconds it took."""
        started = time.monotonic()
        self.launch()
        try:
            self.wait_ready(limit_s)
        except start_failed as error:
            raise violation(f"the server did not start on {self.data}: {error}") from error
        return time.monotonic() - started

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, and waits until the process is gone."""
        self.dying = True
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGTERM; a clean exit is expected."""
        self.dying = True
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_LIMIT_S * self.run.arguments.slow)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise violation(f"SIGTERM did not stop the server within {STOP_LIMIT_S} s") from None
        self.check_log()
        if code != 0:
            raise violation(f"the server ended with {code} on SIGTERM: "
                            f"{self.log_since_start()[-1500:]}")

    def check_alive(self):
        self.check_log()
        if not self.alive():
            raise violation(f"the server died by itself with {self.process.returncode}: "
                            f"{self.log_since_start()[-2000:]}")

    # What it says

    def log_since_start(self):
        with open(self.log_path, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode("utf-8", "replace")

    def check_log(self):
        found = _FATAL.search(self.log_since_start())
        if found:
            text = self.log_since_start()
            raise violation(f"the server's log: {text[max(0, found.start() - 200):][:2000]}")

    def admin_get(self, path, timeout_s=10):
        """(status, body); status 0 when nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout_s)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def cli(self, *words, timeout_s=300):
        return subprocess.run([self.binary, *words], capture_output=True, text=True,
                              env=self.environment, timeout=timeout_s)

    def _json(self, *words):
        done = self.cli(*words, "--data", self.data, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise violation(f"`taicang {' '.join(words)} --json` gave no JSON (exit "
                            f"{done.returncode}): {done.stdout[:500]} {done.stderr[:500]}") from None

    def status(self):
        return self._json("status")

    def devices(self):
        """The rows of `device ls`: dictionaries with path, uuid, tier, state, bytes_used."""
        found = self._json("device", "ls")
        rows = found if isinstance(found, list) else found.get("devices")
        if not isinstance(rows, list) or not rows:
            raise violation(f"`device ls --json` lists no devices: {str(found)[:500]}")
        for name in ("path", "uuid", "tier", "state", "bytes_used"):
            if name not in rows[0]:
                raise violation(f"`device ls --json` rows have no {name!r}: {rows[0]}")
        return rows

    def fsck(self):
        """Offline check, every live byte included; raises unless clean."""
        done = self.cli("fsck", "--data", self.data, "--read-data")
        if done.returncode != 0:
            raise violation(f"fsck is not clean (exit {done.returncode}): "
                            f"{(done.stdout + done.stderr)[-3000:]}")

    def resident_bytes(self):
        """(VmRSS, VmHWM) in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        return tuple(int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))

    # Clients of it

    def client(self, timeout_s=60):
        return s3_client(("127.0.0.1", self.port), ACCESS_KEY, SECRET_KEY, timeout_s)

    def make_bucket(self, bucket):
        client = self.client()
        try:
            answer = client.create_bucket(bucket)
        except (not_sent, outcome_unknown) as error:
            raise violation(f"CreateBucket: {error}") from error
        finally:
            client.close()
        if answer.status != 200 and answer.error_code() != "BucketAlreadyOwnedByYou":
            raise violation(f"CreateBucket {bucket!r}: {answer.describe()}")


def device_files(data, tier="nvme", devices=None):
    directory = devices or os.path.join(data, "devices")
    return [os.path.join(directory, f"{tier}-{n}.dev") for n in range(6)]


def copy_tree(source, target):
    """A copy that keeps holes as holes."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)
