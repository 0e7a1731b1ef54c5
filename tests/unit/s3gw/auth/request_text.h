// Builds request heads from text, as a client would send them, for tests of what is decided on a
// head.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "s3gw/http/head_parser.h"

namespace taicang::tests {

/// Owns the text that its head's views point into. Lines are separated by '\n' for readability.
class parsed_head {
  public:
    explicit parsed_head(const std::string& lines) : parser_(http_limits{}) {
        for (const char c : lines) {
            if (c == '\n') text_ += '\r';
            text_ += c;
        }
        text_ += "\r\n\r\n";
        parser_.reset(head_);
        state_ = parser_.parse(text_);
        EXPECT_EQ(state_, http_parse_state::complete) << parser_.problem().message << "\n" << lines;
    }
    parsed_head(const parsed_head&) = delete;
    parsed_head& operator=(const parsed_head&) = delete;
    [[nodiscard]] const http_request_head& head() const { return head_; }

  private:
    std::string text_;
    http_head_parser parser_;
    http_request_head head_;
    http_parse_state state_ = http_parse_state::need_more;
};

}  // namespace taicang::tests
