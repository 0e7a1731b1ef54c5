// The tests that run with the newest @aws-sdk/client-s3; sdk_roundtrip.py starts them.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, readdirSync, readFileSync, statSync,
    writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import * as sdk from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const PART = 5 << 20;
const s3 = new sdk.S3Client({
    endpoint: process.env.S3_TEST_ENDPOINT,
    region: process.env.AWS_REGION,
    forcePathStyle: true,
    maxAttempts: 1,
});
const Bucket = `sdk-${randomUUID().slice(0, 12)}`;
const scratch = join(process.env.S3_TEST_DIRECTORY, "sdk");
mkdirSync(scratch, { recursive: true });

const md5 = (body) => `"${createHash("md5").update(body).digest("hex")}"`;
const noise = (size, seed = 1) =>
    createHash("shake128", { outputLength: Math.max(size, 1) }).update(String(seed)).digest()
        .subarray(0, size);
const put = (Key, Body, more = {}) => s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key, more = {}) => s3.send(new sdk.GetObjectCommand({ Bucket, Key, ...more }));
const bytes = async (answer) => Buffer.from(await answer.Body.transformToByteArray());

async function refused(name, status, promise) {
    await assert.rejects(promise, (error) => {
        assert.equal(error.$metadata?.httpStatusCode, status, String(error));
        if (name) assert.equal(error.name, name);
        return true;
    });
}

const KEYS = ["plain", "with space", "a", "a/b", "a/b/c", "plus+", "percent%41", "q?uestion", "hash#",
    "amp&=;", "quote'\"", "汉字/太仓", "\u{1F33E}", "<xml>&amp;</xml>", "back\\slash", "!*'()", "~",
    "x".repeat(1024), "trailing/", "a//b"];

const tests = {
    async odd_keys() {
        for (const [number, key] of KEYS.entries()) await put(key, `${number}:${key}`);
        for (const [number, key] of KEYS.entries()) {
            assert.equal((await bytes(await get(key))).toString(), `${number}:${key}`, key);
        }
        const listed = [];
        for await (const page of sdk.paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket })) {
            for (const entry of page.Contents ?? []) listed.push(entry.Key);
        }
        const sorted = [...KEYS].sort((l, r) => Buffer.compare(Buffer.from(l), Buffer.from(r)));
        assert.deepEqual(listed, sorted);
        const answer = await s3.send(new sdk.DeleteObjectsCommand({
            Bucket, Delete: { Objects: KEYS.map((Key) => ({ Key })) },
        }));
        assert.deepEqual(new Set(answer.Deleted.map((entry) => entry.Key)), new Set(KEYS));
    },

    async sizes_and_default_checksums() {
        for (const size of [0, 1, 4096, 131071, 131072, 131073, 1 << 20, 9_999_991]) {
            const body = noise(size, size);
            assert.equal((await put(`size/${size}`, body)).ETag, md5(body));
            assert.ok(body.equals(await bytes(await get(`size/${size}`))), `size ${size}`);
        }
        for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"]) {
            await put("sum", "hello", { ChecksumAlgorithm });
            const answer = await get("sum", { ChecksumMode: "ENABLED" });
            assert.equal((await bytes(answer)).toString(), "hello");
        }
    },

    // The SDK sends these as aws-chunked with a trailer (STREAMING-UNSIGNED-PAYLOAD-TRAILER).
    async streams() {
        const path = join(scratch, "stream.bin");
        const body = noise(3_000_001, 7);
        writeFileSync(path, body);
        await put("stream/file", createReadStream(path), { ContentLength: body.length });
        assert.ok(body.equals(await bytes(await get("stream/file"))));
        const answer = await get("stream/file");
        await pipeline(answer.Body, createWriteStream(`${path}.back`));
        assert.ok(body.equals(readFileSync(`${path}.back`)));
        // A stream whose length nobody knows, with the length of what was decoded given alone.
        const pieces = Array.from({ length: 50 }, (_, n) => noise(20_000, n));
        const upload = new Upload({
            client: s3, params: { Bucket, Key: "stream/unknown", Body: Readable.from(pieces) },
        });
        await upload.done();
        assert.ok(Buffer.concat(pieces).equals(await bytes(await get("stream/unknown"))));
    },

    async multipart_over_64_mib() {
        const body = noise((64 << 20) + 12_345, 9);
        const upload = new Upload({
            client: s3, params: { Bucket, Key: "big", Body: body }, partSize: 8 << 20, queueSize: 4,
        });
        const done = await upload.done();
        assert.match(done.ETag, /-9"$/);
        assert.ok(body.equals(await bytes(await get("big"))));
        const part = await get("big", { Range: `bytes=${(8 << 20) - 7}-${(8 << 20) + 6}` });
        assert.equal(part.ContentRange, `bytes ${(8 << 20) - 7}-${(8 << 20) + 6}/${body.length}`);
        assert.ok(body.subarray((8 << 20) - 7, (8 << 20) + 7).equals(await bytes(part)));
    },

    async multipart_by_hand() {
        const Key = "parts";
        const { UploadId } = await s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key }));
        const bodies = [noise(PART, 1), noise(100, 2)];
        const Parts = [];
        for (const [index, Body] of bodies.entries()) {
            const PartNumber = index + 1;
            const { ETag } = await s3.send(new sdk.UploadPartCommand(
                { Bucket, Key, UploadId, PartNumber, Body }));
            Parts.push({ PartNumber, ETag });
        }
        const listed = await s3.send(new sdk.ListPartsCommand({ Bucket, Key, UploadId }));
        assert.deepEqual(listed.Parts.map((part) => part.Size), [PART, 100]);
        const uploads = await s3.send(new sdk.ListMultipartUploadsCommand({ Bucket }));
        assert.deepEqual(uploads.Uploads.map((one) => one.UploadId), [UploadId]);
        const wrong = { Parts: [{ PartNumber: 1, ETag: md5("x") }] };
        await refused("InvalidPart", 400, s3.send(new sdk.CompleteMultipartUploadCommand(
            { Bucket, Key, UploadId, MultipartUpload: wrong })));
        await s3.send(new sdk.CompleteMultipartUploadCommand(
            { Bucket, Key, UploadId, MultipartUpload: { Parts } }));
        assert.ok(Buffer.concat(bodies).equals(await bytes(await get(Key))));
        await refused("NoSuchUpload", 404, s3.send(new sdk.AbortMultipartUploadCommand(
            { Bucket, Key, UploadId: "nonsense" })));
    },

    async copies_and_conditions() {
        const body = noise(700_000);
        const { ETag } = await put("from +%汉", body, { Metadata: { a: "b" }, ContentType: "x/y" });
        const CopySource = encodeURI(`${Bucket}/from +%汉`).replaceAll("+", "%2B");
        await s3.send(new sdk.CopyObjectCommand({ Bucket, Key: "to", CopySource }));
        const head = await s3.send(new sdk.HeadObjectCommand({ Bucket, Key: "to" }));
        assert.deepEqual([head.ETag, head.Metadata, head.ContentType], [ETag, { a: "b" }, "x/y"]);
        await refused("PreconditionFailed", 412, get("to", { IfMatch: '"x"' }));
        await refused(null, 304, get("to", { IfNoneMatch: ETag }));
        await refused("PreconditionFailed", 412, put("to", "x", { IfNoneMatch: "*" }));
        await refused("NoSuchKey", 404, get("no such key"));
        await refused("NoSuchBucket", 404, s3.send(new sdk.ListObjectsV2Command(
            { Bucket: "no-such-bucket-here" })));
        await refused("InvalidRange", 416, get("to", { Range: "bytes=700000-" }));
        await refused(null, 404, s3.send(new sdk.HeadObjectCommand({ Bucket, Key: "nothing" })));
    },

    async listing() {
        const names = ["l/a", "l/a/1", "l/a/2", "l/b c/1", "l/d+e/1", "l/z"];
        for (const name of names) await put(name, name);
        const answer = await s3.send(new sdk.ListObjectsV2Command(
            { Bucket, Prefix: "l/", Delimiter: "/", EncodingType: "url" }));
        assert.deepEqual(answer.Contents.map((entry) => decodeURIComponent(entry.Key)), ["l/a", "l/z"]);
        assert.deepEqual(
            answer.CommonPrefixes.map((one) => decodeURIComponent(one.Prefix.replaceAll("+", " "))),
            ["l/a/", "l/b c/", "l/d+e/"]);
        const one = await s3.send(new sdk.ListObjectsCommand({ Bucket, Prefix: "l/", MaxKeys: 2 }));
        assert.equal(one.IsTruncated, true);
        const versions = await s3.send(new sdk.ListObjectVersionsCommand({ Bucket, Prefix: "l/" }));
        assert.deepEqual(versions.Versions.map((entry) => entry.Key), names.sort());
    },

    // Every file of a real tree goes up under its path, the large ones in parts, is listed, and comes
    // back byte for byte.
    async a_real_tree_there_and_back() {
        const tree = process.env.S3_TEST_TREE;
        const files = new Map(readdirSync(tree, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
            .map((path) => [relative(tree, path), statSync(path).size]));
        assert.ok(files.size > 100);
        const inParallel = async (figure, work) => {
            const began = performance.now();
            const todo = [...files.keys()];
            const worker = async () => {
                for (let name = todo.pop(); name !== undefined; name = todo.pop()) await work(name);
            };
            await Promise.all(Array.from({ length: 8 }, worker));
            console.log(`figure ${figure} ${((performance.now() - began) / 1000).toFixed(1)}`);
        };
        await inParallel("tree_up_s", async (name) => {
            const Key = `tree/${name}`;
            const Body = readFileSync(join(tree, name));
            if (Body.length < PART) return put(Key, Body);
            return new Upload({ client: s3, params: { Bucket, Key, Body }, partSize: PART }).done();
        });
        const listed = new Map();
        const inParts = [];
        for await (const page of sdk.paginateListObjectsV2({ client: s3 }, { Bucket, Prefix: "tree/" })) {
            for (const entry of page.Contents ?? []) {
                listed.set(entry.Key, entry.Size);
                if (entry.ETag.includes("-")) inParts.push(entry.Key);
            }
        }
        assert.deepEqual(listed, new Map([...files].map(([name, size]) => [`tree/${name}`, size])));
        // Upload sends what fits into one part as a plain PUT.
        assert.equal(inParts.length, [...files.values()].filter((size) => size > PART).length);
        await inParallel("tree_down_s", async (name) => {
            const body = await bytes(await get(`tree/${name}`));
            assert.ok(body.equals(readFileSync(join(tree, name))), name);
        });
        console.log(`figure tree_files ${files.size}`);
        console.log(`figure tree_bytes ${[...files.values()].reduce((sum, size) => sum + size, 0)}`);
        console.log(`figure tree_in_parts ${inParts.length}`);
    },

    async presigned() {
        const wanted = { Bucket, Key: "pre signed+%汉" };
        // By default this SDK signs the checksum of an empty body into the URL. S3 counts checksums in
        // headers only (localstack#12169, ministack#1695, aws-sdk-go-v2#2610): the body is taken.
        const there = await getSignedUrl(s3, new sdk.PutObjectCommand(wanted), { expiresIn: 60 });
        assert.equal((await fetch(there, { method: "PUT", body: "presigned" })).status, 200);
        const url = await getSignedUrl(s3, new sdk.GetObjectCommand(wanted), { expiresIn: 60 });
        assert.equal(await (await fetch(url)).text(), "presigned");
        assert.equal((await fetch(url.replace("Expires=60", "Expires=61"))).status, 403);
    },

    async buckets() {
        const Other = `${Bucket}-other`;
        await s3.send(new sdk.CreateBucketCommand({ Bucket: Other }));
        await s3.send(new sdk.HeadBucketCommand({ Bucket: Other }));
        const { Buckets } = await s3.send(new sdk.ListBucketsCommand({}));
        assert.ok(Buckets.some((one) => one.Name === Other && one.CreationDate instanceof Date));
        await s3.send(new sdk.GetBucketLocationCommand({ Bucket: Other }));
        await s3.send(new sdk.DeleteBucketCommand({ Bucket: Other }));
        await refused(null, 404, s3.send(new sdk.HeadBucketCommand({ Bucket: Other })));
    },
};

let failed = 0;
await s3.send(new sdk.CreateBucketCommand({ Bucket }));
for (const [name, test] of Object.entries(tests)) {
    try {
        await test();
        console.log(`ok ${name}`);
    } catch (error) {
        failed += 1;
        console.log(`FAILED ${name}: ${error.stack ?? error}`);
    }
}
const { version } = JSON.parse(readFileSync(
    new URL("./node_modules/@aws-sdk/client-s3/package.json", import.meta.url)));
console.log(`figure client_s3 ${version}`);
console.log(`figure tests ${Object.keys(tests).length}`);
process.exit(failed === 0 ? 0 : 1);
