// GetObjectTagging: what the version holds. Tags cannot be set yet, so clients that ask before a
// copy learn that there are none.
#include "s3gw/api/fields.h"
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
    auto opened = co_await open_object(call, std::move(request), std::nullopt);
    if (!opened) co_return refuse(call, opened.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("Tagging").open("TagSet");
    for (const auto& [name, value] : opened->info.version.tags) {
        xml.open("Tag").element("Key", name).element("Value", value).close();
    }
    xml.close().close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
