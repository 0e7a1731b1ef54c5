#include "tools/cli/inspect_output.h"

#include <cstdio>

#include "tools/cli/exit_code.h"

namespace taicang {

std::string json_text(const nlohmann::json& document, int indent) {
    return document.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

int inspect_failed(const error& why) {
    std::fprintf(stderr, "taicang: %s\n", why.message.c_str());
    return exit_code_of(why.code);
}

}  // namespace taicang
