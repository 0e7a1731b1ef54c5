"""What the clients write: contents that say what they are.

A value is (writer, sequence, size); its bytes follow from that alone, so a checker that finds any
bytes can tell the version they belong to, and whether they are whole.
"""

import hashlib
import random
import re

HEADER_BYTES = 48
POOL_BYTES = 8 << 20
PIECE_BYTES = 1 << 20
POOL_SEED = 43697

_pool = random.Random(POOL_SEED).randbytes(POOL_BYTES)
_pool_view = memoryview(_pool + _pool[:PIECE_BYTES])
_HEADER = re.compile(rb"^(\d{8})\.(\d{4})\.(\d{11})\.taicang-object")


class value:
    """One version of one object. Two values are the same content when they compare equal."""

    __slots__ = ("writer", "sequence", "size", "part_bytes", "_etag")

    def __init__(self, writer, sequence, size, part_bytes=0):
        self.writer = writer
        self.sequence = sequence
        self.size = size
        self.part_bytes = part_bytes  # > 0: uploaded in parts of this size
        self._etag = None

    def __eq__(self, other):
        return (other is not None and self.writer == other.writer
                and self.sequence == other.sequence and self.size == other.size)

    def __hash__(self):
        return hash((self.writer, self.sequence, self.size))

    def __repr__(self):
        parts = f" in parts of {self.part_bytes}" if self.part_bytes else ""
        return f"<writer {self.writer} sequence {self.sequence}, {self.size} bytes{parts}>"

    def name(self):
        return f"{self.writer}-{self.sequence}-{self.size}"

    def pieces(self, start=0, end=None):
        """The bytes [start, end) as a list of bytes-likes."""
        end = self.size if end is None else min(end, self.size)
        header = f"{self.sequence:08d}.{self.writer:04d}.{self.size:011d}.taicang-object"
        header = header.ljust(HEADER_BYTES, "\n").encode()
        out = []
        if start < HEADER_BYTES:
            out.append(header[start:min(end, HEADER_BYTES)])
            start = HEADER_BYTES
        while start < end:
            number, within = divmod(start, PIECE_BYTES)
            length = min(PIECE_BYTES - within, end - start)
            # A multiplicative hash spreads the pieces of all values over the pool.
            mixed = (self.writer * 0x9E3779B1 + self.sequence * 0x85EBCA77 + number * 0xC2B2AE3D)
            offset = (mixed * 0x27D4EB2F >> 7) % POOL_BYTES
            out.append(_pool_view[offset + within:offset + within + length])
            start += length
        return out

    def content(self):
        return b"".join(self.pieces())

    def parts(self):
        return [(at, min(at + self.part_bytes, self.size))
                for at in range(0, self.size, self.part_bytes)]

    def etag(self):
        """The ETag S3 gives it, with its quotes."""
        if self._etag is None:
            if not self.part_bytes:
                self._etag = f'"{md5_of(self.pieces()).hexdigest()}"'
            else:
                digests = [md5_of(self.pieces(*part)).digest() for part in self.parts()]
                whole = hashlib.md5(b"".join(digests)).hexdigest()
                self._etag = f'"{whole}-{len(digests)}"'
        return self._etag


def md5_of(pieces):
    digest = hashlib.md5()
    for piece in pieces:
        digest.update(piece)
    return digest


def describe(body):
    """What some bytes are: for the report of a violation."""
    found = _HEADER.match(body[:HEADER_BYTES])
    if not found:
        return f"{len(body)} bytes that start with {body[:24]!r}, no header of any version"
    said = value(int(found[2]), int(found[1]), int(found[3]))
    if said.size == len(body):
        difference = first_difference(said.content(), body)
        if difference < 0:
            return f"the whole of {said}"
        return f"TORN {said}: wrong from byte {difference} on ({body[difference:difference+8]!r})"
    return f"TORN: {len(body)} bytes under the header of {said}"


def first_difference(left, right):
    if left == right:
        return -1
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[:middle] == right[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
