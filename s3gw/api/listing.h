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

/// <name><ID/><DisplayName/></name>: Owner or Initiator.
void write_owner(xml_writer& xml, std::string_view name, const std::string& owner);
/// The text of a key in a document: URL-encoded when the client asked for it.
std::string listed_name(std::string_view key, bool url_encoded);
void write_object_entry(xml_writer& xml, const list_page::entry& entry, bool url_encoded,
                        const std::string* owner);
void write_common_prefixes(xml_writer& xml, const list_page& page, bool url_encoded);

/// Whether a marker is a common prefix that the page before it told, so that all keys under it are
/// passed over.
bool is_common_prefix(std::string_view marker, std::string_view prefix, std::string_view delimiter);

/// A continuation token: where the next page starts. Opaque to clients, versioned, checked when it
/// comes back.
struct continuation {
    std::string start_after;
    bool is_common_prefix = false;
};
std::string encode_token(const continuation& from);
std::optional<continuation> decode_token(std::string_view token);

}  // namespace taicang
