"""The tests that run inside the environment with the newest boto3; boto3_roundtrip.py starts it."""

import base64
import concurrent.futures
import datetime
import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
import uuid

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["S3_TEST_ENDPOINT"]
VIRTUAL_HOST = os.environ.get("S3_TEST_VIRTUAL_HOST")
PART = 5 << 20
TREE_WORKERS = 8
DELETE_MAX = 1000
UTC = datetime.timezone.utc

# Names under *.localhost are this machine, whatever the resolver says.
_resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: _resolve(
    "127.0.0.1" if str(host).endswith("localhost") else host, *rest, **more)


def make_client(style="path", endpoint=ENDPOINT, **options):
    return boto3.client("s3", endpoint_url=endpoint, config=Config(
        s3={"addressing_style": style}, retries={"max_attempts": 1}, signature_version="s3v4",
        **options))


def noise(size, seed=1):
    return hashlib.shake_128(str(seed).encode()).digest(size)


KEYS = ["plain", "with space", " leading", "trailing ", "a", "a/b", "a/b/", "a//b", "a/b/c", "plus+",
        "percent%", "percent%41", "%2F", "q?uestion", "hash#", "amp&=;", "at@:", "quote'\"", "汉字/太仓",
        "\U0001F33E", "e\u0301 é", "<xml>&amp;</xml>", "back\\slash", "{}[]|^`~", "!*'()", "$,;=",
        "\u202eright", "zero\u200bwidth", "-", "~", "x" * 1024, "汉" * 341 + "z", "tab\there",
        "line\nfeed", "\x01\x02control\x7f", "carriage\rreturn"]


class s3_case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s3 = make_client()
        cls.bucket = f"boto3-{uuid.uuid4().hex[:12]}"
        cls.s3.create_bucket(Bucket=cls.bucket)

    @classmethod
    def tearDownClass(cls):
        for page in cls.s3.get_paginator("list_objects_v2").paginate(
                Bucket=cls.bucket, PaginationConfig={"PageSize": DELETE_MAX}):
            keys = [entry["Key"] for entry in page.get("Contents", [])]
            for key in keys:
                if not key.isprintable():  # XML 1.0 cannot carry control characters
                    cls.s3.delete_object(Bucket=cls.bucket, Key=key)
            plain = [{"Key": key} for key in keys if key.isprintable()]
            if plain:
                cls.s3.delete_objects(Bucket=cls.bucket, Delete={"Objects": plain, "Quiet": True})
        cls.s3.delete_bucket(Bucket=cls.bucket)

    def put(self, key, body=b"", **options):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **options)

    def get(self, key, **options):
        return self.s3.get_object(Bucket=self.bucket, Key=key, **options)

    def refused(self, code, status, call, *arguments, **options):
        with self.assertRaises(ClientError) as caught:
            call(*arguments, **options)
        said = caught.exception.response
        self.assertEqual(said["ResponseMetadata"]["HTTPStatusCode"], status, said)
        if code:
            self.assertEqual(said["Error"]["Code"], code, said)


class keys_test(s3_case):
    def test_every_odd_key_lives_side_by_side(self):
        for number, key in enumerate(KEYS):
            with self.subTest(key=key):
                self.put(key, f"{number}:{key}".encode("utf-8", "surrogatepass"))
        for number, key in enumerate(KEYS):
            with self.subTest(key=key):
                self.assertEqual(self.get(key)["Body"].read().decode(), f"{number}:{key}")
        listed = [entry["Key"] for page in self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, PaginationConfig={"PageSize": 7}) for entry in page["Contents"]]
        self.assertEqual(listed, sorted(KEYS, key=lambda key: key.encode()))
        listed = [entry["Key"] for page in self.s3.get_paginator("list_objects").paginate(
            Bucket=self.bucket, PaginationConfig={"PageSize": 7}) for entry in page["Contents"]]
        self.assertEqual(listed, sorted(KEYS, key=lambda key: key.encode()))
        self.s3.delete_object(Bucket=self.bucket, Key="a")
        self.assertEqual(self.get("a/b")["ContentLength"], len("5:a/b"))
        # XML 1.0 cannot carry control characters; those go one by one.
        plain = [key for key in KEYS if key.isprintable() or " " <= min(key)]
        answer = self.s3.delete_objects(Bucket=self.bucket, Delete={
            "Objects": [{"Key": key} for key in plain]})
        self.assertEqual({entry["Key"] for entry in answer["Deleted"]}, set(plain))
        self.assertNotIn("Errors", answer)

    def test_a_key_of_1025_bytes_is_refused(self):
        self.refused("KeyTooLongError", 400, self.put, "k" * 1025, b"")


class objects_test(s3_case):
    def test_sizes_around_every_border(self):
        sizes = [0, 1, 511, 4095, 4096, 4097, (128 << 10) - 1, 128 << 10, (128 << 10) + 1, 1 << 20,
                 (4 << 20) + 3, 9_999_991]
        for size in sizes:
            body = noise(size, size)
            answer = self.put(f"size/{size}", body)
            self.assertEqual(answer["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
        for size in sizes:
            answer = self.get(f"size/{size}")
            self.assertEqual(answer["ContentLength"], size)
            self.assertEqual(answer["Body"].read(), noise(size, size))

    def test_headers_and_metadata_come_back(self):
        expires = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
        self.put("meta", b"x", ContentType="text/x-taicang; charset=utf-8", CacheControl="no-store",
                 ContentDisposition='attachment; filename="a b.txt"', ContentEncoding="identity",
                 ContentLanguage="zh-CN", Expires=expires, Metadata={"colour": "rice",
                                                                     "empty": ""})
        for answer in (self.s3.head_object(Bucket=self.bucket, Key="meta"), self.get("meta")):
            self.assertEqual(answer["ContentType"], "text/x-taicang; charset=utf-8")
            self.assertEqual(answer["CacheControl"], "no-store")
            self.assertEqual(answer["ContentDisposition"], 'attachment; filename="a b.txt"')
            self.assertEqual(answer["ContentLanguage"], "zh-CN")
            self.assertEqual(answer["Metadata"], {"colour": "rice", "empty": ""})
            self.assertLess(abs((datetime.datetime.now(UTC) - answer["LastModified"])
                                .total_seconds()), 120)
        answer = self.get("meta", ResponseContentType="a/b", ResponseCacheControl="c")
        self.assertEqual((answer["ContentType"], answer["CacheControl"]), ("a/b", "c"))

    def test_overwrite_and_delete(self):
        for body in (b"one", b"two", noise(300_000)):
            self.put("over", body)
            self.assertEqual(self.get("over")["Body"].read(), body)
        self.s3.delete_object(Bucket=self.bucket, Key="over")
        self.refused("NoSuchKey", 404, self.get, "over")
        self.s3.delete_object(Bucket=self.bucket, Key="over")
        self.refused(None, 404, self.s3.head_object, Bucket=self.bucket, Key="over")

    def test_ranges(self):
        body = noise(1_000_003)
        self.put("range", body)
        for text, part in (("bytes=0-0", body[:1]), ("bytes=5-104", body[5:105]),
                           ("bytes=-1", body[-1:]), ("bytes=-2000000", body),
                           ("bytes=1000000-", body[1_000_000:]),
                           ("bytes=131000-262200", body[131000:262201]),
                           ("bytes=999999-9999999999", body[999_999:])):
            answer = self.get("range", Range=text)
            self.assertEqual(answer["Body"].read(), part, text)
            self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 206)
            first = len(body) - len(part) if text.startswith("bytes=-") else int(
                text[6:].split("-")[0])
            self.assertEqual(answer["ContentRange"],
                             f"bytes {first}-{first + len(part) - 1}/{len(body)}")
        self.refused("InvalidRange", 416, self.get, "range", Range="bytes=1000003-")
        self.put("empty", b"")
        self.refused("InvalidRange", 416, self.get, "empty", Range="bytes=0-5")

    def test_conditions_on_get(self):
        etag = self.put("condition", b"x")["ETag"]
        hour = datetime.timedelta(hours=1)
        now = datetime.datetime.now(UTC)
        self.get("condition", IfMatch=etag, IfNoneMatch='"other"', IfUnmodifiedSince=now + hour,
                 IfModifiedSince=now - hour)
        self.refused("PreconditionFailed", 412, self.get, "condition", IfMatch='"other"')
        self.refused(None, 304, self.get, "condition", IfNoneMatch=etag)
        self.refused(None, 304, self.get, "condition", IfModifiedSince=now)
        self.refused("PreconditionFailed", 412, self.get, "condition", IfUnmodifiedSince=now - hour)
        self.refused(None, 304, self.s3.head_object, Bucket=self.bucket, Key="condition",
                     IfNoneMatch=etag)

    def test_conditions_on_put(self):
        etag = self.put("once", b"1", IfNoneMatch="*")["ETag"]
        self.refused("PreconditionFailed", 412, self.put, "once", b"2", IfNoneMatch="*")
        self.put("once", b"3", IfMatch=etag)
        self.refused("PreconditionFailed", 412, self.put, "once", b"4", IfMatch=etag)
        self.assertEqual(self.get("once")["Body"].read(), b"3")
        self.refused("NoSuchKey", 404, self.put, "never", b"5", IfMatch=etag)

    def test_copies(self):
        body = noise(3_000_000)
        self.put("source +%汉", body, Metadata={"a": "b"}, ContentType="x/y")
        source = {"Bucket": self.bucket, "Key": "source +%汉"}
        answer = self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=source)
        self.assertEqual(answer["CopyObjectResult"]["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
        self.s3.delete_object(Bucket=self.bucket, Key="source +%汉")
        answer = self.get("copy")
        self.assertEqual(answer["Body"].read(), body)
        self.assertEqual((answer["Metadata"], answer["ContentType"]), ({"a": "b"}, "x/y"))
        source["Key"] = "copy"
        self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=source,
                            MetadataDirective="REPLACE", Metadata={"c": "d"}, ContentType="z/z")
        answer = self.s3.head_object(Bucket=self.bucket, Key="copy")
        self.assertEqual((answer["Metadata"], answer["ContentType"]), ({"c": "d"}, "z/z"))
        self.refused("InvalidRequest", 400, self.s3.copy_object, Bucket=self.bucket, Key="copy",
                     CopySource=source)
        self.refused("PreconditionFailed", 412, self.s3.copy_object, Bucket=self.bucket, Key="c2",
                     CopySource=source, CopySourceIfMatch='"other"')
        source["Key"] = "no such"
        self.refused("NoSuchKey", 404, self.s3.copy_object, Bucket=self.bucket, Key="c3",
                     CopySource=source)

    def test_checksums_that_newest_clients_send_and_ask_for(self):
        for algorithm in ("CRC32", "SHA1", "SHA256"):
            name = f"Checksum{algorithm}"
            sent = self.put(f"sum/{algorithm}", b"hello", ChecksumAlgorithm=algorithm)
            back = self.get(f"sum/{algorithm}", ChecksumMode="ENABLED")
            self.assertEqual(back["Body"].read(), b"hello")
            if name in back:
                self.assertEqual(back[name], sent.get(name, back[name]))
        digest = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
        with self.assertRaises(ClientError) as caught:
            self.put("sum/wrong", b"hello", ChecksumSHA256=digest)
        self.assertIn(caught.exception.response["Error"]["Code"],
                      ("BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch"))
        self.refused(None, 404, self.s3.head_object, Bucket=self.bucket, Key="sum/wrong")
        # A stream of unknown length: aws-chunked with a trailer.
        self.s3.upload_fileobj(io.BytesIO(noise(100_000)), self.bucket, "sum/stream")
        self.assertEqual(self.get("sum/stream")["Body"].read(), noise(100_000))


class listing_test(s3_case):
    NAMES = ["a", "a/1", "a/2", "b/1", "b/2/x", "b+c/1", "c d/1", "e%f/1", "汉/1", "z"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in cls.NAMES:
            cls.s3.put_object(Bucket=cls.bucket, Key=name, Body=name.encode())

    def test_delimiter_and_prefix(self):
        for call in (self.s3.list_objects_v2, self.s3.list_objects):
            for more in ({}, {"EncodingType": "url"}):
                answer = call(Bucket=self.bucket, Delimiter="/", **more)
                self.assertEqual([entry["Key"] for entry in answer["Contents"]], ["a", "z"])
                prefixes = [entry["Prefix"] for entry in answer["CommonPrefixes"]]
                if more:
                    prefixes = [urllib.request.unquote(one.replace("+", " ")) for one in prefixes]
                self.assertEqual(prefixes, ["a/", "b+c/", "b/", "c d/", "e%f/", "汉/"])
                answer = call(Bucket=self.bucket, Delimiter="/", Prefix="b/")
                self.assertEqual([entry["Key"] for entry in answer["Contents"]], ["b/1"])
                self.assertEqual(answer["CommonPrefixes"], [{"Prefix": "b/2/"}])

    def test_pages_of_keys_and_prefixes_together(self):
        for size in (1, 2, 3, 100):
            seen = []
            for page in self.s3.get_paginator("list_objects_v2").paginate(
                    Bucket=self.bucket, Delimiter="/", PaginationConfig={"PageSize": size}):
                here = ([entry["Key"] for entry in page.get("Contents", [])]
                        + [entry["Prefix"] for entry in page.get("CommonPrefixes", [])])
                self.assertLessEqual(len(here), size)
                self.assertEqual(page["KeyCount"], len(here))
                seen += here
            self.assertEqual(sorted(seen), sorted(["a", "a/", "b/", "b+c/", "c d/", "e%f/", "z",
                                                   "汉/"]))
            seen = []
            for page in self.s3.get_paginator("list_objects").paginate(
                    Bucket=self.bucket, Delimiter="/", PaginationConfig={"PageSize": size}):
                seen += [entry["Key"] for entry in page.get("Contents", [])]
                seen += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
            self.assertEqual(len(seen), 8)

    def test_start_after_and_fields(self):
        answer = self.s3.list_objects_v2(Bucket=self.bucket, StartAfter="b/1", MaxKeys=2,
                                         FetchOwner=True)
        self.assertEqual([entry["Key"] for entry in answer["Contents"]], ["b/2/x", "c d/1"])
        self.assertTrue(answer["IsTruncated"])
        entry = answer["Contents"][0]
        self.assertEqual(entry["Size"], 5)
        self.assertEqual(entry["ETag"], f'"{hashlib.md5(b"b/2/x").hexdigest()}"')
        self.assertEqual(entry["StorageClass"], "STANDARD")
        self.assertIn("Owner", entry)
        answer = self.s3.list_objects(Bucket=self.bucket, Marker="b/1")
        self.assertEqual(answer["Contents"][0]["Key"], "b/2/x")
        answer = self.s3.list_objects_v2(Bucket=self.bucket, MaxKeys=0)
        self.assertEqual((answer["KeyCount"], answer["IsTruncated"]), (0, False))

    def test_versions_of_a_bucket_without_versioning(self):
        answer = self.s3.list_object_versions(Bucket=self.bucket, Prefix="a")
        self.assertEqual([(entry["Key"], entry["VersionId"], entry["IsLatest"])
                          for entry in answer["Versions"]],
                         [(name, "null", True) for name in ("a", "a/1", "a/2")])


class multipart_test(s3_case):
    def test_transfer_manager_uploads_more_than_64_mib(self):
        body = noise((64 << 20) + 12_345)
        self.s3.upload_fileobj(io.BytesIO(body), self.bucket, "big",
                               Config=TransferConfig(multipart_chunksize=8 << 20))
        back = io.BytesIO()
        self.s3.download_fileobj(self.bucket, "big", back)
        self.assertEqual(hashlib.sha256(back.getvalue()).digest(), hashlib.sha256(body).digest())
        answer = self.get("big", Range=f"bytes={(8 << 20) - 10}-{(8 << 20) + 9}")
        self.assertEqual(answer["Body"].read(), body[(8 << 20) - 10:(8 << 20) + 10])
        try:
            answer = self.get("big", PartNumber=2)
        except ClientError as refusal:
            # Not among the verbs yet, and never a wrong success.
            self.assertEqual(refusal.response["Error"]["Code"], "NotImplemented")
            return
        self.assertEqual(answer["ContentLength"], 8 << 20)
        self.assertEqual(answer["PartsCount"], 9)

    def test_parts_listed_overwritten_completed(self):
        start = self.s3.create_multipart_upload(Bucket=self.bucket, Key="parts",
                                                Metadata={"a": "b"})
        name = {"Bucket": self.bucket, "Key": "parts", "UploadId": start["UploadId"]}
        one, two, old = noise(PART, 1), noise(1000, 2), noise(PART, 3)
        self.s3.upload_part(**name, PartNumber=1, Body=old)
        etags = [self.s3.upload_part(**name, PartNumber=number, Body=body)["ETag"]
                 for number, body in ((1, one), (7, two))]
        listed = self.s3.list_parts(**name)["Parts"]
        self.assertEqual([(part["PartNumber"], part["Size"]) for part in listed],
                         [(1, PART), (7, 1000)])
        uploads = self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"]
        self.assertEqual([upload["UploadId"] for upload in uploads], [start["UploadId"]])
        self.refused("NoSuchKey", 404, self.get, "parts")
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in zip((1, 7), etags)]
        answer = self.s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})
        digests = hashlib.md5(one).digest() + hashlib.md5(two).digest()
        self.assertEqual(answer["ETag"], f'"{hashlib.md5(digests).hexdigest()}-2"')
        got = self.get("parts")
        self.assertEqual(got["Body"].read(), one + two)
        self.assertEqual(got["Metadata"], {"a": "b"})
        self.assertNotIn("Uploads", self.s3.list_multipart_uploads(Bucket=self.bucket))

    def test_refusals(self):
        start = self.s3.create_multipart_upload(Bucket=self.bucket, Key="bad")
        name = {"Bucket": self.bucket, "Key": "bad", "UploadId": start["UploadId"]}
        etags = [self.s3.upload_part(**name, PartNumber=number, Body=b"small")["ETag"]
                 for number in (1, 2)]

        def complete(parts):
            return self.s3.complete_multipart_upload(**name, MultipartUpload={"Parts": [
                {"PartNumber": number, "ETag": etag} for number, etag in parts]})

        self.refused("InvalidPart", 400, complete, [(1, '"0123456789abcdef0123456789abcdef"')])
        self.refused("InvalidPart", 400, complete, [(3, etags[0])])
        self.refused("InvalidPartOrder", 400, complete, [(2, etags[1]), (1, etags[0])])
        self.refused("EntityTooSmall", 400, complete, [(1, etags[0]), (2, etags[1])])
        self.s3.abort_multipart_upload(**name)
        self.refused("NoSuchUpload", 404, complete, [(1, etags[0])])
        self.refused("NoSuchUpload", 404, self.s3.list_parts, **name)

    def test_parts_copied_from_an_object(self):
        body = noise(2 * PART + 77)
        self.put("whole", body)
        start = self.s3.create_multipart_upload(Bucket=self.bucket, Key="assembled")
        name = {"Bucket": self.bucket, "Key": "assembled", "UploadId": start["UploadId"]}
        parts = []
        for number, (first, last) in enumerate(((0, PART - 1), (PART, 2 * PART + 76)), 1):
            answer = self.s3.upload_part_copy(
                **name, PartNumber=number, CopySource={"Bucket": self.bucket, "Key": "whole"},
                CopySourceRange=f"bytes={first}-{last}")
            parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
        self.s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})
        self.assertEqual(self.get("assembled")["Body"].read(), body)


class tree_test(s3_case):
    def test_a_real_tree_there_and_back(self):
        """Every file goes up under its path, the large ones in parts, is listed, and comes back byte
        for byte."""
        tree = os.environ["S3_TEST_TREE"]
        sizes = {os.path.relpath(os.path.join(folder, name), tree):
                 os.path.getsize(os.path.join(folder, name))
                 for folder, _, names in os.walk(tree) for name in names}
        self.assertGreater(len(sizes), 100)
        back = os.path.join(os.environ["S3_TEST_DIRECTORY"], "boto3.back")
        # One client for all workers, as the library's documents say; parts of the smallest size, so
        # that as many files as can be go up in parts.
        s3 = make_client(max_pool_connections=2 * TREE_WORKERS)
        parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=2)

        def there(name):
            s3.upload_file(os.path.join(tree, name), self.bucket, "tree/" + name, Config=parts)

        def and_back(name):
            target = os.path.join(back, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            s3.download_file(self.bucket, "tree/" + name, target, Config=parts)

        with concurrent.futures.ThreadPoolExecutor(TREE_WORKERS) as pool:
            began = time.monotonic()
            list(pool.map(there, sizes))
            print(f"figure tree_up_s {time.monotonic() - began:.1f}")
            listed = {entry["Key"]: entry for page in self.s3.get_paginator("list_objects_v2")
                      .paginate(Bucket=self.bucket, Prefix="tree/") for entry in page["Contents"]}
            self.assertEqual({key: entry["Size"] for key, entry in listed.items()},
                             {"tree/" + name: size for name, size in sizes.items()})
            in_parts = [key for key, entry in listed.items() if "-" in entry["ETag"]]
            self.assertEqual(sorted(in_parts), sorted(
                "tree/" + name for name, size in sizes.items() if size >= PART))
            began = time.monotonic()
            list(pool.map(and_back, sizes))
            print(f"figure tree_down_s {time.monotonic() - began:.1f}")
        print(f"figure tree_files {len(sizes)}")
        print(f"figure tree_bytes {sum(sizes.values())}")
        print(f"figure tree_in_parts {len(in_parts)}")
        different = subprocess.run(["diff", "-r", tree, back], capture_output=True, text=True)
        self.assertEqual((different.returncode, different.stdout[:2000]), (0, ""))
        shutil.rmtree(back)


class other_ways_test(s3_case):
    def fetch(self, url, method="GET", data=None, headers=None):
        request = urllib.request.Request(url, data, headers or {}, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def test_presigned_urls(self):
        name = {"Bucket": self.bucket, "Key": "pre signed+%汉"}
        put = self.s3.generate_presigned_url("put_object", name, 60)
        self.fetch(put, "PUT", b"presigned")
        get = self.s3.generate_presigned_url("get_object", dict(name, ResponseContentType="a/b"), 60)
        self.assertEqual(self.fetch(get), b"presigned")
        for broken in (get.replace("X-Amz-Signature=", "X-Amz-Signature=0"),
                       get.replace("X-Amz-Expires=60", "X-Amz-Expires=61"),
                       get.replace("pre", "pro")):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                self.fetch(broken)
            self.assertIn(caught.exception.code, (400, 403))
            caught.exception.close()

    def test_virtual_host_style(self):
        if not VIRTUAL_HOST:
            self.skipTest("only against a hub of our own")
        s3 = make_client("virtual", VIRTUAL_HOST)
        s3.put_object(Bucket=self.bucket, Key="virtual/汉 +", Body=b"virtual")
        self.assertEqual(self.get("virtual/汉 +")["Body"].read(), b"virtual")
        self.assertEqual(s3.list_objects_v2(Bucket=self.bucket, Prefix="virtual/")["KeyCount"], 1)

    def test_signed_payloads(self):
        for size in (0, 10, 300_000):
            s3 = make_client(request_checksum_calculation="when_required")
            s3.put_object(Bucket=self.bucket, Key="signed", Body=noise(size))
            self.assertEqual(self.get("signed")["Body"].read(), noise(size))

    def test_delete_objects_says_what_it_did(self):
        for n in range(1000):
            self.put(f"many/{n:04d}") if n < 20 else None
        answer = self.s3.delete_objects(Bucket=self.bucket, Delete={
            "Objects": [{"Key": f"many/{n:04d}"} for n in range(1000)]})
        self.assertEqual(len(answer["Deleted"]), 1000)
        answer = self.s3.delete_objects(Bucket=self.bucket, Delete={
            "Objects": [{"Key": "nothing"}], "Quiet": True})
        self.assertNotIn("Deleted", answer)
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket, Prefix="many/")["KeyCount"], 0)


class bucket_test(unittest.TestCase):
    def test_buckets(self):
        s3 = make_client()
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        s3.create_bucket(Bucket=name)
        s3.head_bucket(Bucket=name)
        self.assertIn(name, [entry["Name"] for entry in s3.list_buckets()["Buckets"]])
        self.assertIn(s3.get_bucket_location(Bucket=name)["LocationConstraint"],
                      (None, "us-east-1"))
        s3.put_object(Bucket=name, Key="x", Body=b"")
        with self.assertRaisesRegex(ClientError, "BucketNotEmpty"):
            s3.delete_bucket(Bucket=name)
        s3.delete_object(Bucket=name, Key="x")
        s3.delete_bucket(Bucket=name)
        with self.assertRaises(ClientError):
            s3.head_bucket(Bucket=name)
        for call, options in ((s3.list_objects_v2, {}), (s3.delete_bucket, {}),
                              (s3.put_object, {"Key": "x"}), (s3.get_object, {"Key": "x"})):
            with self.assertRaisesRegex(ClientError, "NoSuchBucket"):
                call(Bucket=name, **options)


if __name__ == "__main__":
    print(f"figure boto3 {boto3.__version__}")
    outcome = unittest.main(exit=False).result
    print(f"figure tests {outcome.testsRun}")
    sys.stdout.flush()
    sys.exit(0 if outcome.wasSuccessful() else 1)
