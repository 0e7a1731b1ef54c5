#!/usr/bin/env python3
"""What somebody meets who starts a hub for the first time, and the second.

- without keys given, the first start makes a root key and prints it; what the second start prints,
  typed into a shell, gives the same key, and it signs;
- a verb typed without a key says so and makes none, since the next start would take it for the hub's;
- a machine without IPv6 is served on what it has, and told so; no address at all is an error;
- S3 over TLS and over IPv6, by path and by virtual host;
- a hub without a tier hdd refuses STANDARD_IA, small objects too;
- the journal's cap follows the size of the extents;
- `config check` refuses what `serve` would refuse.
"""

import ctypes
import fcntl
import http.client
import json
import multiprocessing
import os
import re
import socket
import ssl
import struct
import subprocess

from harness import runner
from harness.history import violation
from harness.s3_client import s3_client, signer
from harness.server import ACCESS_KEY, SECRET_KEY, free_port, server

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
NO_NAMESPACE = 9
KEYS = ("TAICANG_ROOT_ACCESS_KEY", "TAICANG_ROOT_SECRET_KEY")
EXIT_USAGE, EXIT_NOT_ALLOWED = 2, 4
JOURNAL_SEGMENTS_CAPPED = 512


def expect(true, what):
    if not true:
        raise violation(what)


def typed_into_a_shell(text):
    """The keys that the lines `export ...` of a welcome give."""
    lines = [line for line in text.splitlines() if line.strip().startswith("export AWS_")]
    words = "\n".join(lines) + '\nprintf "%s\\n" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"'
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, env={"PATH":
                          os.environ["PATH"]}, check=True)
    return done.stdout.split("\n")[:2]


class first_start_test:
    def __init__(self, run):
        self.run = run

    def hub_without_keys(self, name):
        hub = server(self.run, self.run.path(name), name)
        for key in KEYS:
            del hub.environment[key]
        return hub

    def keys_are_printed(self):
        hub = self.hub_without_keys("keys")
        hub.start()
        first = typed_into_a_shell(hub.log_since_start())
        expect(len(first[0]) >= 16 and len(first[1]) >= 32, f"no generated key in {first[0]!r}")
        hub.stop()
        hub.start()
        second = typed_into_a_shell(hub.log_since_start())
        expect(second == first, f"the second start prints the key {second[0]!r} "
                                f"{'and another secret' if second[0] == first[0] else ''}")
        expect(first[1] not in hub.log_since_start(), "the second start prints the secret")
        client = s3_client(("127.0.0.1", hub.port), *second, 60)
        expect(client.create_bucket("granary").status == 200, "the printed key does not sign")
        client.close()
        status = hub.cli("status", "--data", hub.data)
        expect(status.returncode == 0, f"status with the kept key: {status.stderr}")
        shown = json.loads(hub.cli("status", "--data", hub.data, "--json").stdout)
        expect(shown["io_backend_reason"].startswith(shown["io_backend"] + ": "),
               f"why {shown['io_backend']}: {shown['io_backend_reason']!r}")
        hub.stop()

    def verbs_make_no_key(self):
        hub = server(self.run, self.run.path("given"), "given")
        hub.start()
        without = {name: text for name, text in hub.environment.items() if name not in KEYS}
        done = subprocess.run([hub.binary, "bucket", "ls", "--data", hub.data], env=without,
                              capture_output=True, text=True)
        expect(done.returncode == EXIT_NOT_ALLOWED and KEYS[0] in done.stderr,
               f"`bucket ls` without a key: exit {done.returncode}, {done.stderr!r}")
        expect(not os.path.exists(os.path.join(hub.data, "root-credentials")),
               "a verb made a root key")
        hub.stop()

    def no_ipv6(self):
        child = multiprocessing.get_context("fork").Process(target=self.without_ipv6)
        child.start()
        child.join()
        self.run.figures["no_ipv6"] = "not tried" if child.exitcode == NO_NAMESPACE else "tried"
        expect(child.exitcode in (0, NO_NAMESPACE), f"without IPv6: exit {child.exitcode}, above")

    def without_ipv6(self):
        """In a process and network of its own."""
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            os._exit(NO_NAMESPACE)
        with socket.socket() as any_socket:
            request = struct.pack("16sh14x", b"lo", 0)
            flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
        if os.path.exists("/proc/sys/net/ipv6/conf/all/disable_ipv6"):
            with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w") as switch:
                switch.write("1")
        hub = server(self.run, self.run.path("old"), "old")
        hub.extra_arguments = ["--listen", f"[::1]:{hub.port}", "--admin", f"[::1]:{hub.admin_port}"]
        hub.start()
        said = hub.log_since_start()
        expect(said.count("listener_left_out") == 2, f"not told that ::1 is left out: {said}")
        hub.make_bucket("granary")
        hub.stop()
        only = subprocess.run([hub.binary, "serve", "--data", hub.data, "--listen", "[::1]:9000",
                               "--admin", "[::1]:9001"], env=hub.environment, capture_output=True,
                              text=True, timeout=60)
        expect(only.returncode == EXIT_USAGE and "exists on this machine" in only.stderr,
               f"no address to listen on: exit {only.returncode}, {only.stderr}")

    def tls_ipv6_and_virtual_hosts(self):
        certificate, key = self.run.path("cert.pem"), self.run.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out",
                        certificate, "-keyout", key], check=True, capture_output=True)
        port = free_port()
        hub = server(self.run, self.run.path("tls"), "tls", extra_environment={
            "TAICANG_LISTEN_TLS": f"127.0.0.1:{port}", "TAICANG_TLS_CERTIFICATE": certificate,
            "TAICANG_TLS_KEY": key, "TAICANG_DOMAINS": "granary.test"})
        hub.extra_arguments = ["--listen", f"[::1]:{hub.port}"]
        hub.start()
        hub.make_bucket("corn")
        trusted = ssl.create_default_context(cafile=certificate)
        secure = http.client.HTTPSConnection("127.0.0.1", port, context=trusted, timeout=60)
        expect(self.call(secure, "PUT", f"127.0.0.1:{port}", "/corn/ear", b"yellow")[0] == 200,
               "PUT over TLS")
        addresses = ["127.0.0.1"] + (["::1"] if "listener_left_out" not in hub.log_since_start()
                                     else [])
        for address in addresses:
            plain = http.client.HTTPConnection(address, hub.port, timeout=60)
            found = self.call(plain, "GET", "corn.granary.test", "/ear")
            expect(found == (200, b"yellow"), f"GET by virtual host from {address}: {found}")
            plain.close()
        self.run.figures["addresses"] = len(addresses)
        secure.close()
        hub.stop()

    @staticmethod
    def call(connection, method, host, path, body=None):
        """(status, body) of a presigned request."""
        query = signer(ACCESS_KEY, SECRET_KEY).presign(method, host, path, [], 60)
        connection.request(method, f"{path}?{query}", body, {"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def configuration_is_checked(self):
        path = self.run.path("taicang.toml")
        for text, word in (('listen = ["127.0.0.1"]', "HOST:PORT"),
                           ('listen = ["127.0.0.1:99999"]', "65535"),
                           ('admin = ["nowhere"]', "HOST:PORT"),
                           ('listen_tls = ["127.0.0.1:9443"]\ntls_certificate = "/no/cert.pem"\n'
                            'tls_key = "/no/key.pem"', "/no/cert.pem"),
                           ('journal_mib = 32', "extent_mib"),
                           ('journal_mib = 4096\nextent_mib = 1', "extent_mib"),
                           ('lisen = []', "lisen")):
            with open(path, "w") as file:
                file.write(text + "\n")
            done = subprocess.run([self.run.binary, "config", "check", "--config", path],
                                  capture_output=True, text=True,
                                  env={"PATH": os.environ["PATH"]})
            expect(done.returncode == EXIT_USAGE and re.search(re.escape(word), done.stderr),
                   f"{text!r} passes: exit {done.returncode}, {done.stderr!r}")

    def no_hdd_tier(self):
        """A class that its tier would keep is refused: a small object of it would wait in the journal
        for ever, and hold what comes after it there."""
        hub = server(self.run, self.run.path("nvme"), "nvme",
                     extra_environment={"TAICANG_HDD_DEVICES": "0"})
        hub.start()
        hub.make_bucket("granary")
        client = hub.client()
        for name, klass, status in (("cold", "STANDARD_IA", 501), ("warm", "STANDARD", 200)):
            answer = client.put("granary", name, [b"rice"], {"x-amz-storage-class": klass})
            expect(answer.status == status, f"{klass} without a tier hdd: {answer.describe()}")
        expect(client.get("granary", "warm").body == b"rice", "the object of class STANDARD is gone")
        client.close()
        hub.stop()

    def small_extents_bound_the_journal(self):
        """A share of a large tier would be more segments than the journal's root can name."""
        hub = server(self.run, self.run.path("extents"), "extents",
                     extra_environment={"TAICANG_HDD_DEVICES": "0", "TAICANG_EXTENT_MIB": "1",
                                        "TAICANG_DEVICE_MIB": "16384"})
        hub.start()
        cap = hub.status()["journal"]["bytes_max"]
        expect(cap == JOURNAL_SEGMENTS_CAPPED << 20, f"the journal's cap is {cap} bytes")
        hub.stop()

    def play(self):
        for case in (self.keys_are_printed, self.verbs_make_no_key, self.no_ipv6, self.no_hdd_tier,
                     self.small_extents_bound_the_journal,
                     self.tls_ipv6_and_virtual_hosts, self.configuration_is_checked):
            case()
            self.run.count("cases")


if __name__ == "__main__":
    runner.main("first_start", runner.parser(__doc__).parse_args(),
                lambda run: first_start_test(run).play(), 120)
