// ListObjects (version 1) and ListObjectsV2.
#include "s3gw/api/fields.h"
#include "s3gw/api/limits.h"
#include "s3gw/api/listing.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"

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

struct leased_page {
    gateway_lease lease;
    list_page page;
};

task<result<leased_page>> list_page_of(s3_call& call, list_request request) {
    leased_page found;
    auto lease = co_await call.memory.acquire(limits::listing_lease_bytes);
    if (!lease) co_return std::move(lease).error();
    found.lease = std::move(*lease);
    auto question = call.objects().list(call.bucket, std::move(request));
    auto page = co_await ask(call, std::move(question));
    if (!page) co_return std::move(page).error();
    found.page = std::move(*page);
    co_return std::move(found);
}

void write_v1(xml_writer& xml, const s3_call& call, const list_wishes& wishes,
              const list_page& page) {
    const bool url = wishes.url_encoded;
    const bool delimited = !wishes.request.delimiter.empty();
    xml.open_s3("ListBucketResult");
    xml.element("Name", call.bucket);
    xml.element("Prefix", listed_name(wishes.request.prefix, url));
    xml.element("Marker", listed_name(call.query("marker"), url));
    // Without a delimiter the last key is the next marker.
    if (page.truncated && delimited && !page.entries.empty())
        xml.element("NextMarker", listed_name(page.entries.back().key, url));
    xml.element("MaxKeys", std::uint64_t{wishes.request.keys_max});
    if (delimited) xml.element("Delimiter", listed_name(wishes.request.delimiter, url));
    xml.element("IsTruncated", page.truncated);
    if (url) xml.element("EncodingType", "url");
    for (const list_page::entry& entry : page.entries) {
        if (!entry.common_prefix) write_object_entry(xml, entry, url, &entry.version.owner);
    }
    write_common_prefixes(xml, page, url);
    xml.close();
}

}  // namespace

task<http_response> list_objects(s3_call& call) {
    auto wishes = read_wishes(call);
    if (!wishes) co_return refuse(call, wishes.refusal());
    list_request request = wishes->request;
    request.start_after = std::string(call.query("marker"));
    request.start_after_is_common_prefix =
        is_common_prefix(request.start_after, request.prefix, request.delimiter);
    auto found = co_await list_page_of(call, std::move(request));
    if (!found) co_return refuse(call, found.error());
    std::string document;
    xml_writer xml(document);
    write_v1(xml, call, *wishes, found->page);
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
        co_return refuse(
            call, bad_argument("list-type", call.query("list-type"), "Only list-type=2 is known."));
    }
    auto wishes = read_wishes(call);
    if (!wishes) co_return refuse(call, wishes.refusal());
    list_request request = wishes->request;
    request.start_after = std::string(call.query("start-after"));
    request.start_after_is_common_prefix =
        is_common_prefix(request.start_after, request.prefix, request.delimiter);
    const std::string_view token = call.query("continuation-token");
    if (!token.empty()) {
        auto from = decode_token(token);
        if (!from) {
            co_return refuse(call, bad_argument("continuation-token", token,
                                                "The continuation token provided is incorrect"));
        }
        request.start_after = std::move(from->start_after);
        request.start_after_is_common_prefix = from->is_common_prefix;
    }
    auto found = co_await list_page_of(call, std::move(request));
    if (!found) co_return refuse(call, found.error());
    std::string document;
    xml_writer xml(document);
    write_v2(xml, call, *wishes, found->page);
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
