// Plain text for people: tables whose columns fit their contents, bytes and counts that read well.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace taicang {

/// Rows under a heading; numbers (cells that begin with a digit) are set to the right.
class text_table {
  public:
    explicit text_table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

/// "1.5 GiB".
std::string human_bytes(std::uint64_t bytes);
/// Control characters (of names that a client chose) as \xHH, so that a terminal is not commanded.
std::string printable(const std::string& text);

}  // namespace taicang
