"""The rules of the house as data; tools/tidy applies them. A new room, seam or exception is one line here."""

# Each room and the rooms right below it. A file may include its own room and everything that can be
# reached downwards; anything else is an arrow back up.
ROOMS = {
    "erasure": [],
    "storage/base": ["erasure"],
    "storage/io": ["storage/base"],
    "storage/device": ["storage/io"],
    "storage/journal": ["storage/device"],
    "storage/stripe": ["storage/device"],
    "storage/index": ["storage/journal", "storage/stripe"],
    "storage/object": ["storage/index"],
    "storage/tiering": ["storage/object"],
    "storage/upkeep": ["storage/object"],
    "storage/hub": ["storage/tiering", "storage/upkeep"],
    "replication/wire": ["storage/hub"],
    "replication/stream": ["replication/wire"],
    "replication/dr": ["replication/stream"],
    "s3gw/http": ["storage/hub"],
    "s3gw/auth": ["s3gw/http"],
    "s3gw/xml": ["s3gw/auth"],
    "s3gw/api": ["s3gw/xml"],
    "s3gw/admin": ["s3gw/api"],
    "tools": ["replication/dr", "s3gw/admin"],
}

# Folders of product code, and what is never looked at.
PRODUCT = ("erasure", "storage", "replication", "s3gw", "tools")
SKIPPED_FOLDERS = {".git", "build", "data", "node_modules", "__pycache__", ".venv"}

PRODUCT_LINES_MAX = 600
HEADER_LINES_MAX = 250
TEST_LINES_MAX = 1000
FOLDER_SOURCES_MAX = 25  # a header and the .cc of the same name are one
FUNCTION_LINES_MAX = 70

# Libraries that only some rooms may know: (include prefix, rooms, why). Tests may include any.
LIBRARIES = [
    ("boost/beast", ["s3gw/http"], "Beast is the http room's business alone"),
    ("boost/", ["storage/io", "replication/wire", "s3gw/http", "tools"],
     "Asio stays behind the executor and the listeners"),
    ("rocksdb/", ["storage/index"], "RocksDB is the index room's business alone"),
    ("liburing.h", ["storage/io"], "io_uring is behind the disk seam"),
    ("isa-l", ["erasure", "storage/base", "tools/cli/bench_encode.cc"],
     "ISA-L serves codes and checksums only"),
    ("curl/", ["storage/tiering", "tools"], "outgoing HTTP belongs to remote tiers"),
    ("expat.h", ["s3gw/xml"], "XML is read and written in one room"),
    ("CLI/", ["tools"], "the command line is the composition root's"),
    ("toml++/", ["tools"], "configuration is read by the composition root"),
]

# What passes by the seams: (name, regex over code without comments and strings, folders where it
# may stand, what to do instead). Tests may do all of it except what TEST_BANNED names.
# root_key.cc: the root key must be readable before any device is.
DISK = ["storage/io", "tools", "s3gw/auth/root_key.cc"]
BANNED = [
    ("disk", r"(?<![\w>])::(?:open|openat|creat|pread|pwrite|preadv2?|pwritev2?|read|write|fsync|"
             r"fdatasync|fallocate|posix_fallocate|ftruncate|truncate|rename|unlink|mkdir)\s*\(",
     DISK, "go through the disk seam (storage/io/disk.h)"),
    ("disk", r"(?<![\w.>:])(?:pread|pwrite|fsync|fdatasync|posix_fallocate|fopen)\s*\(",
     DISK, "go through the disk seam (storage/io/disk.h)"),
    ("disk", r"\bstd::(?:basic_)?[io]?fstream\b", DISK,
     "go through the disk seam (storage/io/disk.h)"),
    ("disk", r"#\s*include\s*<(?:fcntl\.h|sys/mman\.h|sys/uio\.h|fstream|sys/statvfs\.h)>",
     DISK, "go through the disk seam (storage/io/disk.h)"),
    ("disk", r"\bstd::filesystem\b|#\s*include\s*<filesystem>", DISK + ["storage/index"],
     "go through the disk seam; only the index's own directory is managed apart from it"),
    ("clock", r"_clock::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\(|(?<![\w.>])(?:std::)?time\s*\(\s*"
              r"(?:nullptr|NULL|0|&)", ["storage/base", "storage/io", "s3gw/http/asio_executor.cc"],
     "ask the executor for the time (storage/base/executor.h)"),
    ("random", r"\bstd::random_device\b|(?<![\w.>])s?rand\s*\(|\bgetrandom\s*\(|\bRAND_bytes\s*\(|"
               r"\bstd::mt19937(?:_64)?\b|\bstd::default_random_engine\b",
     ["storage/base", "storage/io"], "draw from the random seam (storage/base/random.h)"),
    ("thread", r"\bstd::this_thread\b|\bstd::j?thread\b|\bstd::async\s*\(|\bpthread_create\s*\(",
     ["storage/base", "storage/io", "s3gw/http/server.cc", "tools"],
     "run on an executor or a worker pool (storage/base/executor.h)"),
    ("socket", r"(?<![\w>])::(?:socket|connect|bind|listen|accept4?|send|recv|sendmsg|recvmsg)\s*\(|"
               r"#\s*include\s*<(?:sys/socket\.h|netinet/[a-z_]+\.h|arpa/inet\.h|netdb\.h)>",
     ["storage/io", "s3gw/http", "replication/wire", "tools"],
     "listeners and links own the network"),
]
SLEEP = (r"\bthis_thread::sleep_(?:for|until)\b|\bnanosleep\s*\(|(?<![\w.>])u?sleep\s*\(",
         "wait for the event itself (a timer of the executor, a condition, a future)")
# A fault disk may be slow on purpose.
SLEEP_ALLOWED = ["tests/process"]

# Text that names one machine. Written in two pieces so that this file does not name it either.
MACHINE_PATHS = ["/" + "work/", "/" + "root/."]

CLANG_FORMAT = "clang-format-14"
