#!/usr/bin/env python3
"""The fault disk as it is mounted, without any server: what a program sees through the kernel."""

import mmap
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness import runner
from harness.fault_disk import fault_disk

BLOCK = 4096


class one_run:
    """What fault_disk needs of a run."""

    def __init__(self, directory, binary):
        self.directory = directory
        self.binary = binary
        self.undo = runner.cleanup()

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def make_directory(self, *names):
        os.makedirs(self.path(*names), exist_ok=True)
        return self.path(*names)


class mounted_disk_test(unittest.TestCase):
    def setUp(self):
        import tempfile
        self.temporary = tempfile.TemporaryDirectory(prefix="taicang_fuse_")
        self.run_state = one_run(self.temporary.name, sys.argv[0])
        try:
            self.disk = fault_disk(self.run_state)
        except runner.skipped as reason:
            print(f"fuse_disk_test: SKIPPED: {reason}", flush=True)
            os._exit(runner.SKIP)

    def tearDown(self):
        self.run_state.undo.run()
        self.assertFalse(os.path.ismount(self.disk.mount))
        self.temporary.cleanup()

    def open(self, name, flags=os.O_RDWR | os.O_CREAT):
        return os.open(os.path.join(self.disk.mount, name), flags, 0o600)

    def test_direct_io_write_flush_write_cut(self):
        page = mmap.mmap(-1, 2 * BLOCK)
        page[:] = b"1" * 2 * BLOCK
        file = self.open("device", os.O_RDWR | os.O_CREAT | os.O_DIRECT)
        self.assertEqual(os.pwrite(file, page, 0), 2 * BLOCK)
        os.fdatasync(file)
        page[:] = b"2" * 2 * BLOCK
        self.assertEqual(os.pwrite(file, page, 0), 2 * BLOCK)
        self.assertEqual(os.pread(file, BLOCK, 0), b"2" * BLOCK)
        self.assertEqual(self.disk.tell("cut 1 100 0")["dropped"], 2)
        with self.assertRaises(OSError):
            os.pread(file, BLOCK, 0)
        with self.assertRaises(OSError):
            os.stat(os.path.join(self.disk.mount, "device"))
        self.disk.heal()
        with self.assertRaises(OSError):
            os.pwrite(file, page, 0)
        os.close(file)
        file = self.open("device")
        self.assertEqual(os.pread(file, 2 * BLOCK, 0), b"1" * 2 * BLOCK)
        os.close(file)

    def test_directories_renames_and_sizes(self):
        os.makedirs(os.path.join(self.disk.mount, "a/b"))
        file = self.open("a/b/one")
        os.posix_fallocate(file, 0, 10 * BLOCK)
        self.assertEqual(os.fstat(file).st_size, 10 * BLOCK)
        os.rename(os.path.join(self.disk.mount, "a/b/one"), os.path.join(self.disk.mount, "two"))
        os.fchmod(file, 0o640)
        os.pwrite(file, b"x", 20 * BLOCK)
        self.assertEqual(os.stat(os.path.join(self.disk.mount, "two")).st_size, 20 * BLOCK + 1)
        self.assertEqual(sorted(os.listdir(self.disk.mount)), ["a", "two"])
        os.unlink(os.path.join(self.disk.mount, "two"))
        self.assertEqual(os.fstat(file).st_size, 20 * BLOCK + 1)
        self.assertEqual(os.pread(file, 1, 20 * BLOCK), b"x")
        os.close(file)
        os.rmdir(os.path.join(self.disk.mount, "a/b"))

    def test_a_file_without_a_flush_of_it_or_its_directory_vanishes(self):
        for name in ("flushed", "in_flushed_directory", "forgotten"):
            file = self.open(name)
            os.pwrite(file, b"x", 0)
            if name == "flushed":
                os.fsync(file)
            os.close(file)
            if name == "in_flushed_directory":
                directory = os.open(self.disk.mount, os.O_RDONLY | os.O_DIRECTORY)
                os.fsync(directory)
                os.close(directory)
        self.assertEqual(self.disk.tell("cut 1 100 0")["files_vanished"], 1)
        self.disk.heal()
        self.assertEqual(sorted(os.listdir(self.disk.mount)), ["flushed", "in_flushed_directory"])

    def test_faults_of_one_file(self):
        file = self.open("device")
        os.pwrite(file, b"y" * BLOCK, 0)
        self.disk.tell("fault device read")
        with self.assertRaisesRegex(OSError, "Input/output"):
            os.pread(file, BLOCK, 0)
        os.pwrite(file, b"z", 0)
        self.disk.tell("clear device")
        self.assertEqual(os.pread(file, 1, 0), b"z")
        self.disk.tell("fault device flush")
        with self.assertRaises(OSError):
            os.fsync(file)
        os.close(file)

    def test_many_threads_and_a_cut_in_their_middle(self):
        """What a thread had flushed before the cut is there after it, in every thread."""
        flushed = {}

        def work(number):
            file = self.open(f"file{number}")
            try:
                for step in range(100_000):
                    os.pwrite(file, step.to_bytes(8, "big") * 512, 0)
                    os.fdatasync(file)
                    flushed[number] = step
            except OSError:
                os.close(file)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        while len(flushed) < 6 or min(flushed.values()) < 50:
            pass
        self.disk.cut(77)
        for thread in threads:
            thread.join(10)
            self.assertFalse(thread.is_alive())
        self.disk.heal()
        for number, step in flushed.items():
            file = self.open(f"file{number}")
            for word in range(0, BLOCK, 512):
                found = int.from_bytes(os.pread(file, 8, word), "big")
                self.assertIn(found, (step, step + 1))
            os.close(file)


if __name__ == "__main__":
    unittest.main()
