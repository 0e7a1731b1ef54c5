#include <algorithm>

#include "s3gw/api/body.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/requests.h"
#include "s3gw/xml/writer.h"
#include "storage/object/conditions.h"

namespace taicang::verb {

namespace {

/// One object of the request, and what became of it.
struct deletion {
    delete_objects_body::object asked;
    std::optional<error> failure;
};

/// Versions and conditions are removed one by one, the rest in as few records as it takes.
bool is_plain(const delete_objects_body::object& one) {
    return !one.version_id && !one.etag;
}

task<result<void>> remove_one(object_service& objects, const std::string& bucket, deletion& one) {
    if (one.asked.version_id && !is_version_id(*one.asked.version_id)) {
        one.failure = error(errc::invalid_argument, "Invalid version id specified");
        co_return ok();
    }
    conditions when;
    if (one.asked.etag) when.if_match.push_back(*one.asked.etag);
    auto question = objects.remove(bucket, one.asked.key, one.asked.version_id, std::move(when));
    auto removed = co_await std::move(question);
    if (removed.is(errc::bucket_not_found)) co_return std::move(removed).error();
    if (!removed) {
        one.failure = std::move(removed).error();
    } else if (removed->failure) {
        one.failure = std::move(removed->failure);
    }
    co_return ok();
}

task<result<void>> remove_plain(object_service& objects, const std::string& bucket,
                                std::vector<deletion>& all) {
    std::vector<deletion*> plain;
    std::vector<std::string> keys;
    for (deletion& one : all) {
        if (!is_plain(one.asked)) continue;
        plain.push_back(&one);
        keys.push_back(one.asked.key);
    }
    if (keys.empty()) co_return ok();
    auto question = objects.remove_many(bucket, std::move(keys));
    auto removed = co_await std::move(question);
    if (!removed) co_return std::move(removed).error();
    TC_ASSERT_WHY(removed->size() == plain.size(), "an outcome for each key, in order");
    for (std::size_t i = 0; i < plain.size(); ++i)
        plain[i]->failure = std::move((*removed)[i].failure);
    co_return ok();
}

/// On the engine, in one visit.
task<result<std::vector<deletion>>> remove_all(object_service& objects, std::string bucket,
                                               std::vector<deletion> all) {
    auto plain = co_await remove_plain(objects, bucket, all);
    if (!plain) co_return std::move(plain).error();
    for (deletion& one : all) {
        if (is_plain(one.asked)) continue;
        auto removed = co_await remove_one(objects, bucket, one);
        if (!removed) co_return std::move(removed).error();
    }
    co_return std::move(all);
}

void write_outcome(xml_writer& xml, const deletion& one, bool quiet) {
    if (!one.failure && quiet) return;
    xml.open(one.failure ? "Error" : "Deleted").element("Key", one.asked.key);
    if (one.asked.version_id) xml.element("VersionId", *one.asked.version_id);
    if (one.failure) {
        const s3_error why = s3_error_of(*one.failure);
        const s3_code_info& info = info_of(why.code);
        xml.element("Code", info.code);
        xml.element("Message", why.message.empty() ? info.message : std::string_view(why.message));
    }
    xml.close();
}

}  // namespace

task<http_response> delete_objects(s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) co_return refuse(call, *refused);
    auto document = co_await read_document(call, document_digests::of_body);
    if (!document) co_return refuse(call, document.refusal());
    auto body = parse_delete_objects(document->text);
    if (!body) co_return refuse(call, s3_error(s3_code::malformed_xml, body.error().message));
    std::vector<deletion> wanted;
    wanted.reserve(body->objects.size());
    for (delete_objects_body::object& one : body->objects)
        wanted.push_back({std::move(one), std::nullopt});
    auto question = remove_all(call.objects(), call.bucket, std::move(wanted));
    auto removed = co_await ask(call, std::move(question));
    if (!removed) co_return refuse(call, removed.error());
    std::string text;
    xml_writer xml(text);
    xml.open_s3("DeleteResult");
    for (const deletion& one : *removed)
        write_outcome(xml, one, body->quiet);
    xml.close();
    co_return answer_xml(std::move(text));
}

}  // namespace taicang::verb
