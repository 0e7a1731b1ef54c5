// Rows of the namespace: buckets, versions, uploads, parts. Rows of places are in rows_blob.cc.
// Layout: docs/formats/index.md.
#include "storage/index/rows.h"

#include "storage/index/row_coding.h"

namespace taicang {
namespace {

using row_coding::count;
using row_coding::enumerator;
using row_coding::malformed;
using row_coding::open_row;
using row_coding::row_version;
using row_coding::text;

constexpr std::uint8_t bucket_flag_tombstone = 1;

constexpr std::uint8_t version_flag_tombstone = 1;
constexpr std::uint8_t version_flag_delete_marker = 2;
constexpr std::uint8_t version_flag_null = 4;
constexpr std::uint8_t version_flag_checksum = 8;
constexpr std::uint8_t version_flag_tags = 16;
constexpr std::uint8_t version_flag_part_sizes = 32;
constexpr std::uint8_t version_flags_known = 63;

constexpr std::uint8_t upload_flag_checksum = 1;
constexpr std::uint8_t upload_flag_full_object = 2;

constexpr std::uint8_t part_flag_checksum = 1;

constexpr std::uint8_t flag_if(bool set, std::uint8_t flag) {
    return set ? flag : std::uint8_t{0};
}

void put_checksum(encoder& out, const stored_checksum& checksum) {
    out.u8(static_cast<std::uint8_t>(checksum.kind));
    out.u8(checksum.full_object ? 1 : 0);
    out.text(checksum.value);
}

stored_checksum take_checksum(decoder& in) {
    stored_checksum checksum;
    checksum.kind = enumerator(in, digest_kind::md5, digest_kind::crc64nvme);
    checksum.full_object = row_coding::flags(in, 1) != 0;
    checksum.value = text(in);
    return checksum;
}

// Most objects have one header or none: a mask says which follow.
template <class Headers, class Each>
void each_header(Headers& headers, Each each) {
    each(headers.content_type);
    each(headers.content_encoding);
    each(headers.content_disposition);
    each(headers.content_language);
    each(headers.cache_control);
    each(headers.expires);
}
constexpr std::uint8_t headers_known = 63;

void put_headers(encoder& out, const content_headers& headers) {
    std::uint8_t mask = 0;
    std::uint8_t bit = 1;
    each_header(headers, [&](const std::string& value) {
        if (!value.empty()) mask = static_cast<std::uint8_t>(mask | bit);
        bit = static_cast<std::uint8_t>(bit << 1);
    });
    out.u8(mask);
    each_header(headers, [&](const std::string& value) {
        if (!value.empty()) out.text(value);
    });
}

content_headers take_headers(decoder& in) {
    content_headers headers;
    const std::uint8_t mask = row_coding::flags(in, headers_known);
    std::uint8_t bit = 1;
    each_header(headers, [&](std::string& value) {
        if ((mask & bit) != 0) value = text(in);
        bit = static_cast<std::uint8_t>(bit << 1);
    });
    return headers;
}

using text_pairs = std::vector<std::pair<std::string, std::string>>;

void put_pairs(encoder& out, const text_pairs& pairs) {
    out.varint(pairs.size());
    for (const auto& [name, value] : pairs) {
        out.text(name);
        out.text(value);
    }
}

text_pairs take_pairs(decoder& in) {
    text_pairs pairs(count(in, 2));
    for (auto& [name, value] : pairs) {
        name = text(in);
        value = text(in);
    }
    return pairs;
}

void put_blobs(encoder& out, const std::vector<blob_ref>& blobs) {
    out.varint(blobs.size());
    for (const blob_ref& ref : blobs) {
        out.varint(ref.blob.value);
        out.varint(ref.length);
    }
}

std::vector<blob_ref> take_blobs(decoder& in) {
    std::vector<blob_ref> blobs(count(in, 2));
    for (blob_ref& ref : blobs) {
        ref.blob = blob_id{in.varint()};
        ref.length = in.varint();
    }
    return blobs;
}

std::uint8_t version_flags(const version_row& row) {
    return static_cast<std::uint8_t>(flag_if(row.tombstone, version_flag_tombstone) |
                                     flag_if(row.delete_marker, version_flag_delete_marker) |
                                     flag_if(row.null_version, version_flag_null) |
                                     flag_if(row.checksum.has_value(), version_flag_checksum) |
                                     flag_if(!row.tags.empty(), version_flag_tags) |
                                     flag_if(!row.part_sizes.empty(), version_flag_part_sizes));
}

}  // namespace

std::string encode_row(const bucket_row& row) {
    std::string bytes;
    encoder out(bytes);
    out.u8(row_version);
    out.u8(flag_if(row.tombstone, bucket_flag_tombstone));
    out.varint(row.id.value);
    out.text(row.name);
    out.varint(row.tenant.value);
    out.text(row.owner);
    out.i64(row.created);
    out.text(row.region);
    return bytes;
}

result<bucket_row> decode_bucket_row(bytes_view bytes) {
    constexpr std::string_view what = "bucket row";
    decoder in(bytes);
    TC_TRY(open_row(in, what));
    bucket_row row;
    row.tombstone = row_coding::flags(in, bucket_flag_tombstone) != 0;
    row.id = bucket_id{in.varint()};
    row.name = text(in);
    row.tenant = tenant_id{row_coding::narrow<std::uint32_t>(in)};
    row.owner = text(in);
    row.created = in.i64();
    row.region = text(in);
    if (!in.finished()) return malformed(what);
    return row;
}

std::string encode_row(const version_row& row) {
    std::string bytes;
    bytes.reserve(128);
    encoder out(bytes);
    out.u8(row_version);
    out.u8(version_flags(row));
    out.varint(row.size);
    out.i64(row.modified);
    out.u64(row.clock.value);
    out.u8(static_cast<std::uint8_t>(row.klass));
    out.text(row.etag);
    out.text(row.owner);
    put_headers(out, row.headers);
    put_pairs(out, row.user_metadata);
    put_blobs(out, row.blobs);
    if (row.checksum) put_checksum(out, *row.checksum);
    if (!row.tags.empty()) put_pairs(out, row.tags);
    if (!row.part_sizes.empty()) {
        out.varint(row.part_sizes.size());
        for (const std::uint64_t size : row.part_sizes)
            out.varint(size);
    }
    return bytes;
}

result<version_row> decode_version_row(bytes_view bytes) {
    constexpr std::string_view what = "version row";
    decoder in(bytes);
    TC_TRY(open_row(in, what));
    version_row row;
    const std::uint8_t flags = row_coding::flags(in, version_flags_known);
    row.tombstone = (flags & version_flag_tombstone) != 0;
    row.delete_marker = (flags & version_flag_delete_marker) != 0;
    row.null_version = (flags & version_flag_null) != 0;
    row.size = in.varint();
    row.modified = in.i64();
    row.clock = hybrid_clock{in.u64()};
    row.klass = enumerator(in, storage_class::standard, storage_class::glacier);
    row.etag = text(in);
    row.owner = text(in);
    row.headers = take_headers(in);
    row.user_metadata = take_pairs(in);
    row.blobs = take_blobs(in);
    if ((flags & version_flag_checksum) != 0) row.checksum = take_checksum(in);
    if ((flags & version_flag_tags) != 0) row.tags = take_pairs(in);
    if ((flags & version_flag_part_sizes) != 0) {
        row.part_sizes.resize(count(in, 1));
        for (std::uint64_t& size : row.part_sizes)
            size = in.varint();
    }
    if (!in.finished()) return malformed(what);
    return row;
}

std::string encode_row(const upload_row& row) {
    std::string bytes;
    encoder out(bytes);
    out.u8(row_version);
    out.u8(static_cast<std::uint8_t>(flag_if(row.checksum_kind.has_value(), upload_flag_checksum) |
                                     flag_if(row.checksum_full_object, upload_flag_full_object)));
    out.text(row.upload_id);
    out.varint(row.bucket.value);
    out.text(row.key);
    out.i64(row.created);
    out.text(row.owner);
    out.text(encode_row(row.version));
    if (row.checksum_kind) out.u8(static_cast<std::uint8_t>(*row.checksum_kind));
    return bytes;
}

result<upload_row> decode_upload_row(bytes_view bytes) {
    constexpr std::string_view what = "upload row";
    decoder in(bytes);
    TC_TRY(open_row(in, what));
    upload_row row;
    const std::uint8_t flags =
        row_coding::flags(in, upload_flag_checksum | upload_flag_full_object);
    row.checksum_full_object = (flags & upload_flag_full_object) != 0;
    row.upload_id = text(in);
    row.bucket = bucket_id{in.varint()};
    row.key = text(in);
    row.created = in.i64();
    row.owner = text(in);
    const std::string_view version = in.text(bytes.size());
    if ((flags & upload_flag_checksum) != 0) {
        row.checksum_kind = enumerator(in, digest_kind::md5, digest_kind::crc64nvme);
    }
    if (!in.finished()) return malformed(what);
    TC_TRY_ASSIGN(decoded, decode_version_row(as_bytes(version)));
    row.version = std::move(decoded);
    return row;
}

std::string encode_row(const part_row& row) {
    std::string bytes;
    encoder out(bytes);
    out.u8(row_version);
    out.u8(flag_if(row.checksum.has_value(), part_flag_checksum));
    out.varint(row.number);
    out.varint(row.size);
    out.text(row.etag);
    out.i64(row.modified);
    put_blobs(out, row.blobs);
    if (row.checksum) put_checksum(out, *row.checksum);
    return bytes;
}

result<part_row> decode_part_row(bytes_view bytes) {
    constexpr std::string_view what = "part row";
    decoder in(bytes);
    TC_TRY(open_row(in, what));
    part_row row;
    const std::uint8_t flags = row_coding::flags(in, part_flag_checksum);
    row.number = row_coding::narrow<std::uint32_t>(in);
    row.size = in.varint();
    row.etag = text(in);
    row.modified = in.i64();
    row.blobs = take_blobs(in);
    if ((flags & part_flag_checksum) != 0) row.checksum = take_checksum(in);
    if (!in.finished()) return malformed(what);
    return row;
}

}  // namespace taicang
