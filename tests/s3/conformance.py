#!/usr/bin/env python3
"""Status and <Code> of every refusal, and the shape of every answer, on the wire.

Each check is one request and what must come back; all are run, and all that differ are shown.
"""

import base64
import hashlib
import re
import time

import s3_test
from harness import runner
from harness.history import violation
from harness.raw_http import raw_client
from harness.s3_client import xml_escape

BUCKET = "conformance"
OTHER = "conformance-other"
PART = 5 << 20
UNKNOWN_SUBRESOURCES = ("acl", "policy", "cors", "lifecycle", "replication", "website", "logging",
                        "notification", "tagging", "encryption", "requestPayment", "accelerate",
                        "inventory", "analytics", "metrics", "publicAccessBlock",
                        "ownershipControls", "object-lock", "intelligent-tiering", "policyStatus",
                        "quota", "no-such-thing")
OBJECT_SUBRESOURCES = ("acl", "tagging", "torrent", "retention", "legal-hold", "attributes",
                       "no-such-thing")


class conformance:
    def __init__(self, run, target):
        self.run = run
        self.client = target.client()
        self.raw = raw_client(target.address, target.access_key, target.secret_key)
        self.wrong = []
        self.etag = ""

    def expect(self, name, answer, status, code=None):
        self.run.count("checks")
        good = answer.status == status and (code is None or answer.error_code() == code)
        if good and code is not None:
            root = answer.xml()
            good = root.tag == "Error" and bool(root.findtext("Message")) and \
                bool(root.findtext("RequestId")) and \
                answer.headers.get("content-type") == "application/xml"
        if not good:
            self.wrong.append(f"{name}: expected {status} {code or ''}, got {answer.describe()}")
        return answer

    def expect_raw(self, name, data, status, code, half_close=False):
        self.run.count("checks")
        answer = self.raw.talk(data, half_close)
        if answer.status != status or (code is not None and answer.code != code):
            self.wrong.append(f"{name}: expected {status} {code or ''}, got {answer!r}")

    def check(self, name, good, said=""):
        self.run.count("checks")
        if not good:
            self.wrong.append(f"{name}: {said}")

    def request(self, method, key="", query=(), headers=None, body=b"", bucket=BUCKET):
        return self.client.request(method, bucket, key, query, headers, body)

    # Groups

    def prepare(self):
        for bucket in (BUCKET, OTHER):
            self.expect("create bucket", self.client.create_bucket(bucket), 200)
        answer = self.expect("put", self.client.put(BUCKET, "key", b"0123456789"), 200)
        self.etag = answer.headers.get("etag", "")
        self.check("ETag of a PUT", self.etag == f'"{hashlib.md5(b"0123456789").hexdigest()}"',
                   self.etag)

    def nothing_there(self):
        expect, request = self.expect, self.request
        expect("GET no key", request("GET", "nothing"), 404, "NoSuchKey")
        expect("HEAD no key", request("HEAD", "nothing"), 404)
        expect("DELETE no key", request("DELETE", "nothing"), 204)
        for method, key in (("GET", ""), ("GET", "k"), ("PUT", "k"), ("DELETE", "k"),
                            ("DELETE", "")):
            expect(f"{method} in no bucket", request(method, key, bucket="no-such-bucket"), 404,
                   "NoSuchBucket")
        expect("HEAD no bucket", request("HEAD", bucket="no-such-bucket"), 404)
        expect("upload in no bucket", request("POST", "k", [("uploads", "")],
                                              bucket="no-such-bucket"), 404, "NoSuchBucket")
        expect("GET on a key as if it were a folder", request("GET", "key/"), 404, "NoSuchKey")

    def buckets(self):
        expect, request = self.expect, self.request
        expect("delete a full bucket", request("DELETE"), 409, "BucketNotEmpty")
        answer = request("PUT")
        self.check("create one's own bucket again", answer.status == 200
                   or answer.error_code() == "BucketAlreadyOwnedByYou", answer.describe())
        for name in ("UPPER", "ab", "x" * 64, "a..b", "-ab", "ab-", "a_b", "192.168.5.4"):
            expect(f"bucket name {name}", request("PUT", bucket=name), 400, "InvalidBucketName")
        expect("bucket configuration that is no XML", request("PUT", body=b"<a", bucket="new-one"),
               400, "MalformedXML")
        answer = expect("location", request("GET", query=[("location", "")]), 200)
        self.check("root of location", answer.xml().tag == "LocationConstraint", answer.body)
        answer = expect("list buckets", self.client.request("GET"), 200)
        names = [node.text for node in answer.xml().iter("Name")]
        self.check("both buckets are listed in order", names == sorted(names)
                   and {BUCKET, OTHER} <= set(names), names)

    def conditions(self):
        expect, request = self.expect, self.request
        yesterday = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - 86400))
        soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 600))
        for method in ("GET", "HEAD"):
            for headers, status in (
                    ({"if-match": self.etag}, 200), ({"if-match": '"x"'}, 412),
                    ({"if-match": "*"}, 200), ({"if-none-match": self.etag}, 304),
                    ({"if-none-match": '"x"'}, 200), ({"if-none-match": "*"}, 304),
                    ({"if-match": f'"x", {self.etag}'}, 200),
                    ({"if-modified-since": yesterday}, 200),
                    ({"if-unmodified-since": yesterday}, 412),
                    ({"if-unmodified-since": soon}, 200),
                    ({"if-match": self.etag, "if-unmodified-since": yesterday}, 200),
                    ({"if-none-match": self.etag, "if-modified-since": yesterday}, 304),
                    ({"if-modified-since": "nonsense"}, 200)):
                code = "PreconditionFailed" if status == 412 and method == "GET" else None
                answer = expect(f"{method} with {headers}", request(method, "key", headers=headers),
                                status, code)
                if status == 304:
                    self.check("304 has an ETag and no body", answer.headers.get("etag")
                               == self.etag and not answer.body, answer.describe())
        put = [({"if-none-match": "*"}, "key", 412, "PreconditionFailed"),
               ({"if-match": '"x"'}, "key", 412, "PreconditionFailed"),
               ({"if-match": self.etag}, "nothing", 404, "NoSuchKey"),
               ({"if-none-match": "*"}, "fresh", 200, None)]
        for headers, key, status, code in put:
            expect(f"PUT {key} with {headers}", request("PUT", key, headers=headers, body=b"x"),
                   status, code)
        expect("the refused PUTs changed nothing", request("GET", "nothing"), 404, "NoSuchKey")
        answer = request("GET", "key")
        self.check("the refused PUTs changed nothing", answer.body == b"0123456789", answer.body)

    def ranges(self):
        for text, status, body in (
                ("bytes=0-3", 206, b"0123"), ("bytes=-3", 206, b"789"), ("bytes=7-", 206, b"789"),
                ("bytes=5-99", 206, b"56789"), ("bytes=10-", 416, None), ("bytes=10-20", 416, None),
                ("bytes=-0", 416, None),
                ("nonsense", 200, b"0123456789"), ("bytes=a-b", 200, b"0123456789")):
            answer = self.expect(f"range {text}", self.request("GET", "key", headers={
                "range": text}), status, "InvalidRange" if status == 416 else None)
            if body is not None:
                self.check(f"body of range {text}", answer.body == body, answer.body)
            if status == 206:
                first = b"0123456789".index(body)
                said = answer.headers.get("content-range")
                self.check(f"Content-Range of {text}",
                           said == f"bytes {first}-{first + len(body) - 1}/10", said)
        answer = self.expect("HEAD with a range", self.request("HEAD", "key", headers={
            "range": "bytes=2-4"}), 206)
        self.check("its length", answer.headers.get("content-length") == "3", answer.headers)
        answer = self.request("GET", "key")
        self.check("Accept-Ranges", answer.headers.get("accept-ranges") == "bytes", answer.headers)

    def unknown_subresources(self):
        """Never a wrong success; what is built later answers for itself."""
        known_empty = ("NoSuchLifecycleConfiguration", "NoSuchBucketPolicy", "NoSuchCORSConfiguration",
                       "NoSuchTagSet", "NotImplemented", "ReplicationConfigurationNotFoundError",
                       "NoSuchWebsiteConfiguration", "MethodNotAllowed")
        for name in UNKNOWN_SUBRESOURCES:
            for method in ("GET", "PUT", "DELETE"):
                answer = self.request(method, query=[(name, "")],
                                      body=b"<x/>" if method == "PUT" else b"")
                self.check(f"{method} ?{name} of a bucket", answer.error_code() in known_empty,
                           answer.describe())
        answer = self.expect("tags of an object", self.request("GET", "key", [("tagging", "")]), 200)
        self.check("there are none", answer.xml().tag == "Tagging"
                   and answer.xml().find("TagSet") is not None and not list(answer.xml().iter("Tag")),
                   answer.body)
        for name in OBJECT_SUBRESOURCES:
            for method in ("GET", "PUT", "DELETE"):
                if (name, method) == ("tagging", "GET"):
                    continue  # told above
                answer = self.request(method, "key", [(name, "")],
                                      body=b"<x/>" if method == "PUT" else b"")
                self.check(f"{method} ?{name} of an object", answer.error_code() in known_empty,
                           answer.describe())
        self.expect("POST ?select", self.request("POST", "key", [("select", ""),
                                                                 ("select-type", "2")], body=b"<x/>"),
                    501, "NotImplemented")
        self.expect("POST ?restore", self.request("POST", "key", [("restore", "")], body=b"<x/>"),
                    501, "NotImplemented")
        answer = self.request("GET", "key")
        self.check("the object is still what it was", answer.body == b"0123456789", answer.body)
        self.check("the bucket is still there", self.request("HEAD").status == 200)
        for headers in ({"x-amz-server-side-encryption": "aws:kms"},
                        {"x-amz-object-lock-mode": "GOVERNANCE"}, {"x-amz-tagging": "a=b"},
                        {"x-amz-server-side-encryption-customer-algorithm": "AES256"}):
            answer = self.request("PUT", "promised", headers=headers, body=b"x")
            self.check(f"PUT with {headers} is no silent success", answer.status >= 400,
                       answer.describe())

    def expected_owner(self):
        owner = self.expect("ListBuckets", self.client.request("GET"), 200).xml().find("Owner/ID").text
        header = "x-amz-expected-bucket-owner"
        self.expect("PUT for the owner", self.request("PUT", "owned", headers={header: owner},
                                                      body=b"mine"), 200)
        for method in ("PUT", "DELETE", "GET"):
            self.expect(f"{method} for another owner",
                        self.request(method, "owned", headers={header: "123456789012"},
                                     body=b"theirs" if method == "PUT" else b""), 403, "AccessDenied")
        self.check("it is what it was", self.request("GET", "owned").body == b"mine")
        self.request("DELETE", "owned")

    def uploads(self):
        expect, request = self.expect, self.request
        missing = [("uploadId", "bm9uc2Vuc2U")]
        expect("part of no upload", request("PUT", "u", [("partNumber", "1")] + missing, body=b"x"),
               404, "NoSuchUpload")
        expect("list parts of no upload", request("GET", "u", missing), 404, "NoSuchUpload")
        expect("abort no upload", request("DELETE", "u", missing), 404, "NoSuchUpload")
        one = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>" \
              b"</CompleteMultipartUpload>"
        expect("complete no upload", request("POST", "u", missing, body=one), 404, "NoSuchUpload")
        answer = expect("create", self.client.create_upload(BUCKET, "u"), 200)
        upload = answer.xml().findtext("UploadId")
        self.check("shape of create", (answer.xml().findtext("Bucket"), answer.xml().findtext("Key"))
                   == (BUCKET, "u"), answer.body)
        for number in ("0", "10001", "x"):
            expect(f"part number {number}", request(
                "PUT", "u", [("partNumber", number), ("uploadId", upload)], body=b"x"), 400,
                "InvalidArgument")
        expect("an upload under another key", request("GET", "other", [("uploadId", upload)]), 404,
               "NoSuchUpload")
        etags = [self.client.put_part(BUCKET, "u", upload, n, b"small").headers.get("etag")
                 for n in (1, 2)]
        complete = self.client.complete_upload
        for name, parts, code in (
                ("unknown part", [(3, etags[0])], "InvalidPart"),
                ("wrong ETag", [(1, '"' + "0" * 32 + '"')], "InvalidPart"),
                ("wrong order", [(2, etags[1]), (1, etags[0])], "InvalidPartOrder"),
                ("twice the same", [(1, etags[0]), (1, etags[0])], "InvalidPartOrder"),
                ("too small", [(1, etags[0]), (2, etags[1])], "EntityTooSmall"),
                ("no parts", [], "MalformedXML")):
            expect(f"complete: {name}", complete(BUCKET, "u", upload, parts), 400, code)
        expect("complete: no XML", request("POST", "u", [("uploadId", upload)], body=b"x"), 400,
               "MalformedXML")
        expect("nothing is visible yet", request("GET", "u"), 404, "NoSuchKey")
        answer = expect("complete", complete(BUCKET, "u", upload, [(2, etags[1])]), 200)
        wanted = hashlib.md5(hashlib.md5(b"small").digest()).hexdigest()
        self.check("ETag of one part", answer.xml().findtext("ETag") == f'"{wanted}-1"', answer.body)
        self.check("the object", request("GET", "u").body == b"small")
        answer = self.client.create_upload(BUCKET, "aborted")
        upload = answer.xml().findtext("UploadId")
        expect("abort", self.client.abort_upload(BUCKET, "aborted", upload), 204)
        expect("part after abort", self.client.put_part(BUCKET, "aborted", upload, 1, b"x"), 404,
               "NoSuchUpload")

    def signatures(self):
        raw, path = self.raw, f"/{BUCKET}/key"
        get = raw.request("GET", path)
        now = time.time()
        refused = [
            ("tampered query", get.replace(b"/key HTTP", b"/key?a=b HTTP"), "SignatureDoesNotMatch"),
            ("wrong secret", raw_client(raw.endpoint, raw.signer.access_key, "wrong").request(
                "GET", path), "SignatureDoesNotMatch"),
            ("unknown key", raw_client(raw.endpoint, "AKIANOSUCHKEY", "wrong").request("GET", path),
             "InvalidAccessKeyId"),
            ("an hour old", raw.request("GET", path, when=now - 3600), "RequestTimeTooSkewed"),
            ("an hour ahead", raw.request("GET", path, when=now + 3600), "RequestTimeTooSkewed"),
            ("anonymous", raw.request("GET", path, drop=("authorization",)), "AccessDenied")]
        for name, data, code in refused:
            self.expect_raw(f"signature: {name}", data, 403, code)
        start = get.index(b"authorization: ")
        broken = get[:start] + b"authorization: AWS4-HMAC-SHA256 nonsense\r\n\r\n"
        self.expect_raw("signature: malformed", broken, 400, "AuthorizationHeaderMalformed")
        put = raw.request("PUT", f"/{BUCKET}/never", body=b"x", payload_hash="0" * 64)
        self.expect_raw("payload hash", put, 400, "XAmzContentSHA256Mismatch")
        self.presigned(path, now)

    def presigned(self, path, now):
        def url(query, expires, when=None, tamper=None):
            text = self.raw.signer.presign("GET", self.raw.host, path, query, expires, when)
            text = tamper(text) if tamper else text
            return f"GET {path}?{text} HTTP/1.1\r\nHost: {self.raw.host}\r\n\r\n".encode()

        self.expect_raw("presigned", url([], 60), 200, "")
        self.expect_raw("presigned, expired", url([], 60, now - 600), 403, "AccessDenied")
        self.expect_raw("presigned for 8 days", url([], 8 * 86400), 400,
                        "AuthorizationQueryParametersError")
        self.expect_raw("presigned, tampered", url([], 60, None, lambda text: text.replace(
            "Expires=60", "Expires=600")), 403, "SignatureDoesNotMatch")
        self.expect_raw("presigned, tampered query", url([("response-content-type", "a/b")], 60, None,
                        lambda text: text.replace("a%2Fb", "a%2Fc")), 403, "SignatureDoesNotMatch")

    def bodies(self):
        raw, path = self.raw, f"/{BUCKET}/never"
        self.expect_raw("no Content-Length", raw.request("PUT", path, drop=("content-length",)), 411,
                        "MissingContentLength")
        wrong = base64.b64encode(hashlib.md5(b"y").digest()).decode()
        self.expect("Content-MD5", self.request("PUT", "never", headers={"content-md5": wrong},
                                                body=b"x"), 400, "BadDigest")
        self.expect("Content-MD5 that is none", self.request("PUT", "never", headers={
            "content-md5": "x"}, body=b"x"), 400, "InvalidDigest")
        answer = self.request("PUT", "never", headers={"x-amz-checksum-sha256": base64.b64encode(
            hashlib.sha256(b"y").digest()).decode()}, body=b"x")
        self.check("checksum header that is wrong", answer.status == 400 and answer.error_code() in (
            "BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch"), answer.describe())
        self.expect("a key of 1,025 bytes", self.request("PUT", "k" * 1025, body=b"x"), 400,
                    "KeyTooLongError")
        self.expect("a key of 1,024 bytes", self.request("PUT", "k" * 1024, body=b"x"), 200)
        self.expect("metadata over 2 KB", self.request("PUT", "never", headers={
            "x-amz-meta-a": "b" * 2100}, body=b"x"), 400, "MetadataTooLarge")
        self.expect("none of them is there", self.request("GET", "never"), 404, "NoSuchKey")

    def delete_many(self):
        for name, text, code in (
                ("no XML", b"x", "MalformedXML"), ("no keys", b"<Delete></Delete>", "MalformedXML"),
                ("1,001 keys", b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>",
                 "MalformedXML")):
            digest = base64.b64encode(hashlib.md5(text).digest()).decode()
            self.expect(f"DeleteObjects: {name}", self.request("POST", "", [("delete", "")], {
                "content-md5": digest}, text), 400, code)
        keys = ["d <&>", "d 汉", "d '\""]
        for key in keys:
            self.client.put(BUCKET, key, b"x")
        answer = self.expect("DeleteObjects", self.client.delete_objects(BUCKET, keys), 200)
        found = [node.findtext("Key") for node in answer.xml().iter("Deleted")]
        self.check("what was deleted", sorted(found) == sorted(keys), found)

    def listing(self):
        expect, request = self.expect, self.request
        for query in ([("max-keys", "x")], [("max-keys", "-1")], [("encoding-type", "x")]):
            expect(f"list with {query}", request("GET", query=query), 400, "InvalidArgument")
        expect("a made-up continuation token", request("GET", query=[
            ("list-type", "2"), ("continuation-token", "made up")]), 400, "InvalidArgument")
        key = "<odd> & 'key' \"here\""
        self.client.put(OTHER, key, b"x")
        answer = expect("list without encoding", request("GET", query=[("list-type", "2")],
                                                         bucket=OTHER), 200)
        root = answer.xml()
        self.check("root of a V2 listing", root.tag == "ListBucketResult", root.tag)
        self.check("name space", b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' in answer.body,
                   answer.body[:200])
        self.check("key in XML", root.find("Contents").findtext("Key") == key, answer.body)
        self.check("fields", (root.findtext("Name"), root.findtext("KeyCount"),
                              root.findtext("MaxKeys"), root.findtext("IsTruncated"))
                   == (OTHER, "1", "1000", "false"), answer.body)
        when = root.find("Contents").findtext("LastModified")
        self.check("LastModified", bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                                                     when)), when)
        answer = expect("more than 1,000", request("GET", query=[("max-keys", "5000")],
                                                   bucket=OTHER), 200)
        self.check("is capped", answer.xml().findtext("MaxKeys") in ("1000", "5000"), answer.body)

    def copies(self):
        expect, request = self.expect, self.request
        for source, status, code in (
                (f"/{BUCKET}/nothing", 404, "NoSuchKey"), ("/no-such-bucket/x", 404, "NoSuchBucket"),
                ("nonsense", 400, "InvalidArgument"), (f"/{BUCKET}/key", 200, None),
                (f"{BUCKET}/key", 200, None)):
            expect(f"copy from {source}", request("PUT", "copied", headers={
                "x-amz-copy-source": source}), status, code)
        expect("copy to itself", request("PUT", "key", headers={
            "x-amz-copy-source": f"/{BUCKET}/key"}), 400, "InvalidRequest")
        expect("copy if", request("PUT", "copied", headers={
            "x-amz-copy-source": f"/{BUCKET}/key", "x-amz-copy-source-if-match": '"x"'}), 412,
            "PreconditionFailed")
        answer = expect("copy between buckets", request("PUT", "copied", bucket=OTHER, headers={
            "x-amz-copy-source": f"/{BUCKET}/key"}), 200)
        self.check("its ETag", answer.xml().findtext("ETag") == self.etag, answer.body)

    def wire(self):
        """What every answer carries."""
        answer = self.request("GET", "key")
        for name in ("x-amz-request-id", "date", "last-modified", "etag", "content-length",
                     "content-type"):
            self.check(f"header {name}", name in answer.headers, answer.headers)
        answer = self.request("HEAD", "nothing")
        self.check("HEAD of nothing has no body", not answer.body and self.request(
            "GET", "key").status == 200)
        answer = self.expect("an error's resource", self.request("GET", xml_escape("no <key>")), 404,
                             "NoSuchKey")


GROUPS = ("nothing_there", "buckets", "conditions", "ranges", "unknown_subresources", "expected_owner",
          "uploads", "signatures", "bodies", "delete_many", "listing", "copies", "wire")


def body(run):
    target = s3_test.endpoint(run)
    test = conformance(run, target)
    test.prepare()
    for name in GROUPS:
        try:
            getattr(test, name)()
        except Exception as error:  # the other groups still have something to say
            test.wrong.append(f"{name} could not be finished: {type(error).__name__}: {error}")
    if test.wrong:
        listed = "\n  ".join(test.wrong)
        raise violation(f"{len(test.wrong)} of {run.figures['checks']} checks differ:\n  {listed}")
    target.finish()


if __name__ == "__main__":
    runner.main("conformance", s3_test.parser(__doc__).parse_args(), body, 120)
