"""The requests of hostile.py as data: what is sent, and what may come back."""

import base64
import hashlib
import time

from harness.raw_http import CLOSED

DAY_S = 86400
PIECE = 16384


class case:
    def __init__(self, name, data, *allowed, half_close=False):
        self.name = name
        self.data = data
        self.allowed = allowed
        self.half_close = half_close


BAD = (400, 403, 405, 501, 505, CLOSED)


def malformed(raw, bucket):
    yield from request_lines(raw)
    yield from header_fields(raw, bucket)
    yield from lengths(raw, bucket)
    yield from transfer_chunks(raw, bucket)
    yield from signed_chunks(raw, bucket)
    yield from signatures(raw, bucket)
    yield from xml_bodies(raw, bucket)
    yield from arguments(raw, bucket)


def request_lines(raw):
    host = f"\r\nHost: {raw.host}\r\n\r\n".encode()
    yield case("binary noise", bytes(range(256)) * 4 + b"\r\n\r\n", *BAD)
    yield case("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), *BAD,
               half_close=True)
    yield case("no target", b"GET\r\n\r\n", *BAD)
    yield case("no version", b"GET /" + host, *BAD)
    yield case("version 9.9", b"GET / HTTP/9.9" + host, *BAD)
    yield case("unknown method", b"BREW / HTTP/1.1" + host, *BAD)
    yield case("a method of 10 KB", b"G" * 10_000 + b" / HTTP/1.1" + host, *BAD)
    yield case("two spaces", b"GET  /  HTTP/1.1" + host, *BAD)
    yield case("empty lines only", b"\r\n" * 2000, *BAD, half_close=True)
    yield case("bare line feeds", b"GET / HTTP/1.1\nHost: a\n\n", *BAD, half_close=True)
    yield case("a target with a NUL", b"GET /a\x00b HTTP/1.1" + host, *BAD)
    for target in ("//", "/%", "/%zz", "/%00", "/../../etc/passwd", "/a/../../etc/passwd", "*",
                   "http://elsewhere/x", "/?%", "/a?uploads&%zz=1", "/a/b?partNumber", "?", "/%ff"):
        yield case(f"target {target}", b"GET " + target.encode() + b" HTTP/1.1" + host,
                   *BAD, 404)


def header_fields(raw, bucket):
    start = f"GET /{bucket} HTTP/1.1\r\n".encode()
    host = f"Host: {raw.host}\r\n".encode()
    yield case("no Host", start + b"\r\n", *BAD)
    yield case("two Hosts", start + host + b"Host: other\r\n\r\n", *BAD)
    yield case("a space before the colon", start + host + b"X-A : b\r\n\r\n", *BAD)
    yield case("no colon", start + host + b"nonsense\r\n\r\n", *BAD)
    yield case("an empty name", start + host + b": b\r\n\r\n", *BAD)
    yield case("a NUL in a value", start + host + b"X-A: a\x00b\r\n\r\n", *BAD)
    yield case("a folded header", start + host + b"X-A: a\r\n b\r\n\r\n", *BAD)
    yield case("a head cut short", start + host + b"X-A: ", *BAD, 408, half_close=True)
    yield case("Expect something", raw.request("PUT", f"/{bucket}/never-expect", body=b"",
                                               headers={"expect": "miracles"}, length=10),
               *BAD, 417, half_close=True)


def lengths(raw, bucket):
    path = f"/{bucket}/never-length"
    for length in ("abc", "-1", "+5", "0x10", "1e3", " ", "99999999999999999999999", "5, 6"):
        yield case(f"Content-Length {length}",
                   raw.request("PUT", path, headers={"content-length": length}, body=b"12345"),
                   *BAD, 411, 413, half_close=True)
    twice = raw.request("PUT", path, body=b"12345").replace(
        b"content-length: 5", b"content-length: 5\r\ncontent-length: 6")
    yield case("two Content-Lengths", twice, *BAD, half_close=True)
    both = raw.request("PUT", path, body=b"0\r\n\r\n", headers={"transfer-encoding": "chunked"})
    yield case("Content-Length and chunked", both, *BAD, 411, half_close=True)
    yield case("a body cut short", raw.request("PUT", path, body=b"x" * 1000, length=5000),
               (400, "IncompleteBody"), (400, "RequestTimeout"), CLOSED, half_close=True)
    yield case("a PUT of 6 GiB", raw.request("PUT", path, length=6 << 30),
               (400, "EntityTooLarge"), 413, CLOSED, half_close=True)
    yield case("no Content-Length", raw.request("PUT", path, body=b"", drop=("content-length",)),
               (411, "MissingContentLength"), half_close=True)


def transfer_chunks(raw, bucket):
    """Transfer-Encoding: chunked with broken chunks; whether or not it is taken at all."""
    head = raw.request("PUT", f"/{bucket}/never-chunk", headers={"transfer-encoding": "chunked"},
                       drop=("content-length",))
    for name, body in (
            ("no size", b"\r\nabc\r\n0\r\n\r\n"), ("size xyz", b"xyz\r\nabc\r\n0\r\n\r\n"),
            ("negative size", b"-5\r\nabcde\r\n0\r\n\r\n"),
            ("overflowing size", b"FFFFFFFFFFFFFFFFFF\r\nabc"),
            ("size of 8 EiB", b"7FFFFFFFFFFFFFFF\r\nabc"),
            ("wrong end of data", b"3\r\nabcdef\r\n0\r\n\r\n"),
            ("no last chunk", b"3\r\nabc\r\n"),
            ("extension of 1 MiB", b"3;" + b"e" * (1 << 20) + b"\r\nabc\r\n0\r\n\r\n")):
        yield case(f"chunked: {name}", head + body, *BAD, 411, half_close=True)
    yield case("unknown transfer coding",
               raw.request("PUT", f"/{bucket}/never-coding", drop=("content-length",),
                           headers={"transfer-encoding": "gzip, xchunked"}) + b"abc",
               *BAD, 411, half_close=True)


def signed_chunks(raw, bucket):
    path = f"/{bucket}/never-signed-chunk"
    pieces = [b"a" * 65536, b"b" * 1000]

    def change(wanted, function):
        return lambda number, chunk: function(chunk) if number == wanted else chunk

    data = [
        ("flipped data", change(1, lambda chunk: chunk.replace(b"bbb", b"bcb", 1)), (403,)),
        ("wrong signature", change(0, lambda chunk: chunk.replace(b"=", b"=0", 1)[:-1]), BAD),
        ("no signature", change(0, lambda chunk: b"10000\r\n" + chunk.split(b"\r\n", 1)[1]), BAD),
        ("no last chunk", change(2, lambda chunk: b""), BAD),
        ("size not hexadecimal", change(0, lambda chunk: b"zz" + chunk), BAD),
        ("huge size", change(0, lambda chunk: b"fffffffff" + chunk), BAD),
        ("endless size", change(0, lambda chunk: b"0" * 100_000 + chunk), BAD)]
    for name, tamper, allowed in data:
        yield case(f"signed chunks: {name}", raw.chunk_signed_request(path, pieces, tamper),
                   *allowed, half_close=True)
    yield case("signed chunks: wrong decoded length",
               raw.chunk_signed_request(path, pieces, decoded_length=70_000), *BAD, half_close=True)
    yield case("streaming trailer without a trailer", raw.request(
        "PUT", path, payload_hash="STREAMING-UNSIGNED-PAYLOAD-TRAILER", body=b"3\r\nabc\r\n0\r\n\r\n",
        headers={"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": "3",
                 "content-encoding": "aws-chunked"}), *BAD, half_close=True)
    yield case("streaming trailer with a wrong checksum", raw.request(
        "PUT", path, payload_hash="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        body=b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
        headers={"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": "3",
                 "content-encoding": "aws-chunked"}), (400, "BadDigest"), (400, "InvalidRequest"),
        (400, "XAmzContentChecksumMismatch"), half_close=True)


def signatures(raw, bucket):
    path = f"/{bucket}/never-auth"
    now = time.time()
    good = raw.request("PUT", path, body=b"x")
    yield case("tampered path", good.replace(b"never-auth", b"never-auti", 1),
               (403, "SignatureDoesNotMatch"))
    yield case("tampered signature", good.replace(b"Signature=", b"Signature=0", 1), 400, 403)
    yield case("unknown key", good.replace(raw.signer.access_key.encode(), b"NOSUCHKEY", 1),
               (403, "InvalidAccessKeyId"))
    yield case("an hour early", raw.request("PUT", path, body=b"x", when=now - 3600),
               (403, "RequestTimeTooSkewed"))
    yield case("a day late", raw.request("PUT", path, body=b"x", when=now + DAY_S),
               (403, "RequestTimeTooSkewed"), (403, "SignatureDoesNotMatch"), 400)
    yield case("no date", raw.request("PUT", path, body=b"x", drop=("x-amz-date",)), 400, 403)
    yield case("no signature at all", raw.request("PUT", path, body=b"x", drop=("authorization",)),
               (403, "AccessDenied"))
    for text in ("", "x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,"
                 "Signature=", "AWS4-HMAC-SHA256 " + "a" * 20_000, "Basic YTpi", "Bearer x",
                 "AWS AKID:signature", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f/g/h, "
                 "SignedHeaders=host;host;host, Signature=" + "f" * 64):
        start = good.index(b"authorization: ")
        end = good.index(b"\r\n", start)
        yield case(f"Authorization {text[:60]!r}",
                   good[:start] + b"authorization: " + text.encode() + good[end:], 400, 403,
                   431, CLOSED)
    yield case("wrong payload hash", raw.request("PUT", path, body=b"x", payload_hash="0" * 64),
               (400, "XAmzContentSHA256Mismatch"))
    yield case("payload hash that is none", raw.request("PUT", path, body=b"x", payload_hash="y"),
               400, 403)
    yield case("wrong Content-MD5", raw.request("PUT", path, body=b"x", headers={
        "content-md5": base64.b64encode(hashlib.md5(b"y").digest()).decode()}), (400, "BadDigest"))
    yield case("Content-MD5 that is none", raw.request("PUT", path, body=b"x", headers={
        "content-md5": "@@@"}), (400, "InvalidDigest"))


def xml_bodies(raw, bucket):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    documents = (
        ("empty", b""), ("no XML", b"hello"), ("binary", bytes(range(256))),
        ("cut short", b"<Delete><Object><Key>a</Key>"),
        ("wrong root", b"<Nonsense/>"), ("not closed", b"<Delete><Object></Delete>"),
        ("two roots", b"<Delete/><Delete/>"), ("bad UTF-8", b"<Delete><Object><Key>\xff\xfe</Key>"
                                               b"</Object></Delete>"),
        ("a NUL", b"<Delete>\x00</Delete>"),
        ("1,001 keys", b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>"),
        ("deep", b"<a>" * 100_000 + b"</a>" * 100_000),
        ("attributes", b"<Delete " + b" ".join(b'a%d="b"' % n for n in range(20_000)) + b"/>"),
        ("billion laughs", ('<!DOCTYPE d [<!ENTITY l0 "lol">' + laughs + "]><Delete><Object><Key>"
                            "&l9;</Key></Object></Delete>").encode()),
        ("external entity", b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete>'
                            b"<Object><Key>&x;</Key></Object></Delete>"),
        ("a key of 1 MiB", b"<Delete><Object><Key>" + b"k" * (1 << 20) + b"</Key></Object>"
                           b"</Delete>"),
        ("24 MiB", b"<Delete>" + b"<!-- " + b"x" * (24 << 20) + b" --></Delete>"))
    for name, text in documents:
        digest = base64.b64encode(hashlib.md5(text).digest()).decode()
        yield case(f"DeleteObjects with XML: {name}", raw.request(
            "POST", f"/{bucket}", [("delete", "")], {"content-md5": digest}, text),
            (400, "MalformedXML"), (400, "EntityTooLarge"), (400, "MaxMessageLengthExceeded"),
            (400, "KeyTooLongError"), (400, "MissingRequestBodyError"), 413, CLOSED,
            *((200,) if name == "a key of 1 MiB" else ()))
        yield case(f"CompleteMultipartUpload with XML: {name}", raw.request(
            "POST", f"/{bucket}/never-xml", [("uploadId", "nonsense")], (), text),
            (400, "MalformedXML"), (404, "NoSuchUpload"), (400, "EntityTooLarge"),
            (400, "MaxMessageLengthExceeded"), (400, "MissingRequestBodyError"),
            (400, "InvalidRequest"), 413, CLOSED)


def arguments(raw, bucket):
    bad = ((400, "InvalidArgument"), (400, "InvalidRequest"))
    for query in ([("max-keys", "-1")], [("max-keys", "abc")],
                  [("max-keys", "99999999999999999999")], [("list-type", "7")],
                  [("encoding-type", "base64")]):
        yield case(f"list with {query}", raw.request("GET", f"/{bucket}", query), *bad,
                   *((501,) if query[0][0] == "list-type" else ()),
                   *((200,) if query[0][1] in ("7",) else ()))
    for number in ("0", "10001", "-1", "abc", "99999999999999999999", ""):
        yield case(f"part number {number!r}", raw.request(
            "PUT", f"/{bucket}/never-part", [("partNumber", number), ("uploadId", "x")], body=b"x"),
            *bad, (404, "NoSuchUpload"))
    for upload in ("x", "../../..", "%00", "a" * 5000):
        yield case(f"upload id {upload[:20]!r}", raw.request(
            "PUT", f"/{bucket}/never-part", [("partNumber", "1"), ("uploadId", upload)],
            body=b"x"), (404, "NoSuchUpload"), *bad, CLOSED)
    yield case("a key of 1,025 bytes", raw.request("PUT", f"/{bucket}/" + "k" * 1025, body=b"x"),
               (400, "KeyTooLongError"))
    yield case("a key that is no UTF-8", raw.request("PUT", f"/{bucket}/never%FF%FE", body=b"x",
                                                     path_is_raw=True), 400)
    yield case("metadata of 4 KB", raw.request("PUT", f"/{bucket}/never-meta", body=b"x", headers={
        "x-amz-meta-a": "b" * 4096}), (400, "MetadataTooLarge"))
    for text in ("bytes=", "bytes=-", "bytes=a-b", "bytes=5-1", "bytes=0-0,5-6", "lines=1-2",
                 "bytes=99999999999999999999-", "bytes=-99999999999999999999"):
        yield case(f"range {text}", raw.request("GET", f"/{bucket}/good", headers={"range": text}),
                   200, 206, (416, "InvalidRange"), 400)
    for name in ("UPPER", "a", "x" * 64, "a..b", "-a", "a_b", "192.168.0.1"):
        yield case(f"bucket name {name[:20]}", raw.request("PUT", f"/{name}"),
                   (400, "InvalidBucketName"))


def endless(raw, bucket):
    """(name, head, piece sent for ever)."""
    start = f"GET /{bucket} HTTP/1.1\r\nHost: {raw.host}\r\n".encode()
    yield "header value", start + b"X-Endless: ", b"x" * PIECE
    yield "headers", start, b"X-A: b\r\n" * (PIECE // 8)
    yield "header name", start, b"x" * PIECE
    yield "target", b"GET /", b"x" * PIECE
    yield "method", b"", b"X" * PIECE
    yield "empty lines", b"", b"\r\n" * (PIECE // 2)
    chunked = raw.request("PUT", f"/{bucket}/never-endless", headers={
        "transfer-encoding": "chunked"}, drop=("content-length",))
    yield "chunk extension", chunked + b"3;", b"x" * PIECE
    yield "chunk size", chunked, b"0" * PIECE
    streaming = raw.request(
        "PUT", f"/{bucket}/never-endless", payload_hash="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        headers={"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": "3",
                 "content-encoding": "aws-chunked"}, length=1 << 40)
    yield "trailer", streaming + b"3\r\nabc\r\n0\r\n", b"x-amz-checksum-crc32:AAAA\r\n" * 600
    yield "trailer line", streaming + b"3\r\nabc\r\n0\r\n", b"x" * PIECE
    yield "XML", raw.request("POST", f"/{bucket}", [("delete", "")], length=1 << 40) + b"<Delete>", \
        b"<Object><Key>a</Key></Object>" * 500


def fuzz_seeds(raw, bucket):
    body = b"<Delete><Object><Key>never</Key></Object></Delete>"
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    return [
        raw.request("GET", f"/{bucket}/good"),
        raw.request("HEAD", f"/{bucket}/good"),
        raw.request("GET", f"/{bucket}", [("list-type", "2"), ("prefix", "a"), ("delimiter", "/"),
                                          ("max-keys", "5"), ("encoding-type", "url")]),
        raw.request("GET", f"/{bucket}/good", headers={"range": "bytes=5-100"}),
        raw.request("POST", f"/{bucket}", [("delete", "")], {"content-md5": digest}, body),
        raw.request("PUT", f"/{bucket}/fuzzed", body=b"x" * 100),
        raw.chunk_signed_request(f"/{bucket}/fuzzed", [b"a" * 100, b"b" * 50]),
        raw.request("POST", f"/{bucket}/fuzzed", [("uploads", "")]),
    ]


TOKENS = (b"\r\n", b"\n", b"\x00", b":", b" ", b"%", b"%00", b"?", b"&", b"=", b"/", b"..", b";",
          b"-1", b"99999999999999999999", b"<", b">", b"&amp;", b"\xff", b"HTTP/1.1", b"chunked",
          b"Transfer-Encoding: chunked\r\n", b"Content-Length: 7\r\n", b"Expect: 100-continue\r\n",
          b"Host: x\r\n", b"uploadId=", b"x-amz-copy-source: /a/b\r\n")


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at:at] = rng.choice(TOKENS)
        elif kind == 2:
            del data[at:at + rng.randrange(1, 20)]
        elif kind == 3:
            data[at:at] = data[at:at + rng.randrange(1, 200)]
        elif kind == 4:
            data[at:at + 1] = bytes([rng.randrange(256)])
        else:
            data[at:at] = rng.choice(TOKENS) * rng.randrange(1, 50)
    return bytes(data)
