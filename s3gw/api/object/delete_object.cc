#include "s3gw/api/fields.h"
#include "s3gw/api/verbs.h"

namespace taicang::verb {

task<http_response> delete_object(s3_call& call) {
    if (auto refused = refuse_unbuilt(call)) co_return refuse(call, *refused);
    auto when = read_conditions(call);
    if (!when) co_return refuse(call, when.refusal());
    auto version = read_version_id(call);
    if (!version) co_return refuse(call, version.refusal());
    const std::optional<std::string> named = *version;
    auto question =
        call.objects().remove(call.bucket, call.key, std::move(*version), std::move(*when));
    auto removed = co_await ask(call, std::move(question));
    if (!removed) co_return refuse(call, removed.error());
    if (removed->failure) co_return refuse(call, *removed->failure);
    http_response response = answer_empty(204);
    if (named) response.headers.add("x-amz-version-id", *named);
    co_return response;
}

}  // namespace taicang::verb
