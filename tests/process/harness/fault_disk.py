"""The FUSE fault disk, and ext4/XFS on a loop device, as things a test mounts and commands."""

import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import time
import subprocess

from harness.runner import command, need_root, skipped

# _IOR('X', 125, __u32), the same number on both file systems.
UNMOUNT_LIMIT_S = 10
SHUTDOWN_IOCTL = 0x8004587D
NO_LOG_FLUSH = 2


PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _unmount_with_parent():
    """In the child before exec: on SIGTERM it unmounts, so no dead mount outlives a killed test."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def find_fuse_disk(binary):
    """taicang_fuse_disk lies beside the server, or TAICANG_FUSE_DISK names it."""
    named = os.environ.get("TAICANG_FUSE_DISK")
    beside = os.path.join(os.path.dirname(os.path.abspath(binary)), "taicang_fuse_disk")
    built = os.path.join(os.environ.get("TAICANG_BUILD_DIR", ""), "taicang_fuse_disk")
    for path in (named, beside, built):
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise skipped(f"taicang_fuse_disk is not built (looked at {beside}); it needs libfuse3-dev: "
                  "run tools/deps, then build the target taicang_fuse_disk")


class fault_disk:
    """One mount. Everything below `mount` is served from `backing`."""

    def __init__(self, run, name="disk", hold=True):
        need_root()
        if not os.path.exists("/dev/fuse"):
            raise skipped("/dev/fuse is not there: no FUSE on this machine")
        program = find_fuse_disk(run.binary)
        self.backing = run.make_directory(f"{name}.backing")
        self.mount = run.make_directory(f"{name}.mount")
        # Socket paths have 108 bytes: the work directory may be deep, so the name is relative.
        self._control = run.path(f"{name}.ctl")
        words = [program, "--backing", self.backing, "--mount", self.mount, "--control",
                 self._control] + (["--hold"] if hold else [])
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                         text=True, preexec_fn=_unmount_with_parent)
        line = self._process.stdout.readline()
        if line.strip() != "ready":
            self._process.wait()
            raise skipped(f"the fault disk cannot be mounted: {self._process.stderr.read()}")
        run.undo.add(self.close)

    def tell(self, text):
        """One command of control_socket.h; returns the words of its answer as a dictionary."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._control)
            connection.sendall(text.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                piece = connection.recv(4096)
                if not piece:
                    break
                answer += piece
        answer = answer.decode().strip()
        if not answer.startswith("ok"):
            raise RuntimeError(f"fault disk: {text!r}: {answer}")
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", answer)}

    def cut(self, seed):
        return self.tell(f"cut {seed}")

    def heal(self):
        self.tell("heal")

    def close(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                command("umount", "-l", self.mount, check=False)
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()


class loop_file_system:
    """ext4 or XFS in a sparse file on a loop device, which can be shut down as by a power cut."""

    def __init__(self, run, kind, size_mib, name="volume"):
        need_root()
        self._image = run.path(f"{name}.{kind}.img")
        self.mount_point = run.make_directory(f"{name}.{kind}.mount")
        self.kind = kind
        with open(self._image, "wb") as image:
            image.truncate(size_mib << 20)
        options = {"ext4": ["-q", "-F"], "xfs": ["-q", "-f"]}[kind]
        try:
            command(f"mkfs.{kind}", *options, self._image)
            self.mount()
        except (FileNotFoundError, RuntimeError) as error:
            raise skipped(f"{kind} on a loop device is impossible here: {error}") from error
        run.undo.add(self.close)

    def mount(self):
        command("mount", "-o", "loop", self._image, self.mount_point)

    def unmount(self):
        # A killed process's ring is taken down by the kernel some time after the process is gone for
        # its parent; until then its files keep the mount busy.
        until = time.monotonic() + UNMOUNT_LIMIT_S
        while command("umount", self.mount_point, check=False).returncode != 0:
            if time.monotonic() > until:
                command("umount", self.mount_point)
                return
            time.sleep(0.05)

    def shut_down(self):
        """The file system goes down at once, its log is not flushed."""
        descriptor = os.open(self.mount_point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN_IOCTL, struct.pack("I", NO_LOG_FLUSH))
        except OSError as error:
            raise skipped(f"{self.kind} has no shutdown ioctl here: {error}") from error
        finally:
            os.close(descriptor)

    def close(self):
        if os.path.ismount(self.mount_point):
            if command("umount", self.mount_point, check=False).returncode != 0:
                command("umount", "-l", self.mount_point, check=False)
        if os.path.exists(self._image):
            os.unlink(self._image)
