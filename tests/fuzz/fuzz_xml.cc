// XML bodies of requests, and the writer's escaping: what it writes must be well-formed and read
// back the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "s3gw/http/head.h"
#include "s3gw/xml/requests.h"
#include "s3gw/xml/tree.h"
#include "s3gw/xml/writer.h"
#include "storage/base/assert.h"

using namespace taicang;

namespace {

void check_tree(const xml_node& node, std::size_t depth) {
    TC_ASSERT(depth <= limits::xml_depth_max);
    for (const xml_node& child : node.children)
        check_tree(child, depth + 1);
}

bool is_carried_by_xml(std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 && c != '\t' && c != '\r' && c != '\n') return false;
    }
    return text.find("\xEF\xBF\xBE") == std::string_view::npos &&
           text.find("\xEF\xBF\xBF") == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (const auto tree = parse_xml(text)) check_tree(*tree, 1);
    if (const auto body = parse_delete_objects(text)) {
        TC_ASSERT(!body->objects.empty() && body->objects.size() <= 1000);
        for (const auto& object : body->objects)
            TC_ASSERT(!object.key.empty());
    }
    if (const auto body = parse_complete_multipart(text)) {
        for (const auto& part : body->parts)
            TC_ASSERT(part.number >= 1 && part.number <= 10'000);
    }
    static_cast<void>(parse_create_bucket(text).ok());

    if (is_carried_by_xml(text)) {
        std::string document;
        xml_writer xml(document);
        xml.element("Key", std::string_view(text));
        const auto back = parse_xml(document);
        TC_ASSERT_WHY(back.ok(), "what was written is not well-formed");
        std::string again;
        xml_escape(back->text, again);
        std::string once;
        xml_escape(text, once);
        TC_ASSERT_WHY(again == once, "what was written is read back differently");
    }
    std::string decoded;
    TC_ASSERT(percent_decode(s3_url_encode_key(text), true, decoded) && decoded == text);
    return 0;
}
