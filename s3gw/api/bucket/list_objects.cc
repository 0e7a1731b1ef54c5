// ListObjects (version 1) and ListObjectsV2.
#include "s3gw/api/fields.h"
#include "s3gw/api/listing.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "storage/base/async.h"
#include "storage/base/limits.h"

namespace taicang::verb {

namespace {

struct list_wishes {
    list_request request;
    bool url_encoded = false;
};

read_or_refused<list_wishes> read_wishes(const s3_call& call) {
    list_wishes wishes;
    auto encoded = read_url_encoding(call);
    if (!encoded) return encoded.refusal();
    wishes.url_encoded = *encoded;
    auto most = read_number(call, "max-keys", limits::list_keys_max, limits::list_keys_max);
    if (!most) return most.refusal();
    wishes.request.keys_max = *most;
    wishes.request.prefix = std::string(call.query("prefix"));
    wishes.request.delimiter = std::string(call.query("delimiter"));
    return wishes;
}

task<result<list_page>> list_page_of(s3_call& call, list_request request) {
    return run_on(call.services.engine,
                  call.services.objects.list(call.bucket, std::move(request)));
}

}  // namespace

task<http_response> list_objects(s3_call& call) {
    auto wishes = read_wishes(call);
    if (!wishes) co_return refuse(call, wishes.refusal());
    const bool url = wishes->url_encoded;
    list_request request = wishes->request;
    request.start_after = std::string(call.query("marker"));
    // A marker that a page with a delimiter gave may be a common prefix: all keys under it were
    // told.
    const bool delimited = !request.delimiter.empty();
    request.start_after_is_common_prefix = delimited &&
                                           request.start_after.ends_with(request.delimiter) &&
                                           request.start_after.size() > request.prefix.size();
    auto page = co_await list_page_of(call, request);
    if (!page) co_return refuse(call, page.error());
    std::string document;
    xml_writer xml(document);
    xml.open_s3("ListBucketResult");
    xml.element("Name", call.bucket);
    xml.element("Prefix", listed_name(wishes->request.prefix, url));
    xml.element("Marker", listed_name(call.query("marker"), url));
    if (page->truncated && delimited && !page->entries.empty()) {
        xml.element("NextMarker", listed_name(page->entries.back().key, url));
    }
    xml.element("MaxKeys", std::uint64_t{wishes->request.keys_max});
    if (delimited) xml.element("Delimiter", listed_name(wishes->request.delimiter, url));
    xml.element("IsTruncated", page->truncated);
    if (url) xml.element("EncodingType", "url");
    for (const list_page::entry& entry : page->entries) {
        if (!entry.common_prefix) write_object_entry(xml, entry, url, &entry.version.owner);
    }
    write_common_prefixes(xml, *page, url);
    xml.close();
    co_return answer_xml(std::move(document));
}

namespace {

void write_v2(xml_writer& xml, const s3_call& call, const list_wishes& wishes,
              const list_page& page) {
    const bool url = wishes.url_encoded;
    xml.open_s3("ListBucketResult");
    xml.element("Name", call.bucket);
    xml.element("Prefix", listed_name(wishes.request.prefix, url));
    if (call.has_query("start-after"))
        xml.element("StartAfter", listed_name(call.query("start-after"), url));
    if (call.has_query("continuation-token"))
        xml.element("ContinuationToken", call.query("continuation-token"));
    if (page.truncated && !page.entries.empty()) {
        const list_page::entry& last = page.entries.back();
        xml.element("NextContinuationToken", encode_token({last.key, last.common_prefix}));
    }
    xml.element("KeyCount", std::uint64_t{page.entries.size()});
    xml.element("MaxKeys", std::uint64_t{wishes.request.keys_max});
    if (!wishes.request.delimiter.empty())
        xml.element("Delimiter", listed_name(wishes.request.delimiter, url));
    xml.element("IsTruncated", page.truncated);
    if (url) xml.element("EncodingType", "url");
    const bool owners = call.query("fetch-owner") == "true";
    for (const list_page::entry& entry : page.entries) {
        if (!entry.common_prefix)
            write_object_entry(xml, entry, url, owners ? &entry.version.owner : nullptr);
    }
    write_common_prefixes(xml, page, url);
    xml.close();
}

}  // namespace

task<http_response> list_objects_v2(s3_call& call) {
    if (call.query("list-type") != "2") {
        co_return refuse(call, s3_error(s3_code::invalid_argument, "Only list-type=2 is known.")
                                   .with("ArgumentName", "list-type")
                                   .with("ArgumentValue", std::string(call.query("list-type"))));
    }
    auto wishes = read_wishes(call);
    if (!wishes) co_return refuse(call, wishes.refusal());
    list_request request = wishes->request;
    request.start_after = std::string(call.query("start-after"));
    if (call.has_query("continuation-token")) {
        const auto from = decode_token(call.query("continuation-token"));
        if (!from) {
            co_return refuse(
                call,
                s3_error(s3_code::invalid_argument, "The continuation token provided is incorrect")
                    .with("ArgumentName", "continuation-token")
                    .with("ArgumentValue", std::string(call.query("continuation-token"))));
        }
        request.start_after = from->start_after;
        request.start_after_is_common_prefix = from->is_common_prefix;
    }
    auto page = co_await list_page_of(call, std::move(request));
    if (!page) co_return refuse(call, page.error());
    std::string document;
    xml_writer xml(document);
    write_v2(xml, call, *wishes, *page);
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
