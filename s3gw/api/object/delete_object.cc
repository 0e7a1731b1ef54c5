#include "s3gw/api/fields.h"
#include "s3gw/api/verbs.h"
#include "storage/base/async.h"

namespace taicang::verb {

task<http_response> delete_object(s3_call& call) {
    auto when = read_conditions(call);
    if (!when) co_return refuse(call, when.refusal());
    std::optional<std::string> version;
    if (call.has_query("versionId")) version = std::string(call.query("versionId"));
    auto removed = co_await run_on(
        call.services.engine,
        call.services.objects.remove(call.bucket, call.key, std::move(version), std::move(*when)));
    if (!removed) co_return refuse(call, removed.error());
    if (removed->failure) co_return refuse(call, *removed->failure);
    co_return answer_empty(204);
}

}  // namespace taicang::verb
