// A small XML tree for request bodies: elements and text, no attributes kept, namespaces ignored.
// expat reads it; DTDs and entities beyond XML's five are refused, and depth and number of elements
// are limited. Threads: pure. Lifetime: the tree owns its strings.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace taicang {

struct xml_node {
    std::string name;  ///< without namespace prefix
    std::string text;  ///< character data of this element itself, concatenated
    std::vector<xml_node> children;

    /// The first child of that name, or null.
    [[nodiscard]] const xml_node* child(std::string_view wanted) const noexcept;
    /// Text of that child, or "".
    [[nodiscard]] std::string_view child_text(std::string_view wanted) const noexcept;
};

/// Reads a document. errc::xml_malformed with the line otherwise.
[[nodiscard]] result<xml_node> parse_xml(std::string_view document);

}  // namespace taicang
