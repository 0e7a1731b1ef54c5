// ListBuckets: all at once, or in pages when max-buckets asks for it.
#include <algorithm>

#include "s3gw/api/fields.h"
#include "s3gw/api/limits.h"
#include "s3gw/api/listing.h"
#include "s3gw/api/text.h"
#include "s3gw/api/verbs.h"
#include "s3gw/xml/writer.h"

namespace taicang::verb {

namespace {

struct bucket_wishes {
    std::string prefix;
    std::string after;
    std::size_t most = limits::list_buckets_max;
};

read_or_refused<bucket_wishes> read_wishes(const s3_call& call) {
    bucket_wishes wishes;
    wishes.prefix = std::string(call.query("prefix"));
    auto most =
        read_number(call, "max-buckets", limits::list_buckets_max, limits::list_buckets_max);
    if (!most) return most.refusal();
    if (*most == 0) {
        return bad_argument("max-buckets", call.query("max-buckets"),
                            "max-buckets must be an integer between 1 and 10000");
    }
    wishes.most = *most;
    const std::string_view token = call.query("continuation-token");
    if (!token.empty()) {
        const auto from = decode_token(token);
        if (!from) {
            return bad_argument("continuation-token", token,
                                "The continuation token provided is incorrect");
        }
        wishes.after = from->start_after;
    }
    return wishes;
}

/// Those of the page, in order, and whether there are more.
bool take_page(std::vector<bucket_row>& buckets, const s3_call& call, const bucket_wishes& wishes) {
    const std::string_view region = call.query("bucket-region");
    std::erase_if(buckets, [&](const bucket_row& row) {
        return !row.name.starts_with(wishes.prefix) || row.name <= wishes.after ||
               (!region.empty() && row.region != region);
    });
    std::sort(buckets.begin(), buckets.end(),
              [](const bucket_row& a, const bucket_row& b) { return a.name < b.name; });
    if (buckets.size() <= wishes.most) return false;
    buckets.erase(buckets.begin() + static_cast<std::ptrdiff_t>(wishes.most), buckets.end());
    return true;
}

}  // namespace

task<http_response> list_buckets(s3_call& call) {
    auto wishes = read_wishes(call);
    if (!wishes) co_return refuse(call, wishes.refusal());
    auto lease = co_await call.memory.acquire(limits::listing_lease_bytes);
    if (!lease) co_return refuse(call, lease.error());
    auto question = call.objects().list_buckets();
    auto buckets = co_await ask(call, std::move(question));
    if (!buckets) co_return refuse(call, buckets.error());
    const bool more = take_page(*buckets, call, *wishes);
    std::string document;
    xml_writer xml(document);
    xml.open_s3("ListAllMyBucketsResult");
    write_owner(xml, "Owner", call.owner());
    xml.open("Buckets");
    for (const bucket_row& row : *buckets) {
        xml.open("Bucket")
            .element("Name", row.name)
            .element("CreationDate", iso_date(row.created))
            .element("BucketRegion", row.region)
            .close();
    }
    xml.close();
    if (more) xml.element("ContinuationToken", encode_token({buckets->back().name, false}));
    if (!wishes->prefix.empty()) xml.element("Prefix", wishes->prefix);
    xml.close();
    co_return answer_xml(std::move(document));
}

}  // namespace taicang::verb
