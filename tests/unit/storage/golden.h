// Golden files: lines of `name hex` in tests/golden/, which today's encoders must still write and
// today's decoders read. TAICANG_WRITE_GOLDEN=1 in the environment writes a file anew (a change of
// format on purpose). Threads: the test's.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "storage/base/bytes.h"

namespace taicang::test {

using golden_lines = std::map<std::string, std::string>;

inline std::filesystem::path golden_path(const std::string& file) {
    std::filesystem::path root(__FILE__);
    for (int up = 0; up < 4; ++up)
        root = root.parent_path();
    return root / "tests" / "golden" / file;
}

inline golden_lines read_golden(const std::string& file) {
    golden_lines lines;
    std::ifstream in(golden_path(file));
    std::string name, hex;
    while (in >> name >> hex)
        lines[name] = hex;
    return lines;
}

/// Compares what the encoders write now with the file.
inline void expect_golden(const std::string& file, const golden_lines& now) {
    if (std::getenv("TAICANG_WRITE_GOLDEN") != nullptr) {
        std::ofstream out(golden_path(file));
        for (const auto& [name, hex] : now)
            out << name << ' ' << hex << '\n';
    }
    EXPECT_EQ(read_golden(file), now) << golden_path(file);
}

inline std::string from_hex(const std::string& hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return out;
}

}  // namespace taicang::test
