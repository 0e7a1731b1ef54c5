"""Bytes on a socket, for requests that no client library would send."""

import hashlib
import re
import socket
import time

from harness.s3_client import EMPTY_SHA256, UNSIGNED, canonical_query, signer, uri_encode

CLOSED = "closed"
SILENT = "silent"
ANSWER_BYTES_MAX = 1 << 20


class raw_answer:
    """What came back: `status` is a number, CLOSED (no byte), or SILENT (nothing in time)."""

    def __init__(self, status, data):
        self.status = status
        self.data = data
        found = re.search(rb"<Code>([^<]*)</Code>", data)
        self.code = found.group(1).decode("ascii", "replace") if found else ""

    def __repr__(self):
        return f"{self.status} {self.code} {self.data[:200]!r}"


def read_answer(connection, limit_s):
    """One response head and as much of its body as comes at once, or how it ended instead."""
    data = b""
    deadline = time.monotonic() + limit_s
    while True:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            piece = connection.recv(65536)
        except (TimeoutError, socket.timeout):
            break
        except OSError:
            piece = b""
        if not piece:
            return raw_answer(status_of(data) or CLOSED, data)
        data += piece
        if complete(data) or len(data) > ANSWER_BYTES_MAX:
            break
    return raw_answer(status_of(data) or SILENT, data)


def status_of(data):
    final = re.sub(rb"^HTTP/1\.[01] 100[^\r]*\r\n(?:[^\r]+\r\n)*\r\n", b"", data)
    found = re.match(rb"HTTP/1\.[01] (\d{3})", final)
    return int(found.group(1)) if found else None


def complete(data):
    data = re.sub(rb"^HTTP/1\.[01] 100[^\r]*\r\n(?:[^\r]+\r\n)*\r\n", b"", data)
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if length:
        return len(body) >= int(length.group(1))
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        return body.endswith(b"0\r\n\r\n")
    return bool(re.match(rb"HTTP/1\.[01] (204|304)", head))


class raw_client:
    """Sends bytes to one endpoint, one connection a call."""

    def __init__(self, endpoint, access_key, secret_key, answer_limit_s=15):
        self.endpoint = endpoint
        self.host = f"{endpoint[0]}:{endpoint[1]}"
        self.signer = signer(access_key, secret_key)
        self.answer_limit_s = answer_limit_s

    def connect(self):
        connection = socket.create_connection(self.endpoint, 10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def talk(self, data, half_close=False, limit_s=None):
        """Sends it all (or as much as the server takes) and reads the answer."""
        with self.connect() as connection:
            connection.settimeout(self.answer_limit_s)
            try:
                for at in range(0, len(data), 65536):
                    connection.sendall(data[at:at + 65536])
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused early: the answer may be waiting
            return read_answer(connection, limit_s or self.answer_limit_s)

    def stream(self, head, piece, bytes_max):
        """Sends `piece` for ever after `head`. Returns (answer, bytes the server took)."""
        with self.connect() as connection:
            connection.settimeout(self.answer_limit_s)
            sent = 0
            try:
                connection.sendall(head)
                while sent < bytes_max:
                    connection.sendall(piece)
                    sent += len(piece)
            except OSError:
                pass
            return read_answer(connection, self.answer_limit_s), sent

    def request(self, method, path, query=(), headers=(), body=b"", payload_hash=UNSIGNED,
                when=None, drop=(), length=None, path_is_raw=False):
        """The bytes of a signed request. `drop`: header names to leave out after signing."""
        path = path if path_is_raw else uri_encode(path, True)
        amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))
        text = canonical_query(query)
        own = {"host": self.host, "x-amz-date": amz_date, "x-amz-content-sha256": payload_hash}
        own.update((name.lower(), value) for name, value in dict(headers).items())
        signed = sorted((name, value) for name, value in own.items()
                        if name == "host" or name.startswith("x-amz-") or name == "content-md5")
        own["authorization"] = self.signer.authorization(method, path, text, signed, payload_hash,
                                                         amz_date)
        if length is None and (body or method in ("PUT", "POST")):
            length = len(body)
        if length is not None:
            own.setdefault("content-length", str(length))
        lines = [f"{method} {path}{'?' + text if text else ''} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in own.items() if name not in drop]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body

    def chunk_signed_request(self, path, pieces, tamper=None, decoded_length=None):
        """STREAMING-AWS4-HMAC-SHA256-PAYLOAD; tamper(number, chunk bytes) may change a chunk."""
        kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        total = sum(len(piece) for piece in pieces)
        headers = {"host": self.host, "x-amz-date": amz_date, "x-amz-content-sha256": kind,
                   "x-amz-decoded-content-length": str(decoded_length or total),
                   "content-encoding": "aws-chunked"}
        signed = sorted((name, value) for name, value in headers.items()
                        if name == "host" or name.startswith("x-amz-"))
        path = uri_encode(path, True)
        names, seed = self.signer.signature("PUT", path, "", signed, kind, amz_date)
        scope = self.signer.scope(amz_date[:8])
        body, previous = b"", seed
        for number, piece in enumerate(list(pieces) + [b""]):
            text = "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", amz_date, scope, previous, EMPTY_SHA256,
                              hashlib.sha256(piece).hexdigest()))
            import hmac
            previous = hmac.digest(self.signer.signing_key(amz_date[:8]), text.encode(),
                                   "sha256").hex()
            chunk = f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece + b"\r\n"
            body += tamper(number, chunk) if tamper else chunk
        authorization = (f"AWS4-HMAC-SHA256 Credential={self.signer.access_key}/{scope}, "
                         f"SignedHeaders={names}, Signature={seed}")
        lines = [f"PUT {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"authorization: {authorization}", f"content-length: {len(body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
