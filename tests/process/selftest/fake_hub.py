#!/usr/bin/env python3
"""A stand-in for the server, for testing the harness only: the same command line, a few S3 verbs,
one checksummed log file that is the whole store.

Planted bugs, by the environment, each of which the harness must find:
  TAICANG_CANARY=skip_journal_flush   answers before the log is flushed
  FAKE_HUB_BUG=late_write             answers before the log is written; lost by kill -9
  FAKE_HUB_BUG=forget_deletes         deletes are not logged: they come back at a restart
  FAKE_HUB_BUG=torn                   large objects are written to the log without their last block
  FAKE_HUB_BUG=list_lies              the listing leaves a key out
  FAKE_HUB_BUG=lost_parts             multipart uploads do not survive a restart
"""

import hashlib
import json
import os
import re
import struct
import sys
import threading
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

BUG = os.environ.get("FAKE_HUB_BUG", "")
SKIP_FLUSH = os.environ.get("TAICANG_CANARY") == "skip_journal_flush"
HEADER = struct.Struct("<III")
TORN_FROM_BYTES = 100_000
TORN_LOST_BYTES = 4096


class store:
    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, "nvme-0.dev")
        self.log = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        self.lock = threading.Lock()
        self.buckets = set()
        self.objects = {}  # (bucket, key) -> (body, etag, metadata)
        self.uploads = {}  # id -> (bucket, key, metadata, parts)
        self.end = 0
        self.pending = []
        self._recover()

    def _recover(self):
        data = b""
        while piece := os.pread(self.log, 1 << 24, len(data)):
            data += piece
        while self.end + HEADER.size <= len(data):
            crc, meta_length, body_length = HEADER.unpack_from(data, self.end)
            start = self.end + HEADER.size
            stop = start + meta_length + body_length
            if meta_length == 0 or stop > len(data) or zlib.crc32(data[start:stop]) != crc:
                break
            record = json.loads(data[start:start + meta_length])
            self._apply(record, data[start + meta_length:stop])
            self.end = stop
        os.ftruncate(self.log, self.end)
        os.fsync(self.log)

    def commit(self, record, body=b""):
        """Under self.lock."""
        self._apply(record, body)
        if BUG == "forget_deletes" and record["kind"] == "delete":
            return
        if BUG == "lost_parts" and record["kind"] in ("upload", "part"):
            return
        if BUG == "torn" and len(body) > TORN_FROM_BYTES:
            body = body[:-TORN_LOST_BYTES]
        meta = json.dumps(record).encode()
        payload = meta + body
        data = HEADER.pack(zlib.crc32(payload), len(meta), len(body)) + payload
        if BUG == "late_write":
            self.pending.append(data)
            if len(self.pending) < 5:
                return
            data, self.pending = b"".join(self.pending), []
        os.pwrite(self.log, data, self.end)
        self.end += len(data)
        if not SKIP_FLUSH:
            os.fdatasync(self.log)

    def _apply(self, record, body):
        kind = record["kind"]
        name = (record.get("bucket"), record.get("key"))
        if kind == "bucket":
            self.buckets.add(record["bucket"])
        elif kind == "drop_bucket":
            self.buckets.discard(record["bucket"])
        elif kind == "put":
            self.objects[name] = (body, record["etag"], record["meta"])
            self.uploads.pop(record.get("upload"), None)
        elif kind == "delete":
            self.objects.pop(name, None)
        elif kind == "upload":
            self.uploads[record["id"]] = (record["bucket"], record["key"], record["meta"], {})
        elif kind == "part":
            self.uploads[record["id"]][3][record["number"]] = body
        elif kind == "abort":
            self.uploads.pop(record["id"], None)


class s3_handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, content in (headers or {}).items():
            self.send_header(name, content)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code):
        self.answer(status, f"<Error><Code>{code}</Code></Error>".encode())

    def handle_any(self):
        url = urlsplit(self.path)
        self.query = dict(parse_qsl(url.query, keep_blank_values=True))
        bucket, _, key = url.path[1:].partition("/")
        self.bucket, self.key = unquote(bucket), unquote(key)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.store = self.server.store
        try:
            with self.store.lock:
                getattr(self, self.command.lower())()
        except OSError as error:
            self.error(500, f"InternalError{error.errno}")

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

    def meta(self):
        return {name.lower(): value for name, value in self.headers.items()
                if name.lower().startswith("x-amz-meta-")}

    def put(self):
        if not self.key:
            self.store.commit({"kind": "bucket", "bucket": self.bucket})
            return self.answer(200)
        record = {"kind": "put", "bucket": self.bucket, "key": self.key, "meta": self.meta()}
        etag = f'"{hashlib.md5(self.body).hexdigest()}"'
        if "uploadId" in self.query:
            identifier = self.query["uploadId"]
            if identifier not in self.store.uploads:
                return self.error(404, "NoSuchUpload")
            self.store.commit({"kind": "part", "id": identifier,
                               "number": int(self.query["partNumber"])}, self.body)
            return self.answer(200, headers={"ETag": etag})
        here = self.store.objects.get((self.bucket, self.key))
        if self.headers.get("if-none-match") == "*" and here is not None:
            return self.error(412, "PreconditionFailed")
        source = self.headers.get("x-amz-copy-source")
        if source:
            found = self.store.objects[tuple(unquote(source)[1:].split("/", 1))]
            self.store.commit(dict(record, etag=found[1], meta=found[2]), found[0])
            return self.answer(200, b"<CopyObjectResult/>")
        self.store.commit(dict(record, etag=etag), self.body)
        return self.answer(200, headers={"ETag": etag})

    def get(self):
        if not self.bucket:
            names = "".join(f"<Bucket><Name>{name}</Name></Bucket>"
                            for name in sorted(self.store.buckets))
            return self.answer(200, f"<R><Buckets>{names}</Buckets></R>".encode())
        if not self.key:
            return self.list()
        if "uploadId" in self.query:
            return self.parts()
        found = self.store.objects.get((self.bucket, self.key))
        if found is None:
            return self.error(404, "NoSuchKey")
        body, etag, meta = found
        headers = dict(meta, ETag=etag)
        ranged = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        if ranged:
            return self.answer(206, body[int(ranged[1]):int(ranged[2]) + 1], headers)
        return self.answer(200, body, headers)

    head = get

    def parts(self):
        found = self.store.uploads.get(self.query["uploadId"])
        if found is None:
            return self.error(404, "NoSuchUpload")
        rows = "".join(f"<Part><PartNumber>{number}</PartNumber>"
                       f"<ETag>\"{hashlib.md5(body).hexdigest()}\"</ETag></Part>"
                       for number, body in sorted(found[3].items()))
        return self.answer(200, f"<R>{rows}</R>".encode())

    def list(self):
        after = self.query.get("continuation-token", "")
        prefix = self.query.get("prefix", "")
        most = int(self.query.get("max-keys", 1000))
        keys = sorted((key for bucket, key in self.store.objects if bucket == self.bucket
                       and key.startswith(prefix) and key.encode() > after.encode()),
                      key=str.encode)
        if BUG == "list_lies":
            keys = [key for key in keys if not key.endswith("deep")]
        rows = []
        for key in keys[:most]:
            body, etag, _ = self.store.objects[(self.bucket, key)]
            rows.append(f"<Contents><Key>{quote(key)}</Key><Size>{len(body)}</Size>"
                        f"<ETag>{escape(etag)}</ETag></Contents>")
        more = len(keys) > most
        tail = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        if more:
            tail += f"<NextContinuationToken>{escape(keys[most - 1])}</NextContinuationToken>"
        self.answer(200, f"<R>{''.join(rows)}{tail}</R>".encode())

    def delete(self):
        if not self.key:
            self.store.commit({"kind": "drop_bucket", "bucket": self.bucket})
        elif "uploadId" in self.query:
            self.store.commit({"kind": "abort", "id": self.query["uploadId"]})
        else:
            self.store.commit({"kind": "delete", "bucket": self.bucket, "key": self.key})
        self.answer(204)

    def post(self):
        if "delete" in self.query:
            from xml.etree.ElementTree import fromstring
            keys = [node.text for node in fromstring(self.body).iter("Key")]
            for key in keys:
                self.store.commit({"kind": "delete", "bucket": self.bucket, "key": key})
            rows = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
            return self.answer(200, f"<R>{rows}</R>".encode())
        if "uploads" in self.query:
            identifier = uuid.uuid4().hex
            self.store.commit({"kind": "upload", "id": identifier, "bucket": self.bucket,
                               "key": self.key, "meta": self.meta()})
            return self.answer(200, f"<R><UploadId>{identifier}</UploadId></R>".encode())
        found = self.store.uploads.get(self.query["uploadId"])
        if found is None:
            return self.error(404, "NoSuchUpload")
        parts = [body for _, body in sorted(found[3].items())]
        digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
        self.store.commit({"kind": "put", "bucket": self.bucket, "key": self.key, "meta": found[2],
                           "etag": f'"{digest}-{len(parts)}"', "upload": self.query["uploadId"]},
                          b"".join(parts))
        return self.answer(200, b"<R/>")


class admin_handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.end_headers()


class listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve(options):
    devices = os.environ.get("TAICANG_DEVICES_DIR", os.path.join(options["--data"], "devices"))
    s3_port = int(options["--listen"].rsplit(":", 1)[1])
    admin_port = int(options["--admin"].rsplit(":", 1)[1])
    s3 = listener(("127.0.0.1", s3_port), s3_handler)
    s3.store = store(devices)
    admin = listener(("127.0.0.1", admin_port), admin_handler)
    threading.Thread(target=admin.serve_forever, daemon=True).start()
    s3.serve_forever()


def main():
    import signal
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    verb = sys.argv[1]
    options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
    if verb == "serve":
        serve(options)
    sys.exit(0 if verb == "fsck" else 2)


if __name__ == "__main__":
    main()
