#include "s3gw/api/body.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/requests.h"
#include "s3gw/xml/writer.h"
#include "storage/base/async.h"

namespace taicang::verb {

namespace {

/// S3 wants the list of what is to be deleted guarded by a digest; the body's own are compared
/// here.
std::optional<s3_error> check_digests(const body_claims& claims, const std::string& text) {
    digest_set kinds;
    if (claims.expected.md5) kinds.add(digest_kind::md5);
    if (claims.expected.checksum) kinds.add(claims.expected.checksum->kind);
    content_hasher hasher(kinds);
    hasher.update(as_bytes(text));
    const content_digests found = hasher.finish();
    if (claims.expected.md5 && found.md5 != *claims.expected.md5)
        return s3_error(s3_code::bad_digest);
    if (claims.expected.checksum &&
        found.of(claims.expected.checksum->kind) != claims.expected.checksum->value) {
        return s3_error(s3_code::bad_digest);
    }
    return std::nullopt;
}

void write_outcome(xml_writer& xml, const delete_outcome& outcome, bool quiet) {
    if (outcome.failure) {
        const s3_error why = s3_error_of(*outcome.failure);
        const s3_code_info& info = info_of(why.code);
        xml.open("Error").element("Key", outcome.key).element("Code", info.code);
        xml.element("Message", why.message.empty() ? info.message : std::string_view(why.message))
            .close();
    } else if (!quiet) {
        xml.open("Deleted").element("Key", outcome.key).close();
    }
}

}  // namespace

task<http_response> delete_objects(s3_call& call) {
    auto claims = read_body_claims(call);
    if (!claims) co_return refuse(call, claims.refusal());
    auto text = co_await read_whole_body(call, limits::xml_body_bytes_max);
    if (!text) co_return refuse(call, text.error());
    if (auto refused = check_digests(*claims, *text)) co_return refuse(call, *refused);
    auto body = parse_delete_objects(*text);
    if (!body) co_return refuse(call, s3_error(s3_code::malformed_xml, body.error().message));
    std::vector<std::string> keys;
    for (const delete_objects_body::object& one : body->objects) {
        if (one.version_id && *one.version_id != "null") {
            co_return refuse(call, s3_error(s3_code::not_implemented,
                                            "Deleting versions by id is not implemented yet."));
        }
        if (one.etag) {
            co_return refuse(call,
                             s3_error(s3_code::not_implemented,
                                      "Conditions in DeleteObjects are not implemented yet."));
        }
        keys.push_back(one.key);
    }
    auto removed = co_await run_on(call.services.engine,
                                   call.services.objects.remove_many(call.bucket, std::move(keys)));
    if (!removed) co_return refuse(call, removed.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("DeleteResult");
    for (const delete_outcome& outcome : *removed)
        write_outcome(xml, outcome, body->quiet);
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
