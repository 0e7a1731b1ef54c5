#include "s3gw/xml/tree.h"

#include <memory>
#include <new>

#include <expat.h>

#include "s3gw/xml/requests.h"

namespace taicang {

namespace {

/// What the callbacks share. A complaint stops the parser; only the first one counts.
struct reading {
    XML_Parser parser = nullptr;
    xml_node root;
    std::vector<xml_node*> open;  ///< path of the innermost element; grows only under its last one
    std::size_t elements = 0;
    std::string complaint;

    void stop(std::string why) {
        if (complaint.empty()) complaint = std::move(why);
        XML_StopParser(parser, XML_FALSE);
    }
};

std::string_view local_name(const XML_Char* name) noexcept {
    const std::string_view text(name);
    const std::size_t colon = text.rfind(':');
    return colon == std::string_view::npos ? text : text.substr(colon + 1);
}

void XMLCALL on_start(void* user, const XML_Char* name, const XML_Char**) {
    auto& in = *static_cast<reading*>(user);
    if (!in.complaint.empty()) return;
    if (in.open.size() == limits::xml_depth_max) return in.stop("elements nest too deep");
    if (++in.elements > limits::xml_elements_max) return in.stop("there are too many elements");
    xml_node* node = &in.root;
    if (!in.open.empty()) node = &in.open.back()->children.emplace_back();
    node->name = local_name(name);
    in.open.push_back(node);
}

void XMLCALL on_end(void* user, const XML_Char*) {
    auto& in = *static_cast<reading*>(user);
    if (in.complaint.empty() && !in.open.empty()) in.open.pop_back();
}

void XMLCALL on_text(void* user, const XML_Char* text, int length) {
    auto& in = *static_cast<reading*>(user);
    if (in.complaint.empty() && !in.open.empty()) {
        in.open.back()->text.append(text, static_cast<std::size_t>(length));
    }
}

void XMLCALL on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<reading*>(user)->stop("document type declarations are not accepted");
}

void XMLCALL on_entity(void* user, const XML_Char*, int, const XML_Char*, int, const XML_Char*,
                       const XML_Char*, const XML_Char*, const XML_Char*) {
    static_cast<reading*>(user)->stop("entity declarations are not accepted");
}

struct parser_deleter {
    void operator()(XML_Parser parser) const noexcept { XML_ParserFree(parser); }
};

}  // namespace

const xml_node* xml_node::child(std::string_view wanted) const noexcept {
    for (const xml_node& node : children) {
        if (node.name == wanted) return &node;
    }
    return nullptr;
}

std::string_view xml_node::child_text(std::string_view wanted) const noexcept {
    const xml_node* node = child(wanted);
    return node == nullptr ? std::string_view{} : std::string_view(node->text);
}

result<xml_node> parse_xml(std::string_view document) {
    if (document.size() > limits::xml_body_bytes_max) {
        return error(errc::xml_malformed, "The XML body is bigger than 2 MiB.");
    }
    const std::unique_ptr<std::remove_pointer_t<XML_Parser>, parser_deleter> parser(
        XML_ParserCreate(nullptr));
    if (!parser) throw std::bad_alloc();
    reading in;
    in.parser = parser.get();
    XML_SetUserData(parser.get(), &in);
    XML_SetElementHandler(parser.get(), on_start, on_end);
    XML_SetCharacterDataHandler(parser.get(), on_text);
    XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
    XML_SetEntityDeclHandler(parser.get(), on_entity);
    const auto status =
        XML_Parse(parser.get(), document.data(), static_cast<int>(document.size()), XML_TRUE);
    if (status == XML_STATUS_OK && in.complaint.empty()) return std::move(in.root);
    const std::string why = in.complaint.empty()
                                ? std::string(XML_ErrorString(XML_GetErrorCode(parser.get())))
                                : in.complaint;
    return error(errc::xml_malformed, "The XML you provided is not acceptable: " + why + " (line " +
                                          std::to_string(XML_GetCurrentLineNumber(parser.get())) +
                                          ").");
}

}  // namespace taicang
