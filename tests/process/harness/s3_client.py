"""A small S3 client on a raw socket: SigV4 by header, one connection, no retries.

It never hides an outcome: a request ends with a response, with `not_sent` (the server cannot have
seen it) or with `outcome_unknown` (it may or may not have taken effect). One client belongs to one
thread.
"""

import hashlib
import hmac
import re
import socket
import time
import xml.etree.ElementTree as element_tree
from urllib.parse import quote

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
HEADER_BYTES_MAX = 256 * 1024
SEND_PIECE_BYTES = 1 << 20
RECEIVE_PIECE_BYTES = 1 << 18


class not_sent(Exception):
    """No connection: the server cannot have seen the request."""


class outcome_unknown(Exception):
    """The connection broke or timed out after bytes of the request went out."""


class response:
    __slots__ = ("status", "headers", "body", "reason")

    def __init__(self, status, reason, headers, body):
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body

    def error_code(self):
        """The <Code> of an error body, or an empty string."""
        found = re.search(rb"<Error>.*?<Code>([^<]*)</Code>", self.body, re.S)
        return found.group(1).decode("ascii", "replace") if found else ""

    def xml(self):
        """The body as XML with the namespaces stripped."""
        root = element_tree.fromstring(self.body)
        for node in root.iter():
            node.tag = node.tag.rsplit("}", 1)[-1]
        return root

    def describe(self):
        return f"{self.status} {self.error_code() or self.reason} {self.body[:300]!r}"


def uri_encode(text, keep_slash):
    return quote(text, safe="-_.~/" if keep_slash else "-_.~", encoding="utf-8", errors="strict")


def canonical_query(query):
    pairs = sorted((uri_encode(name, False), uri_encode(value, False)) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


class signer:
    """Signatures of one key; the derived signing key is kept for the day."""

    def __init__(self, access_key, secret_key, region="us-east-1"):
        self.access_key = access_key
        self.secret_key = secret_key
        self.region = region
        self._day = None
        self._key = None

    def signing_key(self, day):
        if day != self._day:
            key = hmac.digest(("AWS4" + self.secret_key).encode(), day.encode(), "sha256")
            for word in (self.region, "s3", "aws4_request"):
                key = hmac.digest(key, word.encode(), "sha256")
            self._key = key
            self._day = day
        return self._key

    def scope(self, day):
        return f"{day}/{self.region}/s3/aws4_request"

    def signature(self, method, path, query_text, headers, payload_hash, amz_date):
        """headers: sorted list of (lower-case name, value). Returns (signed names, signature)."""
        names = ";".join(name for name, _ in headers)
        canonical = "\n".join((method, path, query_text,
                               "".join(f"{name}:{value}\n" for name, value in headers), names,
                               payload_hash))
        day = amz_date[:8]
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{amz_date}\n{self.scope(day)}\n{digest}"
        return names, hmac.digest(self.signing_key(day), text.encode(), "sha256").hex()

    def authorization(self, method, path, query_text, headers, payload_hash, amz_date):
        names, signature = self.signature(method, path, query_text, headers, payload_hash,
                                          amz_date)
        return (f"AWS4-HMAC-SHA256 Credential={self.access_key}/{self.scope(amz_date[:8])}, "
                f"SignedHeaders={names}, Signature={signature}")

    def presign(self, method, host, path, query, expires_s, when=None):
        """The query string of a presigned URL."""
        amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))
        query = list(query) + [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", f"{self.access_key}/{self.scope(amz_date[:8])}"),
            ("X-Amz-Date", amz_date), ("X-Amz-Expires", str(expires_s)),
            ("X-Amz-SignedHeaders", "host")]
        text = canonical_query(query)
        _, signature = self.signature(method, path, text, [("host", host)], UNSIGNED, amz_date)
        return f"{text}&X-Amz-Signature={signature}"


class s3_client:
    def __init__(self, endpoint, access_key, secret_key, timeout_s=60, region="us-east-1"):
        """endpoint: (host, port)."""
        self.endpoint = endpoint
        self.host = f"{endpoint[0]}:{endpoint[1]}"
        self.timeout_s = timeout_s
        self.signer = signer(access_key, secret_key, region)
        self._socket = None
        self._buffer = b""

    # Connection

    def close(self):
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def _connect(self):
        try:
            self._socket = socket.create_connection(self.endpoint, self.timeout_s)
        except OSError as error:
            raise not_sent(str(error)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def _drop_if_server_closed(self):
        """A kept-alive connection the server has closed while idle says so before we send."""
        self._socket.setblocking(False)
        try:
            if self._socket.recv(1, socket.MSG_PEEK) == b"":
                self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        if self._socket is not None:
            self._socket.settimeout(self.timeout_s)

    # Requests

    def request(self, method, bucket="", key="", query=(), headers=None, body=b"", sign_payload=False,
                sink=None):
        """One request. `body`: bytes or a list of bytes-likes. `sink(piece)` takes the body of a
        2xx answer as it arrives. `query`: pairs of strings."""
        pieces = body if isinstance(body, (list, tuple)) else [body]
        length = sum(len(piece) for piece in pieces)
        path = "/" + uri_encode(bucket, False)
        if key:
            path += "/" + uri_encode(key, True)
        amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        payload_hash = UNSIGNED
        if sign_payload:
            digest = hashlib.sha256()
            for piece in pieces:
                digest.update(piece)
            payload_hash = digest.hexdigest()
        given = {"host": self.host, "x-amz-date": amz_date, "x-amz-content-sha256": payload_hash}
        if headers:
            given.update((name.lower(), value) for name, value in headers.items())
        query_text = canonical_query(query) if query else ""
        signed = sorted((name, value) for name, value in given.items()
                        if name == "host" or name.startswith("x-amz-")
                        or name in ("content-md5", "content-type"))
        given["authorization"] = self.signer.authorization(method, path, query_text, signed,
                                                           payload_hash, amz_date)
        if method in ("PUT", "POST") or length:
            given["content-length"] = str(length)
        lines = [f"{method} {path}{'?' + query_text if query_text else ''} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in given.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        return self.exchange(head, pieces, method == "HEAD", sink)

    def exchange(self, head, pieces=(), no_body=False, sink=None):
        """Sends raw bytes and reads one response."""
        if self._socket is not None:
            self._drop_if_server_closed()
        if self._socket is None:
            self._connect()
        try:
            self._send(head, pieces)
            return self._receive(no_body, sink)
        except (OSError, ValueError) as error:
            self.close()
            raise outcome_unknown(f"{type(error).__name__}: {error}") from error

    def _send(self, head, pieces):
        try:
            if len(pieces) == 1 and len(pieces[0]) < SEND_PIECE_BYTES:
                self._socket.sendall(head + bytes(pieces[0]))
                return
            self._socket.sendall(head)
            for piece in pieces:
                view = memoryview(piece)
                for at in range(0, len(view), SEND_PIECE_BYTES):
                    self._socket.sendall(view[at:at + SEND_PIECE_BYTES])
        except (BrokenPipeError, ConnectionResetError):
            # The server may have refused early and said why: _receive finds that or nothing.
            pass

    def _more(self):
        piece = self._socket.recv(RECEIVE_PIECE_BYTES)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece

    def _line_block(self):
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end >= 0:
                block, self._buffer = self._buffer[:end], self._buffer[end + 4:]
                return block
            if len(self._buffer) > HEADER_BYTES_MAX:
                raise ValueError("endless response header")
            self._buffer += self._more()

    def _receive(self, no_body, sink):
        while True:
            lines = self._line_block().decode("latin-1").split("\r\n")
            words = lines[0].split(" ", 2)
            status = int(words[1])
            if status != 100:
                break
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        out = [] if sink is None or status >= 300 else None
        take = out.append if out is not None else sink
        whole = True
        if no_body or status in (204, 304):
            pass
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self._take_chunked(take)
        elif "content-length" in headers:
            self._take(int(headers["content-length"]), take)
        else:
            whole = False
            self._take_until_close(take)
        if not whole or headers.get("connection", "").lower() == "close":
            self.close()
        return response(status, words[2] if len(words) > 2 else "", headers,
                        b"".join(out) if out else b"")

    def _take(self, length, take):
        if self._buffer:
            piece, self._buffer = self._buffer[:length], self._buffer[length:]
            take(piece)
            length -= len(piece)
        while length > 0:
            piece = self._socket.recv(min(length, RECEIVE_PIECE_BYTES * 4))
            if not piece:
                raise ConnectionError(f"the body ended {length} bytes short")
            take(piece)
            length -= len(piece)

    def _take_chunked(self, take):
        while True:
            while b"\r\n" not in self._buffer:
                self._buffer += self._more()
            line, self._buffer = self._buffer.split(b"\r\n", 1)
            size = int(line.split(b";")[0], 16)
            if size == 0:
                self._buffer = b"\r\n" + self._buffer
                self._line_block() if b"\r\n\r\n" in self._buffer else self._end_of_chunks()
                return
            self._take(size, take)
            while len(self._buffer) < 2:
                self._buffer += self._more()
            self._buffer = self._buffer[2:]

    def _end_of_chunks(self):
        while self._buffer != b"\r\n\r\n" and b"\r\n\r\n" not in self._buffer:
            self._buffer += self._more()
        self._line_block()

    def _take_until_close(self, take):
        if self._buffer:
            take(self._buffer)
        while True:
            piece = self._socket.recv(RECEIVE_PIECE_BYTES)
            if not piece:
                return
            take(piece)

    # Verbs

    def create_bucket(self, bucket):
        return self.request("PUT", bucket)

    def put(self, bucket, key, body, headers=None, sign_payload=False):
        return self.request("PUT", bucket, key, headers=headers, body=body,
                            sign_payload=sign_payload)

    def get(self, bucket, key, headers=None, sink=None, query=()):
        return self.request("GET", bucket, key, query, headers=headers, sink=sink)

    def head(self, bucket, key, headers=None):
        return self.request("HEAD", bucket, key, headers=headers)

    def delete(self, bucket, key):
        return self.request("DELETE", bucket, key)

    def copy(self, bucket, key, source_key):
        source = "/" + bucket + "/" + uri_encode(source_key, True)
        return self.request("PUT", bucket, key, headers={"x-amz-copy-source": source})

    def delete_objects(self, bucket, keys, quiet=False):
        body = delete_objects_body(keys, quiet)
        digest = base64_md5(body)
        return self.request("POST", bucket, query=[("delete", "")], body=body, sign_payload=True,
                            headers={"content-md5": digest, "content-type": "application/xml"})

    def list_page(self, bucket, prefix="", start=None, token=None, delimiter=None, keys_max=None):
        query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
        if start is not None:
            query.append(("start-after", start))
        if token is not None:
            query.append(("continuation-token", token))
        if delimiter is not None:
            query.append(("delimiter", delimiter))
        if keys_max is not None:
            query.append(("max-keys", str(keys_max)))
        return self.request("GET", bucket, query=query)

    def create_upload(self, bucket, key, headers=None):
        return self.request("POST", bucket, key, [("uploads", "")], headers=headers)

    def put_part(self, bucket, key, upload, number, body):
        query = [("partNumber", str(number)), ("uploadId", upload)]
        return self.request("PUT", bucket, key, query, body=body)

    def complete_upload(self, bucket, key, upload, parts):
        """parts: list of (number, etag)."""
        body = ["<CompleteMultipartUpload>"]
        body += [f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                 for number, etag in parts]
        body.append("</CompleteMultipartUpload>")
        return self.request("POST", bucket, key, [("uploadId", upload)],
                            body="".join(body).encode())

    def abort_upload(self, bucket, key, upload):
        return self.request("DELETE", bucket, key, [("uploadId", upload)])

    def list_parts(self, bucket, key, upload):
        return self.request("GET", bucket, key, [("uploadId", upload)])


def base64_md5(body):
    import base64
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def xml_escape(text):
    for old, new in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        text = text.replace(old, new)
    return text


def delete_objects_body(keys, quiet=False):
    body = "".join(f"<Object><Key>{xml_escape(key)}</Key></Object>" for key in keys)
    return f"<Delete>{'<Quiet>true</Quiet>' if quiet else ''}{body}</Delete>".encode()
