// GetObjectTagging: clients ask for the tags before they copy large objects. Tags cannot be set
// yet, so the set that is told is empty, which is the truth.
#include "s3gw/api/open_object.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/writer.h"

namespace taicang::verb {

task<http_response> get_object_tagging(s3_call& call) {
    auto version = read_version_id(call);
    if (!version) co_return refuse(call, version.refusal());
    open_request request;
    request.bucket = call.bucket;
    request.key = call.key;
    request.version_id = std::move(*version);
    request.head_only = true;
    const bool names_version = request.version_id.has_value();
    std::optional<range_guard> no_guard;
    auto opened = co_await open_object(call, std::move(request), std::move(no_guard));
    if (opened.is(errc::key_not_found) && names_version)
        co_return refuse(call, s3_error(s3_code::no_such_version));
    if (!opened) co_return refuse(call, opened.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("Tagging").open("TagSet");
    for (const auto& [key, value] : opened->info.version.tags)
        xml.open("Tag").element("Key", key).element("Value", value).close();
    xml.close().close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
