"""tools/tidy on small trees: a tidy one passes, and each rule fires on the one thing that breaks it."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE_ROOT = Path(__file__).resolve().parents[3]
TIDY = SOURCE_ROOT / "tools" / "tidy"

HEADER = """// A thing. Threads: any. Lifetime: value. Invariant: none.
#pragma once

namespace taicang {
int thing();
}  // namespace taicang
"""
SOURCE = """#include "storage/io/thing.h"

namespace taicang {

int thing() {
    return 1;
}

}  // namespace taicang
"""


def function_of(lines, name="long_one"):
    """A function of `lines` lines, signature and closing brace included."""
    return f"int {name}() {{\n" + "    thing();\n" * (lines - 3) + "    return 1;\n}\n"


class TidyCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("storage/io/thing.h", HEADER)
        self.write("storage/io/thing.cc", SOURCE)
        self.write("storage/io/CMakeLists.txt", "taicang_room(taicang_io SOURCES thing.cc)\n")
        self.write("docs/page.md", "See [the page](page.md) and [a part](../storage/io/thing.h).\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def build(self, path):
        """Names a source in its folder's CMakeLists.txt."""
        file = self.root / path
        lists = file.parent / "CMakeLists.txt"
        before = lists.read_text() if lists.exists() else ""
        lists.write_text(before + f"# builds {file.name}\n")

    def run_tidy(self, *arguments):
        return subprocess.run([sys.executable, TIDY, "--root", self.root, *arguments], text=True,
                              capture_output=True, check=False)

    def assert_clean(self):
        done = self.run_tidy("--no-format")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(" 0 problems", done.stdout)

    def assert_fires(self, where, rule, *words):
        """Exactly one problem: at `where` (path:line), of that rule, with these words in it."""
        done = self.run_tidy("--no-format")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        problems = done.stdout.splitlines()[:-1]
        self.assertEqual(len(problems), 1, done.stdout)
        self.assertTrue(problems[0].startswith(f"{where}: {rule}: "), problems[0])
        for word in words:
            self.assertIn(word, problems[0])

    def put_code(self, path, text):
        self.write(path, text)
        if path.endswith(".cc"):
            self.build(path)


class Baseline(TidyCase):
    def test_a_tidy_tree_passes(self):
        self.assert_clean()

    def test_the_house_itself_is_what_the_rules_describe(self):
        sys.path.insert(0, str(SOURCE_ROOT / "tools"))
        sys.dont_write_bytecode = True
        import tidy_rules
        for room, below in tidy_rules.ROOMS.items():
            self.assertTrue(set(below) <= set(tidy_rules.ROOMS), room)
        for library, folders, _ in tidy_rules.LIBRARIES:
            for place in folders:
                is_file = place.endswith(".cc") and (SOURCE_ROOT / place).is_file()
                self.assertTrue(is_file or place in tidy_rules.ROOMS, f"{library}: {place}")

        def below_of(room, path=()):
            self.assertNotIn(room, path, "the rooms' order has a circle")
            for lower in tidy_rules.ROOMS[room]:
                below_of(lower, (*path, room))
        for room in tidy_rules.ROOMS:
            below_of(room)


class Includes(TidyCase):
    def try_include(self, room, target_room, allowed):
        self.write(f"{target_room}/target.h", HEADER)
        self.put_code(f"{room}/user.cc", f'#include "{target_room}/target.h"\n')
        if allowed:
            self.assert_clean()
        else:
            self.assert_fires(f"{room}/user.cc:1", "includes", "arrow back up", room, target_room)

    def test_downwards(self):
        for room, below in [("storage/io", "storage/base"), ("storage/base", "erasure"),
                            ("storage/object", "storage/io"), ("tools", "s3gw/api"),
                            ("tools", "replication/wire"), ("s3gw/api", "storage/object"),
                            ("s3gw/api", "s3gw/http"), ("s3gw/auth", "s3gw/http"),
                            ("storage/upkeep", "storage/stripe")]:
            with self.subTest(room=room, below=below):
                self.setUp()
                self.try_include(room, below, True)

    def test_upwards_and_sideways(self):
        for room, target in [("storage/base", "storage/io"), ("erasure", "storage/base"),
                             ("storage/journal", "storage/stripe"),
                             ("storage/stripe", "storage/journal"),
                             ("storage/object", "storage/upkeep"),
                             ("storage/tiering", "storage/upkeep"),
                             ("s3gw/api", "replication/wire"), ("replication/dr", "s3gw/api"),
                             ("storage/object", "s3gw/api"), ("s3gw/http", "s3gw/api"),
                             ("storage/index", "tools")]:
            with self.subTest(room=room, target=target):
                self.setUp()
                self.try_include(room, target, False)

    def test_product_code_knows_no_tests(self):
        self.write("tests/unit/helper.h", HEADER)
        self.put_code("storage/io/user.cc", '#include "tests/unit/helper.h"\n')
        self.assert_fires("storage/io/user.cc:1", "includes", "tests/unit/helper.h")

    def test_tests_know_everything(self):
        self.write("tests/unit/helper.h", HEADER)
        self.put_code("tests/unit/test_x.cc",
                      '#include "storage/io/thing.h"\n#include "tests/unit/helper.h"\n')
        self.assert_clean()

    def test_includes_are_paths_from_the_root(self):
        self.put_code("storage/io/user.cc", '// why\n#include "thing.h"\n')
        self.assert_fires("storage/io/user.cc:2", "includes", '"thing.h"', "from the root")

    def test_a_folder_that_is_no_room(self):
        self.put_code("storage/misc/user.cc", "int x;\n")
        self.assert_fires("storage/misc/user.cc:1", "rooms", "ROOMS")

    def test_libraries_stay_in_their_rooms(self):
        for header, wrong, right in [("boost/beast.hpp", "s3gw/api", "s3gw/http"),
                                     ("boost/asio.hpp", "storage/journal", "storage/io"),
                                     ("rocksdb/db.h", "storage/object", "storage/index"),
                                     ("liburing.h", "storage/device", "storage/io"),
                                     ("isa-l/erasure_code.h", "storage/stripe", "erasure")]:
            with self.subTest(header=header):
                self.setUp()
                self.put_code(f"{right}/user.cc", f"#include <{header}>\n")
                self.assert_clean()
                self.put_code(f"{wrong}/user.cc", f"#include <{header}>\n")
                self.assert_fires(f"{wrong}/user.cc:1", "libraries", header)


class Sizes(TidyCase):
    def test_files(self):
        for path, limit in [("storage/io/big.cc", 600), ("storage/io/big.h", 250),
                            ("tests/unit/test_big.cc", 1000), ("tools/big.py", 600),
                            ("tools/script", 600)]:
            with self.subTest(path=path):
                self.setUp()
                first = HEADER if path.endswith(".h") else "// why\n"
                body = first + "// line\n" * (limit - first.count("\n"))
                self.put_code(path, body)
                self.assert_clean()
                self.write(path, body + "// one too many\n")
                self.assert_fires(f"{path}:{limit + 1}", "size", f"{limit + 1} lines")

    def test_folders(self):
        for number in range(24):
            self.put_code(f"storage/io/part_{number}.cc", "int x;\n")
            self.write(f"storage/io/part_{number}.h", HEADER)
        self.assert_clean()
        self.put_code("storage/io/part_24.cc", "int x;\n")
        self.assert_fires("storage/io:1", "folders", "26 sources")

    def test_functions(self):
        self.put_code("storage/io/user.cc", "// why\n" + function_of(70))
        self.assert_clean()
        self.put_code("storage/io/user.cc", "// why\n" + function_of(71))
        self.assert_fires("storage/io/user.cc:2", "functions", "71 lines")

    def test_functions_of_every_shape(self):
        long_body = "    thing();\n" * 75 + "}\n"
        for shape in ["void a::b(int x) const noexcept {\n",
                      "task<result<int>> a::b(std::vector<int> x = {}) {\n",
                      "a::a(int x) : b_{x}, c_(x) {\n",
                      "a::a(int x)\n    : b_{x},\n      c_{x} {\n",
                      "template <class T>\nauto f(T x) -> decltype(x) {\n",
                      "TEST(suite, name) {\n",
                      'extern "C" int LLVMFuzzerTestOneInput(const uint8_t* d, size_t n) {\n',
                      "struct result_of run(struct job x) {\n"]:
            with self.subTest(shape=shape):
                self.setUp()
                for wrap in ["{}", "namespace taicang {{\nnamespace {{\n{}}}\n}}\n",
                             "class outer {{\n  public:\n{}}};\n"]:
                    self.put_code("storage/io/user.cc", wrap.format(shape + long_body))
                    done = self.run_tidy("--no-format")
                    self.assertIn(": functions: ", done.stdout, shape)
                    self.assertIn(" 1 problems", done.stdout)

    def test_long_classes_tables_and_comments_are_no_functions(self):
        members = "    int member_x() const;\n" * 100
        table = "constexpr int table[] = {\n" + "    1,\n" * 100 + "};\n"
        braces = "int f() {\n    return '{' + g(\"}{{\");  // {{\n}\n" * 40
        self.put_code("storage/io/user.cc", "class x {\n" + members + "};\n" + table + braces)
        self.assert_clean()


class Seams(TidyCase):
    def try_line(self, line, name, wrong="storage/journal", right="storage/io"):
        with self.subTest(line=line):
            self.setUp()
            self.put_code(f"{right}/user.cc", f"// why\n{line}\n")
            self.assert_clean()
            self.put_code(f"{wrong}/user.cc", f"// why\n{line}\n")
            self.assert_fires(f"{wrong}/user.cc:2", "seams", name + ":")

    def test_disk(self):
        for line in ["int a = ::open(x, 0);", "auto n = ::pread(fd, p, n, 0);", "pwrite(fd, p, n, 0);",
                     "return fsync(fd);", "std::ofstream out(path);", "std::ifstream in(path);",
                     "#include <fcntl.h>", "#include <fstream>", "std::filesystem::remove(x);",
                     "::unlink(path);", "auto* f = fopen(path, mode);"]:
            self.try_line(line, "disk")

    def test_clock(self):
        for line in ["auto t = std::chrono::steady_clock::now();", "clock_gettime(0, &t);",
                     "auto t = system_clock::now();", "auto t = std::time(nullptr);"]:
            self.try_line(line, "clock")

    def test_random(self):
        for line in ["std::random_device d;", "int x = rand();", "srand(1);", "std::mt19937 g(1);",
                     "RAND_bytes(p, 8);"]:
            self.try_line(line, "random")

    def test_threads(self):
        for line in ["std::thread t(f);", "std::jthread t(f);", "std::this_thread::yield();",
                     "auto f = std::async(g);"]:
            self.try_line(line, "thread")

    def test_sockets(self):
        for line in ["int s = ::socket(1, 2, 3);", "#include <sys/socket.h>",
                     "#include <netinet/in.h>"]:
            self.try_line(line, "socket", right="s3gw/http")

    def test_sleep_is_banned_in_tests_too(self):
        for line in ["std::this_thread::sleep_for(x);", "usleep(1);", "::nanosleep(&t, nullptr);"]:
            with self.subTest(line=line):
                self.setUp()
                self.put_code("tests/unit/test_x.cc", f"// why\n{line}\n")
                self.assert_fires("tests/unit/test_x.cc:2", "seams", "sleep:")

    def test_words_that_only_look_alike(self):
        self.put_code("storage/journal/user.cc", """// open(2), pread() and std::thread in a comment
auto x = disk.open(path);
auto y = co_await files_->pread(1);
auto z = journal::open(environment);
task<void> fsync_all();
const char* text = "std::ofstream rand() ::open(";
auto w = brand(1) + lifetime(0) + strand();
co_await sleep_for(home, one_second);
""")
        self.assert_clean()

    def test_tests_may_do_what_the_product_may_not(self):
        self.put_code("tests/unit/test_x.cc", "std::ofstream out(x);\nstd::mt19937_64 g(1);\n")
        self.assert_clean()


class Headers(TidyCase):
    def test_opening_comment(self):
        self.write("storage/io/thing.h", "#pragma once\n// too late\n")
        self.assert_fires("storage/io/thing.h:1", "headers", "open with a comment")

    def test_pragma_once(self):
        self.write("storage/io/thing.h", HEADER.replace("#pragma once", "// #pragma once"))
        self.assert_fires("storage/io/thing.h:1", "headers", "#pragma once")


class Coroutines(TidyCase):
    def test_a_capturing_coroutine_lambda(self):
        for lambda_text in ["[this]() -> task<void> { co_await f(); }", "[&] { co_return; }",
                            "[a, b](int x) mutable -> task<int> { co_return x; }",
                            "[x = g()](std::span<const int> (*f)(int)) { co_yield x; }"]:
            with self.subTest(text=lambda_text):
                self.setUp()
                self.put_code("tests/unit/test_x.cc", f"// why\nspawn({lambda_text});\n")
                self.assert_fires("tests/unit/test_x.cc:2", "coroutines", "captures")

    def test_lambdas_that_are_well(self):
        self.put_code("storage/io/user.cc", """task<void> f() {
    spawn([](int x) -> task<void> { co_await g(x); });
    post([&] { h(); });
    post([&] { spawn([](int x) -> task<void> { co_await g(x); }); });
    for (auto& [a, b] : m) {
        co_await g(v[a]);
    }
    if (table[3]) {
        co_return;
    }
}
[[nodiscard]] task<int> g() {
    co_return 1;
}
""")
        self.assert_clean()


class Texts(TidyCase):
    def test_links(self):
        self.write("docs/page.md", "# x\n\nSee [there](missing.md#part).\n")
        self.assert_fires("docs/page.md:3", "links", "missing.md#part")

    def test_links_that_are_well(self):
        self.write("docs/sub/other.md", "[up](../page.md) [root](/storage/io/thing.h) [dir](../sub) "
                   "[web](https://example.org) [here](#x) `[not](a-link.md)`\n```\n[nor](this.md)\n```\n")
        self.assert_clean()

    def test_machine_paths(self):
        self.write("docs/page.md", "Look at\n" + "/" + "work/shared.\n")
        self.assert_fires("docs/page.md:2", "machine-paths")


class Build(TidyCase):
    def test_a_source_that_nobody_builds(self):
        self.write("storage/io/forgotten.cc", "int x;\n")
        self.assert_fires("storage/io/forgotten.cc:1", "build", "no CMakeLists.txt names")

    def test_a_longer_name_does_not_stand_for_a_shorter(self):
        self.put_code("storage/io/other_thing.cc", "int x;\n")
        self.write("storage/io/CMakeLists.txt", "x(thing.cc other_thing.cc)\n")
        self.assert_clean()
        self.write("storage/io/CMakeLists.txt", "x(other_thing.cc)\n")
        self.assert_fires("storage/io/thing.cc:1", "build")

    def test_a_parent_may_name_it(self):
        self.write("tests/unit/deep/test_x.cc", "int x;\n")
        self.write("tests/CMakeLists.txt", "taicang_test(t SOURCES unit/deep/test_x.cc)\n")
        self.assert_clean()

    def test_globs(self):
        self.write("storage/base/CMakeLists.txt", "file(GLOB all *.cc)\n")
        self.assert_fires("storage/base/CMakeLists.txt:1", "build", "GLOB")


@unittest.skipUnless(shutil.which("clang-format-14"), "clang-format-14 is not installed")
class Format(TidyCase):
    def test_format(self):
        shutil.copy(SOURCE_ROOT / ".clang-format", self.root)
        self.assertEqual(self.run_tidy().returncode, 0, self.run_tidy().stdout)
        self.write("storage/io/thing.cc", SOURCE.replace("    return", "  return"))
        done = self.run_tidy()
        self.assertEqual(done.returncode, 1)
        self.assertIn("storage/io/thing.cc:5: format: 1 places", done.stdout)


if __name__ == "__main__":
    unittest.main()
