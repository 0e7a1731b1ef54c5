#include "s3gw/xml/requests.h"

#include <algorithm>

#include "s3gw/xml/tree.h"
#include "storage/base/limits.h"

namespace taicang {

namespace {

error malformed(std::string why) {
    return error(errc::xml_malformed,
                 "The XML you provided did not validate against our published schema: " +
                     std::move(why) + ".");
}

std::string_view trimmed(std::string_view text) noexcept {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

result<xml_node> parse_as(std::string_view body, std::string_view root) {
    TC_TRY_ASSIGN(tree, parse_xml(body));
    if (tree.name != root) {
        return malformed("the document must be a " + std::string(root) + ", not a " + tree.name);
    }
    return tree;
}

std::string unquoted(std::string_view etag) {
    etag = trimmed(etag);
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
        etag = etag.substr(1, etag.size() - 2);
    }
    return std::string(etag);
}

result<delete_objects_body::object> read_object(const xml_node& node) {
    delete_objects_body::object object;
    bool has_key = false;
    for (const xml_node& field : node.children) {
        if (field.name == "Key" && !has_key) {
            object.key = field.text;
            has_key = true;
        } else if (field.name == "VersionId" && !object.version_id) {
            object.version_id = std::string(trimmed(field.text));
        } else if (field.name == "ETag" && !object.etag) {
            object.etag = unquoted(field.text);
        } else {
            // An unknown condition must not be skipped: the object would be deleted against it.
            return malformed("an Object has an unexpected " + field.name);
        }
    }
    if (object.key.empty()) return malformed("an Object has no Key");
    return object;
}

result<complete_multipart_body::part> read_part(const xml_node& node) {
    complete_multipart_body::part part;
    for (const xml_node& field : node.children) {
        const std::string_view text = trimmed(field.text);
        if (field.name == "PartNumber") {
            if (text.empty() || text.size() > 5 ||
                text.find_first_not_of("0123456789") != std::string_view::npos) {
                return malformed("a PartNumber is not a number from 1 to 10000");
            }
            part.number = 0;
            for (const char c : text) {
                part.number = part.number * 10 + static_cast<unsigned>(c - '0');
            }
        } else if (field.name == "ETag") {
            part.etag = unquoted(text);
        } else if (field.name == "ChecksumCRC32") {
            part.crc32 = text;
        } else if (field.name == "ChecksumCRC32C") {
            part.crc32c = text;
        } else if (field.name == "ChecksumCRC64NVME") {
            part.crc64nvme = text;
        } else if (field.name == "ChecksumSHA1") {
            part.sha1 = text;
        } else if (field.name == "ChecksumSHA256") {
            part.sha256 = text;
        }
    }
    if (part.number < 1 || part.number > limits::part_number_max) {
        return malformed("a PartNumber is not a number from 1 to 10000");
    }
    if (part.etag.empty()) return malformed("a Part has no ETag");
    return part;
}

}  // namespace

result<create_bucket_body> parse_create_bucket(std::string_view body) {
    create_bucket_body out;
    if (trimmed(body).empty()) return out;
    TC_TRY_ASSIGN(tree, parse_as(body, "CreateBucketConfiguration"));
    for (const xml_node& node : tree.children) {
        // Tags, or another kind of bucket: a plain one would not be what was asked for.
        if (node.name != "LocationConstraint")
            return malformed("a CreateBucketConfiguration has an unexpected " + node.name);
    }
    out.location_constraint = trimmed(tree.child_text("LocationConstraint"));
    return out;
}

result<delete_objects_body> parse_delete_objects(std::string_view body) {
    TC_TRY_ASSIGN(tree, parse_as(body, "Delete"));
    delete_objects_body out;
    for (const xml_node& node : tree.children) {
        if (node.name == "Quiet") {
            out.quiet = trimmed(node.text) == "true";
        } else if (node.name == "Object") {
            if (out.objects.size() == limits::delete_keys_max) {
                return malformed("there are more than 1000 Objects");
            }
            TC_TRY_ASSIGN(object, read_object(node));
            out.objects.push_back(std::move(object));
        } else {
            return malformed("a Delete has an unexpected " + node.name);
        }
    }
    if (out.objects.empty()) return malformed("a Delete has no Object");
    return out;
}

result<complete_multipart_body> parse_complete_multipart(std::string_view body) {
    TC_TRY_ASSIGN(tree, parse_as(body, "CompleteMultipartUpload"));
    complete_multipart_body out;
    for (const xml_node& node : tree.children) {
        if (node.name != "Part") {
            return malformed("a CompleteMultipartUpload has an unexpected " + node.name);
        }
        if (out.parts.size() == limits::part_number_max) {
            return malformed("there are more than 10000 Parts");
        }
        TC_TRY_ASSIGN(part, read_part(node));
        out.parts.push_back(std::move(part));
    }
    if (out.parts.empty()) return malformed("a CompleteMultipartUpload has no Part");
    return out;
}

}  // namespace taicang
