// What the listings share: names encoded or not, entries of objects, opaque tokens.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "s3gw/api/call.h"
#include "s3gw/xml/writer.h"
#include "storage/object/types.h"

namespace taicang {

/// The text of a key in a document: URL-encoded when the client asked for it.
std::string listed_name(std::string_view key, bool url_encoded);
void write_object_entry(xml_writer& xml, const list_page::entry& entry, bool url_encoded,
                        const std::string* owner);
void write_common_prefixes(xml_writer& xml, const list_page& page, bool url_encoded);

/// A continuation token: where the next page starts. Opaque to clients, versioned, checked when it
/// comes back.
struct continuation {
    std::string start_after;
    bool is_common_prefix = false;
};
std::string encode_token(const continuation& from);
std::optional<continuation> decode_token(std::string_view token);

}  // namespace taicang
